/**
 * The flow of a Kata pod with pre-attestation, over real sockets: annotations, bundle, launch, measurement, secret, injection, and
 * a key broker client in the guest. SEV with policy 3, SEV-ES with policy 7.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { concatBytes, encodeBase64 } from '@assay/bytes';
import { BUNDLE_GUID, CONNECTION_GUID, guidBytes, sevLaunchDigest } from '@assay/evidence/sev';
import { OfflineSevKbc, OnlineSevKbc, SEV_SECRET_FOLDER, type SecretFiles } from '@assay/guest';
import { parseResourceUri } from '@assay/protocol';
import { launchWithSecrets } from '@assay/soft-tee';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SevClient, sevClient } from '../../packages/cli/src/client/sev.js';
import { startTestServer, type TestServer } from '../support/assay.js';
import { ALLOW_ALL, KEY, platform, world } from '../support/sev.js';

const folder = temporaryFolder('assay-sev-flow-');
const arkFile = join(folder, 'ark.cert');
const uri = parseResourceUri('kbs:///default/key/key_id1');
const random = (length: number): Uint8Array => randomBytes(length);

/** A firmware image with places for kernel hashes and for the reset vector of further vCPUs. */
const firmware = ((): Uint8Array => {
  const u16 = (value: number): Uint8Array => Uint8Array.of(value & 0xff, value >>> 8);
  const entry = (guid: string, data: Uint8Array): Uint8Array =>
    concatBytes(data, u16(data.length + 18), guidBytes(guid));
  const entries = concatBytes(
    entry('7255371f-3a3b-4b04-927b-1da6efa8d454', new Uint8Array(8)),
    entry('00f771de-1a7e-4fcb-890e-68c77e2fb44e', Uint8Array.of(0x04, 0xb0, 0x80, 0x00)),
  );
  const footer = concatBytes(u16(entries.length + 18), guidBytes('96b582de-1fb2-45f7-baea-a366c55a082d'));
  return concatBytes(new Uint8Array(8192).fill(0x90), entries, footer, new Uint8Array(32));
})();
const boot = {
  kernel: Buffer.from('kernel'),
  initrd: Buffer.from('initrd'),
  cmdline: 'agent.aa_kbc_params=online_sev_kbc::kbs:44444',
};

const MODES = [
  { name: 'SEV', policy: 3, digest: sevLaunchDigest({ firmware, boot }) },
  {
    name: 'SEV-ES',
    policy: 7,
    digest: sevLaunchDigest({ firmware, boot, es: { vcpus: 2, cpuSignature: 0xa00f11 } }),
  },
] as const;

/** Files as the guest's kernel shows them. */
function guestFiles(
  secrets: ReadonlyMap<string, Uint8Array>,
): SecretFiles & { readonly left: Map<string, Uint8Array> } {
  const left = new Map([...secrets].map(([guid, bytes]) => [`${SEV_SECRET_FOLDER}/${guid}`, bytes]));
  return { left, read: async (path) => left.get(path), remove: async (path) => void left.delete(path) };
}

let server: TestServer;
let client: SevClient;

beforeAll(async () => {
  writeFileSync(arkFile, world.sev.ark());
  server = await startTestServer({ sev: { listen: '127.0.0.1:0', emulated_ark: [arkFile] } });
  client = sevClient(server.server.sev ?? '');
  await server.admin('PUT', '/api/v1/resource-policy', { text: ALLOW_ALL });
  await server.admin('PUT', '/api/v1/resources/default/key/key_id1', Buffer.from(KEY));
  await server.admin('PUT', '/api/v1/resources/default/keyset/KEYSET-1', Buffer.from('["default/key/key_id1"]'));
});
afterAll(async () => {
  client.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(MODES)('$name', ({ policy, digest }) => {
  beforeAll(async () => {
    const document = { allowed_digests: [encodeBase64(digest)], allowed_policies: [policy] };
    await server.admin('PUT', '/api/v1/sev/launch-policies/default', document);
  });
  const launch = (change: object = {}) => ({ platform, broker: client, random, policy, digest, ...change });
  const bundle = { guid: BUNDLE_GUID, format: 'JSON', secretType: 'bundle', id: 'KEYSET-1' };
  const connection = { guid: CONNECTION_GUID, format: 'JSON', secretType: 'connection', id: 'KEYSET-1' };

  test('offline: the keyset is injected, and the guest reads its key', async () => {
    const files = guestFiles(await launchWithSecrets(launch(), [bundle]));
    expect(await new OfflineSevKbc({ files }).getResource(uri)).toEqual(KEY);
    expect(files.left.size).toBe(0);
  });

  test('online: a connection is injected, and the guest asks with it', async () => {
    const files = guestFiles(await launchWithSecrets(launch(), [connection]));
    const kbc = new OnlineSevKbc({ files, random, transport: client.getOnlineSecret });
    expect(await kbc.getResource(uri)).toEqual(KEY);
    await expect(kbc.getResource(parseResourceUri('default/key/none'))).rejects.toMatchObject({ reason: 'missing' });
    const denied = { allowed_policies: [policy === 3 ? 7 : 3] };
    await server.admin('PUT', '/api/v1/sev/launch-policies/default/key/key_id1', denied);
    await expect(kbc.getResource(uri)).rejects.toMatchObject({
      reason: 'refused',
      message: 'Policy validation failed: policy not valid',
      attempt: expect.stringMatching(/^[0-9a-z]{26}$/),
    });
    await server.admin('DELETE', '/api/v1/sev/launch-policies/default/key/key_id1');
    expect(await kbc.getResource(uri)).toEqual(KEY);
  });

  test('another kernel: nothing is injected, and the owner reads why', async () => {
    const other = sevLaunchDigest({ firmware, boot: { ...boot, kernel: Buffer.from('other') } });
    const refused = launchWithSecrets(launch({ digest: other }), [bundle]);
    const error = (await refused.catch((thrown: unknown) => thrown)) as { message: string; attempt: string };
    expect(error.message).toBe('Policy validation failed: fw digest not valid');
    const attempt = (await server.admin('GET', `/api/v1/attestations/${error.attempt}`)) as {
      kind: string;
      codes: string[];
    };
    expect(attempt).toMatchObject({ kind: 'launch', state: 'refused', tee: 'sev' });
    expect(attempt.codes).toEqual(['sev.launch.allowed']);
    const lying = launchWithSecrets(launch({ digest: other, claimedDigest: digest }), [bundle]);
    await expect(lying).rejects.toThrow('Measurement Verification Failed');
  });

  test('the other mode does not pass for this one', async () => {
    const refused = launchWithSecrets(launch({ policy: policy === 3 ? 7 : 3 }), [bundle]);
    await expect(refused).rejects.toThrow('Policy validation failed: policy not valid');
  });
});

test('off by default, and over TLS where it is asked for', async () => {
  const plain = await startTestServer();
  expect(plain.server.sev).toBeUndefined();
  expect((await plain.send('GET', '/api/v1/sev/launch-policies')).status).toBe(404);
  await plain.stop();
  const secure = await startTestServer({
    http: { insecure_http: false },
    sev: { listen: '127.0.0.1:0', tls: true, emulated_ark: [arkFile] },
  });
  const [address, ca] = [secure.server.sev ?? '', secure.server.certificate?.certificate];
  const [good, bad] = [sevClient(address, ca), sevClient(address)];
  const call = { certificateChain: encodeBase64(platform.chain), policy: 3 };
  expect((await good.getBundle(call)).launchId).toMatch(/^[0-9a-f-]{36}$/);
  await expect(bad.getBundle(call)).rejects.toMatchObject({ reason: 'unavailable' });
  good.close();
  bad.close();
  await secure.stop();
});

test('a file that is no ARK stops the start', async () => {
  const file = join(folder, 'not-an-ark');
  writeFileSync(file, 'x');
  await expect(startTestServer({ sev: { listen: '127.0.0.1:0', emulated_ark: [file] } })).rejects.toMatchObject({
    code: 'config.file.form',
  });
});

/** Runs on a machine with SEV: see docs/guides/sev-preattestation.md. No test elsewhere: there is nothing that could be installed to run it. */
const hook = process.env['ASSAY_SEV_HARDWARE'];
if (hook !== undefined)
  test('on hardware: the script of ASSAY_SEV_HARDWARE launches a guest that gets its secret', {
    timeout: 900_000,
  }, async () => {
    const real = await startTestServer({ sev: { listen: '0.0.0.0:44444' } });
    await real.admin('PUT', '/api/v1/resource-policy', { text: ALLOW_ALL });
    await real.admin('PUT', '/api/v1/resources/default/key/key_id1', Buffer.from(KEY));
    await real.admin('PUT', '/api/v1/resources/default/keyset/KEYSET-1', Buffer.from('["default/key/key_id1"]'));
    for (const policy of ['3', '7']) {
      const env = {
        ...process.env,
        ASSAY_SEV_KBS: real.server.sev ?? '',
        ASSAY_SEV_POLICY: policy,
        ASSAY_SEV_KEYSET: 'KEYSET-1',
      };
      const run = spawnSync(hook, [], { env, stdio: 'inherit' });
      expect(run.status, `policy ${policy}`).toBe(0);
    }
    const leases = (await real.admin('GET', '/api/v1/resources/default/key/key_id1/leases')) as { items: unknown[] };
    expect(leases.items).toHaveLength(2);
    await real.stop();
  });
