import { createHash, randomBytes } from 'node:crypto';
import { spkiOf } from '@assay/evidence/tpm';
import { parseCertificate } from '@assay/evidence/x509';
import { MemoryStorage } from '@assay/storage';
import { beforeEach, describe, expect, test } from 'vitest';
import { AkEnrolment, AttestationKeys, type EnrolmentOptions } from './index.js';
import { activate, attestationKey, endorsementKey, type SoftKey, softCa } from './soft-tpm.test.helper.js';

const ca = softCa('maker');
const by = { address: '10.0.0.7' };
const spki = ({ area }: SoftKey): string => createHash('sha256').update(spkiOf(area)).digest('hex');

let time: Date;
let storage: MemoryStorage;
let keys: AttestationKeys;
const now = (): Date => time;

beforeEach(() => {
  time = new Date('2026-11-22T00:00:00Z');
  storage = new MemoryStorage({ now: () => time.getTime() });
  keys = new AttestationKeys({ storage, now });
});

function enrolment(change: Partial<EnrolmentOptions> = {}): AkEnrolment {
  return new AkEnrolment({
    keys,
    storage,
    now,
    random: (length) => Uint8Array.from(randomBytes(length)),
    anchors: [parseCertificate(ca.certificate)],
    trustedEndorsements: [],
    days: 30,
    keysPerEndorsement: 2,
    ...change,
  });
}

const request = (ak: SoftKey, ek: SoftKey, certificates: readonly Uint8Array[] = [ca.certify(ek)]) => ({
  attestationKey: ak.bytes,
  endorsementKey: ek.bytes,
  certificates,
});

async function enrolled(service: AkEnrolment, ak: SoftKey, ek: SoftKey, certificates?: readonly Uint8Array[]) {
  const challenge = await service.begin(request(ak, ek, certificates), by);
  return service.finish({ id: challenge.id, secret: activate(ek, ak.name, challenge) }, by);
}

describe('an attestation key', () => {
  const ak = attestationKey();
  const ek = endorsementKey();

  test('is enrolled when its TPM opens the credential', async () => {
    const key = await enrolled(enrolment(), ak, ek);
    expect(key).toEqual({
      name: ak.name,
      spkiSha256: spki(ak),
      publicArea: Buffer.from(ak.bytes).toString('base64'),
      endorsement: {
        spkiSha256: spki(ek),
        certificate: {
          fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
          issuer: 'maker',
          serial: '07',
          notAfter: '2035-01-01T00:00:00.000Z',
          anchor: 'maker',
        },
      },
      enrolledAt: '2026-11-22T00:00:00.000Z',
      expiresAt: '2026-12-22T00:00:00.000Z',
      by,
    });
    expect(keys.trusted({ name: ak.name, spkiSha256: spki(ak) })).toEqual(key);
    expect(keys.trusted({ spkiSha256: spki(ak) })).toEqual(key);
    expect(await keys.get(ak.name)).toEqual(key);
  });

  test('is not trusted under another key’s name, nor with another key under its name', async () => {
    await enrolled(enrolment(), ak, ek);
    const other = attestationKey();
    expect(keys.trusted({ name: ak.name, spkiSha256: spki(other) })).toBeUndefined();
    expect(keys.trusted({ name: other.name, spkiSha256: spki(ak) })).toBeUndefined();
    expect(keys.trusted({ spkiSha256: spki(other) })).toBeUndefined();
  });

  test('ends, and may be enrolled anew', async () => {
    await enrolled(enrolment(), ak, ek);
    time = new Date('2026-12-21T23:59:59Z');
    expect(keys.trusted({ spkiSha256: spki(ak) })).toBeDefined();
    await enrolled(enrolment(), ak, ek);
    time = new Date('2026-12-22T00:00:00Z');
    expect(keys.trusted({ spkiSha256: spki(ak) })).toBeDefined();
    time = new Date('2027-01-20T23:59:59Z');
    expect(keys.trusted({ spkiSha256: spki(ak) })).toBeUndefined();
    expect(await keys.get(ak.name)).toBeUndefined();
  });

  test('does not outlive the certificate that it rests on', async () => {
    const end = new Date('2026-12-01T00:00:00Z');
    const key = await enrolled(enrolment(), ak, ek, [ca.certify(ek, end)]);
    expect(key.expiresAt).toBe(end.toISOString());
  });

  test('needs no certificate where the owner listed the endorsement key', async () => {
    const service = enrolment({ anchors: [], trustedEndorsements: [spki(ek)] });
    expect((await enrolled(service, ak, ek, [])).endorsement).toEqual({ spkiSha256: spki(ek) });
    expect((await enrolled(service, ak, ek)).endorsement).toEqual({ spkiSha256: spki(ek) });
  });
});

describe('refused at the beginning', () => {
  const ak = attestationKey();
  const ek = endorsementKey();
  const code = (act: Promise<unknown>) => expect(act).rejects;

  test.each<[string, string, () => Parameters<AkEnrolment['begin']>[0]]>([
    ['an AK that is none', 'tpm.enrolment.form', () => ({ ...request(ak, ek), attestationKey: ak.bytes.subarray(1) })],
    [
      'an EK with a size before it',
      'tpm.enrolment.form',
      () => ({ ...request(ak, ek), endorsementKey: Uint8Array.of(0, 122, ...ek.bytes) }),
    ],
    [
      'an AK off its curve',
      'tpm.enrolment.form',
      () => ({ ...request(ak, ek), attestationKey: ak.bytes.with(ak.bytes.length - 1, (ak.bytes.at(-1) ?? 0) ^ 1) }),
    ],
    ['a certificate that is none', 'tpm.enrolment.form', () => request(ak, ek, [Uint8Array.of(0x30, 0)])],
    [
      'too many certificates',
      'tpm.enrolment.form',
      () =>
        request(
          ak,
          ek,
          Array.from({ length: 6 }, () => ca.certificate),
        ),
    ],
    [
      'an AK that is not restricted',
      'tpm.enrolment.ak',
      () => request(attestationKey(['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'sign']), ek),
    ],
    ['an EK that signs', 'tpm.enrolment.ek', () => request(ak, attestationKey())],
    ['an EK without certificate', 'tpm.enrolment.ek', () => request(ak, ek, [])],
    [
      'an EK with the certificate of another',
      'tpm.enrolment.ek',
      () => request(ak, ek, [ca.certify(endorsementKey())]),
    ],
    ['an EK certified by a stranger', 'tpm.enrolment.ek', () => request(ak, ek, [softCa('stranger').certify(ek)])],
    [
      'an EK whose certificate ended',
      'tpm.enrolment.ek',
      () => request(ak, ek, [ca.certify(ek, new Date('2026-11-21T00:00:00Z'))]),
    ],
  ])('%s', async (_, id, made) => {
    await code(enrolment().begin(made(), by)).toMatchObject({ code: id });
    expect(await storage.list('tpm_enrolment', { limit: 10 })).toEqual([]);
  });

  test('an EK that both signs and decrypts, whoever certified it', async () => {
    const both = endorsementKey({ attributes: new Set([...ek.area.attributes, 'sign']) });
    await code(enrolment().begin(request(ak, both), by)).toMatchObject({
      code: 'tpm.enrolment.ek',
      message: expect.stringContaining('must not have sign'),
    });
  });

  test('an EK whose cipher is not served', async () => {
    const odd = endorsementKey({ symmetric: { algorithm: 0x26, keyBits: 128, mode: 0x43 } });
    await code(enrolment().begin(request(ak, odd), by)).toMatchObject({ code: 'tpm.enrolment.ek' });
  });

  test('one key too many of an EK; ended and revoked ones do not count', async () => {
    const service = enrolment();
    const [one, two] = [attestationKey(), attestationKey()];
    await enrolled(service, one, ek);
    await enrolled(service, two, ek);
    await enrolled(service, two, ek);
    await code(enrolled(service, ak, ek)).toMatchObject({ code: 'tpm.enrolment.limit' });
    await enrolled(service, ak, endorsementKey());
    await keys.revoke(one.name, { by, endorsement: false });
    await enrolled(service, attestationKey(), ek);
    time = new Date('2027-02-01T00:00:00Z');
    await enrolled(service, attestationKey(), ek);
  });

  test('and at the end, where several began', async () => {
    const service = enrolment({ keysPerEndorsement: 1 });
    const [one, two] = [attestationKey(), attestationKey()];
    const challenges = [await service.begin(request(one, ek), by), await service.begin(request(two, ek), by)] as const;
    await service.finish({ id: challenges[0].id, secret: activate(ek, one.name, challenges[0]) }, by);
    const late = service.finish({ id: challenges[1].id, secret: activate(ek, two.name, challenges[1]) }, by);
    await code(late).toMatchObject({ code: 'tpm.enrolment.limit' });
  });
});

describe('a challenge', () => {
  const ak = attestationKey();
  const ek = endorsementKey();

  test('opens for its two keys alone', async () => {
    const challenge = await enrolment().begin(request(ak, ek), by);
    expect(() => activate(endorsementKey(), ak.name, challenge)).toThrow('TPM_RC_INTEGRITY');
    expect(() => activate(ek, attestationKey().name, challenge)).toThrow('TPM_RC_INTEGRITY');
  });

  test('takes one answer', async () => {
    const service = enrolment();
    const challenge = await service.begin(request(ak, ek), by);
    const answer = { id: challenge.id, secret: activate(ek, ak.name, challenge) };
    const both = await Promise.allSettled([service.finish(answer, by), service.finish(answer, by)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await expect(service.finish(answer, by)).rejects.toMatchObject({ code: 'tpm.enrolment.challenge' });
  });

  test('is used up by a wrong answer', async () => {
    const service = enrolment();
    const challenge = await service.begin(request(ak, ek), by);
    const secret = activate(ek, ak.name, challenge);
    for (const wrong of [secret.with(0, (secret[0] ?? 0) ^ 1), secret.subarray(1), new Uint8Array()]) {
      const again = await service.begin(request(ak, ek), by);
      await expect(service.finish({ id: again.id, secret: wrong }, by)).rejects.toMatchObject({
        code: 'tpm.enrolment.secret',
      });
      const right = { id: again.id, secret: activate(ek, ak.name, again) };
      await expect(service.finish(right, by)).rejects.toMatchObject({ code: 'tpm.enrolment.challenge' });
    }
    expect(keys.trusted({ spkiSha256: spki(ak) })).toBeUndefined();
  });

  test('does not take the secret of another one', async () => {
    const service = enrolment();
    const [one, two] = [await service.begin(request(ak, ek), by), await service.begin(request(ak, ek), by)];
    const secret = activate(ek, ak.name, two);
    await expect(service.finish({ id: one.id, secret }, by)).rejects.toMatchObject({ code: 'tpm.enrolment.secret' });
  });

  test('ends', async () => {
    const service = enrolment();
    const challenge = await service.begin(request(ak, ek), by);
    expect(challenge.expiresAt).toEqual(new Date('2026-11-22T00:02:00Z'));
    time = challenge.expiresAt;
    const answer = { id: challenge.id, secret: activate(ek, ak.name, challenge) };
    await expect(service.finish(answer, by)).rejects.toMatchObject({ code: 'tpm.enrolment.challenge' });
  });

  test.each(['', 'ak/x', '../x', '0'.repeat(31), '0'.repeat(32)])('has an id of its own kind: %s', async (id) => {
    const answer = { id, secret: new Uint8Array(32) };
    await expect(enrolment().finish(answer, by)).rejects.toMatchObject({ code: 'tpm.enrolment.challenge' });
  });

  test('keeps no secret', async () => {
    const challenge = await enrolment().begin(request(ak, ek), by);
    const secret = Buffer.from(activate(ek, ak.name, challenge));
    const [entry] = await storage.list('tpm_enrolment', { limit: 1, values: true });
    const stored = Buffer.from(entry?.value ?? []).toString();
    expect(stored).toContain(ak.name);
    for (const form of ['hex', 'base64', 'base64url'] as const) expect(stored).not.toContain(secret.toString(form));
  });
});

describe('a revoked', () => {
  const ak = attestationKey();
  const ek = endorsementKey();

  test('key is not trusted, not enrolled again, and stays on the list', async () => {
    const service = enrolment();
    await enrolled(service, ak, ek);
    const begun = await service.begin(request(ak, ek), by);
    const key = await keys.revoke(ak.name, { by: { subject: 'owner' }, reason: 'lost', endorsement: false });
    expect(key.revoked).toEqual({ at: '2026-11-22T00:00:00.000Z', by: { subject: 'owner' }, reason: 'lost' });
    expect(keys.trusted({ spkiSha256: spki(ak) })).toBeUndefined();
    await expect(service.begin(request(ak, ek), by)).rejects.toMatchObject({ code: 'tpm.enrolment.revoked' });
    // Nor by an answer to a challenge that is older than the revocation.
    const answer = { id: begun.id, secret: activate(ek, ak.name, begun) };
    await expect(service.finish(answer, by)).rejects.toMatchObject({ code: 'tpm.enrolment.revoked' });
    time = new Date('2036-01-01T00:00:00Z');
    expect((await keys.list()).items).toEqual([key]);
    expect(await keys.revoke(ak.name, { by, endorsement: false })).toEqual(key);
  });

  test('endorsement key takes all keys along, and lets none in', async () => {
    const service = enrolment();
    const other = attestationKey();
    await enrolled(service, ak, ek);
    await enrolled(service, other, ek);
    await keys.revoke(ak.name, { by, endorsement: true });
    expect(keys.trusted({ spkiSha256: spki(other) })).toBeUndefined();
    await expect(service.begin(request(attestationKey(), ek), by)).rejects.toMatchObject({
      code: 'tpm.enrolment.revoked',
    });
  });

  test.each(['', 'zz', 'a b', '000b', `000b${'00'.repeat(32)}`, '../ek'])('key must be one: %s', async (name) => {
    await expect(keys.revoke(name, { by, endorsement: false })).rejects.toMatchObject({ code: 'tpm.ak.known' });
    expect(await keys.get(name)).toBeUndefined();
  });
});

describe('several replicas', () => {
  const ak = attestationKey();
  const ek = endorsementKey();

  test('agree once they have looked, and look by themselves', async () => {
    const replica = new AttestationKeys({ storage, now });
    await replica.refresh();
    await enrolled(enrolment(), ak, ek);
    expect(replica.trusted({ spkiSha256: spki(ak) })).toBeUndefined();
    await replica.refresh();
    expect(replica.trusted({ spkiSha256: spki(ak) })).toBeDefined();
    await keys.revoke(ak.name, { by, endorsement: false });
    await replica.refresh();
    expect(replica.trusted({ spkiSha256: spki(ak) })).toBeUndefined();
    const late = new AttestationKeys({ storage, now });
    const other = attestationKey();
    await enrolled(enrolment(), other, ek);
    expect(late.trusted({ spkiSha256: spki(other) })).toBeUndefined();
    await expect.poll(() => late.trusted({ spkiSha256: spki(other) })).toBeDefined();
  });

  test('look once in a second, and again when the clock was set back', async () => {
    await keys.refresh();
    let looked = 0;
    const revision = storage.revision.bind(storage);
    storage.revision = (ns) => {
      looked += 1;
      return revision(ns);
    };
    const ask = async (milliseconds: number): Promise<number> => {
      time = new Date(time.getTime() + milliseconds);
      keys.trusted({ spkiSha256: '' });
      keys.trusted({ spkiSha256: '' });
      await new Promise((resolve) => setTimeout(resolve, 5));
      return looked;
    };
    expect([await ask(0), await ask(999), await ask(1), await ask(-5)]).toEqual([0, 0, 1, 2]);
  });

  test('do not trust again what was revoked while an earlier look was under way', async () => {
    await enrolled(enrolment(), ak, ek);
    const other = new AttestationKeys({ storage, now });
    const list = storage.list.bind(storage);
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    storage.list = async (ns, options) => {
      const page = await list(ns, options);
      if (ns === 'tpm_ak') {
        storage.list = list;
        await held;
      }
      return page;
    };
    const early = other.refresh();
    await new Promise((resolve) => setImmediate(resolve));
    await keys.revoke(ak.name, { by, endorsement: false });
    await other.refresh();
    release();
    await early;
    expect(other.trusted({ spkiSha256: spki(ak) })).toBeUndefined();
  });

  test('trust nothing while storage does not answer', async () => {
    await enrolled(enrolment(), ak, ek);
    expect(keys.trusted({ spkiSha256: spki(ak) })).toBeDefined();
    const { revision } = storage;
    storage.revision = () => Promise.reject(new Error('down'));
    await expect(keys.refresh()).rejects.toThrow('down');
    expect(keys.trusted({ spkiSha256: spki(ak) })).toBeUndefined();
    storage.revision = revision;
    await keys.refresh();
    expect(keys.trusted({ spkiSha256: spki(ak) })).toBeDefined();
  });

  test('a page of keys at a time', async () => {
    const service = enrolment({ keysPerEndorsement: 10 });
    const made = [attestationKey(), attestationKey(), attestationKey()];
    for (const key of made) await enrolled(service, key, ek);
    const names = made.map(({ name }) => name).sort();
    const first = await keys.list({ limit: 2 });
    expect([first.items.map(({ name }) => name), first.next]).toEqual([names.slice(0, 2), names[1]]);
    const last = await keys.list({ limit: 2, after: first.next ?? '' });
    expect([last.items.map(({ name }) => name), last.next]).toEqual([names.slice(2), undefined]);
  });
});

describe('a damaged record', () => {
  test.each([
    '{',
    '[]',
    '{"name":1}',
    '{"name":"a","spkiSha256":"b","publicArea":"","enrolledAt":"","expiresAt":"","endorsement":{}}',
  ])('is no key: %s', async (text) => {
    await storage.put('tpm_ak', 'ak/000b', Buffer.from(text));
    await expect(keys.refresh()).rejects.toMatchObject({ code: 'storage.record.intact' });
    await expect(keys.get('000b')).rejects.toMatchObject({ code: 'storage.record.intact' });
  });

  test.each(['{"spkiSha256":"x"}', '{"revoked":{}}'])('revokes nothing silently: %s', async (text) => {
    await storage.put('tpm_ak', 'ek/00', Buffer.from(text));
    await expect(keys.refresh()).rejects.toMatchObject({ code: 'storage.record.intact' });
  });

  test.each(['null', '{"name":"a","spkiSha256":"b","publicArea":"","secretSha256":""}'])(
    'is no challenge: %s',
    async (text) => {
      const id = '0'.repeat(32);
      await storage.put('tpm_enrolment', id, Buffer.from(text));
      const answer = { id, secret: new Uint8Array(32) };
      await expect(enrolment().finish(answer, by)).rejects.toMatchObject({ code: 'storage.record.intact' });
    },
  );
});
