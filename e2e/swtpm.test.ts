import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeHex } from '@assay/bytes';
import { spkiOf } from '@assay/evidence/tpm';
import { type Attester, tpmAttester } from '@assay/guest';
import {
  akTemplate,
  createPrimary,
  ekTemplate,
  enrol,
  flushing,
  handles,
  type KeyKind,
  RH,
  readNv,
  signingTemplate,
  type Tpm,
  withAttestationKey,
} from '@assay/guest/tpm';
import { parseResourceUri } from '@assay/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { affirmingPolicy, guestOf, startTestServer, type TestServer } from './support/assay.js';
import { type BootEvent, eventLogOf, measure, measuredBoot, pcrAfter } from './support/measured-boot.js';
import { persist, type SoftwareTpm, swtpmPossible, type TpmMaker, tpmMaker } from './support/swtpm.js';

const uri = parseResourceUri('default/key/1');
const SECRET = 'for a TPM';

/** Quotes of a real TPM 2.0, from the enrolment of its key to a secret. */
describe.skipIf(!swtpmPossible())('a TPM 2.0', () => {
  let maker: TpmMaker;
  let tpm: SoftwareTpm;
  let other: SoftwareTpm;
  let server: TestServer;
  const boot = measuredBoot();

  beforeAll(async () => {
    maker = tpmMaker();
    tpm = await maker.manufacture('one');
    other = await maker.manufacture('two', { certified: false });
    server = await startTestServer({ tpm: { enrolment: 'public', ek_roots: [maker.ca] } });
    await server.admin('PUT', '/api/v1/resource-policy', { text: affirmingPolicy });
    await server.admin('PUT', '/api/v1/resources/default/key/1', Buffer.from(SECRET));
    await server.admin('PUT', '/api/v1/reference-values/tpm_pcr11', { value: [encodeHex(pcrAfter(boot, 11))] });
  }, 60_000);

  afterAll(async () => {
    await server?.stop();
    await maker?.close();
  });

  beforeEach(async () => {
    await tpm.reboot();
  });

  const enrolled = (at: SoftwareTpm = tpm, options: Partial<Parameters<typeof enrol>[0]> = {}) =>
    at.use((device) => enrol({ tpm: device, transport: server.transport, ...options }));

  function attester(
    events: readonly BootEvent[] = boot,
    more: Partial<Parameters<typeof tpmAttester>[0]> = {},
  ): Attester {
    const log = join(maker.folder, `log-${randomBytes(4).toString('hex')}`);
    writeFileSync(log, eventLogOf(events));
    return tpmAttester({ address: tpm.address, eventLog: log, ...more });
  }

  /** The owner says which keys may have the secret: the default policy asks for that as well. */
  async function trustKeyOf(made: Attester): Promise<void> {
    const evidence = (await made.getEvidence(new Uint8Array(32))) as { ak_public: string };
    await server.admin('PUT', '/api/v1/reference-values/trusted_aks', { value: [evidence.ak_public] });
  }

  /** Findings that failed, of the last attempt. */
  async function failures(attempt: string | undefined) {
    const { verdict } = (await server.admin('GET', `/api/v1/attestations/${attempt}`)) as {
      verdict: {
        findings: { id: string; outcome: string; title?: string; subject?: string; compare?: { also?: string[] } }[];
      };
    };
    return verdict.findings.filter(({ outcome }) => outcome === 'fail');
  }

  test.each([
    ['rsa2048', { kind: 'rsa2048' }],
    ['p256', { kind: 'p256' }],
  ] as const)('whose %s key is enrolled gets a secret for what it booted', async (_, key) => {
    await tpm.use((device) => measure(device, boot));
    const { name } = await enrolled(tpm, { key });
    expect(name).toMatch(/^000b[0-9a-f]{64}$/);
    const made = attester(boot, { key });
    await trustKeyOf(made);
    const guest = guestOf(server, { attester: made });
    expect(Buffer.from(await guest.getResource(uri)).toString()).toBe(SECRET);
  });

  test('leaves nothing loaded behind', async () => {
    await enrolled();
    await attester().getEvidence(randomBytes(48));
    await expect(enrolled(tpm, { key: { handle: 0x8101ffff } })).rejects.toThrow('TPM2_ReadPublic');
    const loaded = (device: Tpm) => Promise.all([0x80, 0x02, 0x03].map((kind) => handles(device, kind * 2 ** 24)));
    expect(await tpm.use(loaded)).toEqual([[], [], []]);
  });

  describe('whose key is enrolled is refused', () => {
    beforeAll(async () => {
      await tpm.reboot();
      await enrolled();
      await trustKeyOf(attester());
    });

    async function refused(made: Attester) {
      const guest = guestOf(server, { attester: made });
      await expect(guest.getResource(uri)).rejects.toMatchObject({ reason: 'refused', status: 401 });
      return failures(guest.lastAttempt);
    }

    test('when one PCR has another value than its events lead to', async () => {
      const evil = boot.map((event) =>
        event.pcr === 4 && event.measured !== undefined ? { ...event, measured: Buffer.from('evil grub') } : event,
      );
      await tpm.use((device) => measure(device, evil));
      const found = await refused(attester(boot));
      expect(found.map(({ id, subject }) => `${id} ${subject}`)).toContain('eventlog.register.replay PCR 4');
      expect(found.filter(({ id }) => id === 'eventlog.register.replay')).toHaveLength(1);
      const [replay] = found.filter(({ id }) => id === 'eventlog.register.replay');
      expect(replay?.title).toMatch(/^PCR 4 replays to [0-9a-f…]+ after 4 events; the quote has [0-9a-f…]+$/);
    });

    test('when it left out an event that its log has', async () => {
      const shim = boot.findIndex(({ measured }) => Buffer.from(measured ?? []).toString() === 'shim');
      await tpm.use((device) =>
        measure(
          device,
          boot.filter((_, n) => n !== shim),
        ),
      );
      const [replay] = (await refused(attester(boot))).filter(({ id }) => id === 'eventlog.register.replay');
      expect(replay).toMatchObject({ subject: 'PCR 4' });
      expect(JSON.stringify(replay)).toContain(`event ${shim + 1} (EV_EFI_BOOT_SERVICES_APPLICATION)`);
    });

    test('when an event says something else than what was measured', async () => {
      const action = boot.findIndex(({ data }) => Buffer.from(data).toString().startsWith('Calling EFI'));
      await tpm.use((device) => measure(device, boot));
      const told = boot.map((event, n) =>
        n === action ? { ...event, measured: event.data, data: Buffer.from('Calling something nice') } : event,
      );
      const found = await refused(attester(told));
      expect(found.map(({ id, subject }) => `${id} ${subject}`)).toContain(`eventlog.event.digest event ${action + 1}`);
    });

    test('when it booted another kernel, and says so', async () => {
      const changed = measuredBoot({ kernel: 'vmlinuz-6.1.0-evil' });
      await tpm.use((device) => measure(device, changed));
      const found = await refused(attester(changed));
      expect(found.map(({ id }) => id)).not.toContain('eventlog.register.replay');
      expect(JSON.stringify(found)).toContain('pcr11');
    });

    test('when it measured nothing', async () => {
      expect((await refused(attester(boot))).map(({ id }) => id)).toContain('eventlog.register.replay');
    });

    test('when its evidence is of an earlier handshake', async () => {
      await tpm.use((device) => measure(device, boot));
      const old = await attester().getEvidence(randomBytes(48));
      const found = await refused({ tee: 'tpm', getEvidence: async () => old });
      expect(found.map(({ id }) => id)).toContain('binding.report-data.match');
    });

    test('when values do not belong to the quote', async () => {
      await tpm.use((device) => measure(device, boot));
      const found = await refused({
        tee: 'tpm',
        getEvidence: async (reportData) => {
          const evidence = (await attester().getEvidence(reportData)) as { tpm_quote: { pcrs: string[] } };
          evidence.tpm_quote.pcrs[23] = '11'.repeat(32);
          return evidence as never;
        },
      });
      expect(found.map(({ id }) => id)).toContain('tpm.pcr.digest');
    });
  });

  test('whose key nobody enrolled is refused', async () => {
    await tpm.use((device) => measure(device, boot));
    const handle = 0x81010042;
    await tpm.use((device) => persist(device, handle, akTemplate('p256')));
    const guest = guestOf(server, { attester: attester(boot, { key: { handle } }) });
    await expect(guest.attest()).rejects.toMatchObject({ code: 'evidence.refused' });
    expect((await failures(guest.lastAttempt)).map(({ id }) => id)).toEqual(['tpm.key.trust']);
    // The same key, made by TPM2_Create and kept under a handle, can be enrolled like one of a template.
    await enrolled(tpm, { key: { handle } });
    await expect(guest.attest()).resolves.toBeTypeOf('string');
  });

  test('whose key is not restricted is neither enrolled nor believed', async () => {
    const handle = 0x81010043;
    const attributes = ['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'userWithAuth', 'sign'] as const;
    await tpm.use((device) => persist(device, handle, signingTemplate('rsa2048', attributes)));
    await expect(enrolled(tpm, { key: { handle } })).rejects.toMatchObject({ code: 'evidence.refused' });
    const guest = guestOf(server, { attester: attester(boot, { key: { handle } }) });
    await expect(guest.attest()).rejects.toMatchObject({ code: 'evidence.refused' });
    expect((await failures(guest.lastAttempt)).map(({ id }) => id)).toContain('tpm.key.attributes');
  });

  describe('enrolment', () => {
    /** Public areas of the keys of a TPM, base64. */
    const keysOf = (at: SoftwareTpm) =>
      at.use(async (device) => {
        const ek = await createPrimary(device, RH.endorsement, ekTemplate('rsa2048'));
        return flushing.after(device, ek.handle, () =>
          withAttestationKey(device, { kind: 'rsa2048' }, async (ak) => ({
            ak: Buffer.from(ak.publicBytes).toString('base64'),
            ek: Buffer.from(ek.publicBytes).toString('base64'),
          })),
        );
      });
    const post = (path: string, body: unknown) =>
      server.send('POST', path, { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

    test('of a TPM without a certificate is refused, unless the owner listed its EK', async () => {
      await expect(enrolled(other)).rejects.toMatchObject({ code: 'evidence.refused' });
      const digest = await other.use(ekDigest);
      const lenient = await startTestServer({ tpm: { enrolment: 'public', trusted_eks: [digest] } });
      try {
        await expect(enrolled(other, { transport: lenient.transport })).resolves.toMatchObject({
          name: expect.stringMatching(/^000b/),
        });
        await expect(enrolled(other, { transport: lenient.transport, endorsementKey: 'p256' })).rejects.toMatchObject({
          code: 'evidence.refused',
        });
        const ecc = await other.use((device) => ekDigest(device, 'p256'));
        const also = await startTestServer({ tpm: { enrolment: 'public', trusted_eks: [ecc] } });
        const request = { transport: also.transport, endorsementKey: 'p256' } as const;
        await expect(enrolled(other, request))
          .resolves.toMatchObject({ name: expect.stringMatching(/^000b/) })
          .finally(also.stop);
      } finally {
        await lenient.stop();
      }
    });

    test('of another TPM’s key with this TPM’s EK ends in a credential that neither opens', async () => {
      const [mine, theirs] = [await keysOf(tpm), await keysOf(other)];
      const challenge = await post('/kbs/v0/tpm/challenge', {
        ak_public: theirs.ak,
        ek_public: mine.ek,
        ek_certificates: [await tpm.use(certificateOf)],
      });
      expect(challenge.status).toBe(200);
      const { id } = challenge.json() as { id: string };
      // The swapped keys go through the guest's own code as well: its TPM refuses what is for another Name.
      const swapped = await enrolled(tpm, {
        transport: (request) =>
          server.transport(
            request.path.endsWith('/challenge')
              ? { ...request, body: withMember(request.body, 'ak_public', theirs.ak) }
              : request,
          ),
      }).catch((error: unknown) => error);
      expect(swapped).toMatchObject({ name: 'TpmError', message: expect.stringContaining('TPM_RC_INTEGRITY') });
      const guess = await post('/kbs/v0/tpm/answer', { id, secret: randomBytes(32).toString('base64') });
      expect(guess.json()).toMatchObject({ code: 'evidence.refused' });
      const again = await post('/kbs/v0/tpm/answer', { id, secret: randomBytes(32).toString('base64') });
      expect(again.json()).toMatchObject({ code: 'session.invalid' });
    });

    test('takes the answer to a challenge once', async () => {
      let answer: Uint8Array | undefined;
      const { name } = await enrolled(tpm, {
        transport: (request) => {
          if (request.path.endsWith('/answer')) answer = request.body;
          return server.transport(request);
        },
      });
      const replayed = await server.send('POST', '/kbs/v0/tpm/answer', {
        headers: { 'content-type': 'application/json' },
        body: answer ?? '',
      });
      expect([replayed.status, replayed.json()]).toMatchObject([401, { code: 'session.invalid' }]);
      expect(await server.admin('GET', `/api/v1/tpm/aks/${name}`)).toMatchObject({
        endorsement: { certificate: { anchor: 'swtpm-localca' }, device: { model: 'swtpm' } },
      });
    });

    test('is there where the owner wants it, for whom the owner wants it', async () => {
      const [off, guarded] = [
        await startTestServer(),
        await startTestServer({ tpm: { enrolment: 'admin', ek_roots: [maker.rootCa, maker.ca] } }),
      ];
      try {
        await expect(enrolled(tpm, { transport: off.transport })).rejects.toThrow('tpm.enrolment');
        await expect(enrolled(tpm, { transport: guarded.transport })).rejects.toMatchObject({ status: 401 });
        const { name } = await enrolled(tpm, { transport: guarded.transport, adminToken: guarded.token });
        expect(await guarded.admin('GET', `/api/v1/tpm/aks/${name}`)).toMatchObject({
          by: { subject: expect.any(String) },
        });
      } finally {
        await off.stop();
        await guarded.stop();
      }
    });
  });

  test('is not enrolled where the Attestation Service is a remote one', async () => {
    const starting = startTestServer({ attestation_service: { type: 'grpc' }, tpm: { enrolment: 'public' } });
    await expect(starting).rejects.toMatchObject({
      code: 'config.file.form',
      message: expect.stringContaining('tpm.enrolment'),
    });
  });

  describe('once revoked', () => {
    test('a key is refused from the next quote on, and is not enrolled again', async () => {
      await tpm.use((device) => measure(device, boot));
      const key = { handle: 0x81010044 };
      await tpm.use((device) => persist(device, key.handle, akTemplate('rsa2048')));
      const { name } = await enrolled(tpm, { key });
      const guest = guestOf(server, { attester: attester(boot, { key }) });
      await guest.attest();
      await server.admin('POST', `/api/v1/tpm/aks/${name}/revoke`, { reason: 'taken out of service' });
      await expect(guest.attest()).rejects.toMatchObject({ code: 'evidence.refused' });
      expect((await failures(guest.lastAttempt)).map(({ id }) => id)).toEqual(['tpm.key.trust']);
      await expect(enrolled(tpm, { key })).rejects.toMatchObject({ code: 'evidence.refused' });
      const page = (await server.admin('GET', '/api/v1/tpm/aks')) as { items: { name: string; revoked?: unknown }[] };
      expect(page.items.find((item) => item.name === name)?.revoked).toMatchObject({ reason: 'taken out of service' });
      const acts = (await server.admin('GET', '/api/v1/audit')) as { items: unknown[] };
      expect(acts.items[0]).toMatchObject({ act: 'tpm.ak.revoke', object: name });
    });

    test('a key is refused by other replicas as well, from the next quote on', async () => {
      await tpm.use((device) => measure(device, boot));
      const settings = { tpm: { enrolment: 'public' as const, ek_roots: [maker.ca] } };
      const one = await startTestServer(settings);
      const two = await startTestServer(settings, { dataDir: one.dataDir });
      try {
        const guest = guestOf(two, { attester: attester() });
        await expect(guest.attest()).rejects.toMatchObject({ code: 'evidence.refused' });
        const { name } = await enrolled(tpm, { transport: one.transport });
        await guest.attest();
        await one.admin('POST', `/api/v1/tpm/aks/${name}/revoke`, {});
        await expect(guest.attest()).rejects.toMatchObject({ code: 'evidence.refused' });
      } finally {
        await two.stop();
        await one.stop();
      }
    });

    test('an endorsement key takes all keys of its TPM along', async () => {
      const mine = await startTestServer({ tpm: { enrolment: 'public', ek_roots: [maker.ca] } });
      try {
        const { transport } = mine;
        const { name } = await enrolled(tpm, { transport });
        await enrolled(tpm, { transport, key: { kind: 'p256' } });
        const guest = guestOf(mine, { attester: attester([], { key: { kind: 'p256' } }) });
        await guest.attest();
        await mine.admin('POST', `/api/v1/tpm/aks/${name}/revoke`, { endorsement_key: true });
        await expect(guest.attest()).rejects.toMatchObject({ code: 'evidence.refused' });
        await expect(enrolled(tpm, { transport, key: { kind: 'p256' } })).rejects.toMatchObject({
          code: 'evidence.refused',
        });
      } finally {
        await mine.stop();
      }
    });
  });
});

/** SHA-256 of the public key of an endorsement key, as `tpm.trusted_eks` lists it. */
async function ekDigest(tpm: Tpm, kind: KeyKind = 'rsa2048'): Promise<string> {
  const ek = await createPrimary(tpm, RH.endorsement, ekTemplate(kind));
  return flushing.after(tpm, ek.handle, async () => createHash('sha256').update(spkiOf(ek.publicArea)).digest('hex'));
}

/** The EK certificate that the maker left in the TPM, base64. */
async function certificateOf(tpm: Tpm): Promise<string> {
  return Buffer.from(await readNv(tpm, 0x01c00002)).toString('base64');
}

function withMember(body: Uint8Array | undefined, member: string, value: string): Uint8Array {
  const object = JSON.parse(Buffer.from(body ?? '').toString()) as object;
  return Buffer.from(JSON.stringify({ ...object, [member]: value }));
}
