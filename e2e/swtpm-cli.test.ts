import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeHex } from '@assay/bytes';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { affirmingPolicy, startTestServer, type TestServer } from './support/assay.js';
import { assay } from './support/cli.js';
import { eventLogOf, measure, measuredBoot, pcrAfter } from './support/measured-boot.js';
import { type SoftwareTpm, swtpmPossible, type TpmMaker, tpmMaker } from './support/swtpm.js';

/** What a person does with a TPM and the command line. */
describe.skipIf(!swtpmPossible())('assay tpm', () => {
  let maker: TpmMaker;
  let tpm: SoftwareTpm;
  let server: TestServer;
  let log: string;
  const boot = measuredBoot();

  beforeAll(async () => {
    maker = tpmMaker();
    tpm = await maker.manufacture('machine');
    await tpm.use((device) => measure(device, boot));
    log = join(maker.folder, 'log');
    writeFileSync(log, eventLogOf(boot));
    server = await startTestServer({ tpm: { enrolment: 'public', ek_roots: [maker.ca] } });
    await server.admin('PUT', '/api/v1/resource-policy', { text: affirmingPolicy });
    await server.admin('PUT', '/api/v1/resources/default/key/1', Buffer.from('for a TPM'));
    await server.admin('PUT', '/api/v1/reference-values/tpm_pcr11', { value: [encodeHex(pcrAfter(boot, 11))] });
  }, 60_000);

  afterAll(async () => {
    await server?.stop();
    await maker?.close();
  });

  const run = (...args: string[]) =>
    assay(args, { env: { ASSAY_SERVER: server.url, ASSAY_TOKEN: server.token, ASSAY_CONFIG_HOME: maker.folder } });
  const guest = (...args: string[]) =>
    run('client', ...args, '--tee', 'tpm', '--tpm', tpm.address, '--tpm-event-log', log);

  test('info names the maker and the banks', async () => {
    const { json } = await run('tpm', 'info', '--tpm', tpm.address, '--json');
    expect(json()).toMatchObject({ manufacturer: 'IBM', banks: ['sha256'] });
  });

  test('a key is enrolled, attests, gets a secret, is revoked, and gets no more', { timeout: 240_000 }, async () => {
    const before = await guest('attest');
    expect([before.code, before.err]).toEqual([1, expect.stringContaining('assay audit show')]);

    const enrolled = await run('tpm', 'enrol', '--tpm', tpm.address, '--json');
    expect([enrolled.code, enrolled.err]).toEqual([0, '']);
    const { name } = enrolled.json() as { name: string };

    const attested = await guest('attest', '--json');
    expect(attested.code).toBe(0);
    const { claims } = attested.json() as { claims: { submods: Record<string, unknown> } };
    const annotated = claims.submods['cpu0'] as { 'ear.veraison.annotated-evidence': { tpm: Record<string, unknown> } };
    const tee = annotated['ear.veraison.annotated-evidence'].tpm;
    expect(tee).toMatchObject({ ak_trust: 'enrolled', pcr11: encodeHex(pcrAfter(boot, 11)) });

    await server.admin('PUT', '/api/v1/reference-values/trusted_aks', { value: [tee['ak_public']] });
    const secret = await guest('get-resource', 'default/key/1');
    expect([secret.code, secret.out]).toEqual([0, 'for a TPM']);

    const listed = await run('tpm', 'list');
    expect(listed.out).toContain(name);
    expect(listed.out).toMatch(/good .*swtpm-localca, swtpm/);
    expect((await run('tpm', 'show', name)).out).toContain('swtpm-localca');

    const revoked = await run('tpm', 'revoke', name, '--reason', 'test');
    expect([revoked.code, revoked.out]).toEqual([0, `revoked ${name}\n`]);
    expect((await run('tpm', 'list')).out).toMatch(/revoked/);
    expect((await guest('get-resource', 'default/key/1')).code).toBe(1);
    const again = await run('tpm', 'enrol', '--tpm', tpm.address);
    expect([again.code, again.out]).toEqual([1, '']);
  });

  test('says what is wrong, and what to do', { timeout: 240_000 }, async () => {
    const nowhere = await run('client', 'attest', '--tee', 'tpm', '--tpm', `unix:${maker.folder}/none.sock`);
    expect([nowhere.code, nowhere.err]).toEqual([4, expect.stringContaining('swtpm socket --tpm2')]);
    const unnamed = await run('tpm', 'info', '--tpm', 'com1');
    expect([unnamed.code, unnamed.err]).toEqual([4, expect.stringContaining('tcp:HOST:PORT')]);
    const key = await run('client', 'attest', '--tee', 'tpm', '--tpm', tpm.address, '--tpm-key', 'dsa');
    expect([key.code, key.err]).toEqual([2, expect.stringContaining('0x81010002')]);
    const handle = await run('client', 'attest', '--tee', 'tpm', '--tpm', tpm.address, '--tpm-key', '0x81010002');
    expect([handle.code, handle.err]).toEqual([1, expect.stringContaining('TPM2_ReadPublic')]);
    const log = await run('client', 'attest', '--tee', 'tpm', '--tpm', tpm.address, '--tpm-event-log', 'none');
    expect([log.code, log.err]).toEqual([1, expect.stringContaining('event log')]);
    const azure = await run('client', 'attest', '--tee', 'az-snp-vtpm', '--tpm', tpm.address);
    expect([azure.code, azure.err]).toEqual([1, expect.stringContaining('0x01400001')]);
    const unknown = await run('tpm', 'revoke', '000b00');
    expect([unknown.code, unknown.err]).toEqual([expect.any(Number), expect.stringContaining('not enrolled')]);
    expect(unknown.code).not.toBe(0);
  });
});
