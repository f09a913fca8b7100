/**
 * The broker with the real Attestation Service, reference values, key management and SQLite: behaviours that upstream's
 * integration tests assert.
 */
import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { AttestationService } from '@assay/attestation-service';
import { canonicalJson, type JsonObject, type JsonValue } from '@assay/bytes';
import { sampleDeviceVerifier, sampleVerifier } from '@assay/evidence';
import { BuiltinKms } from '@assay/kms';
import { PROTOCOL_VERSIONS, type ProtocolVersion, parseResponse } from '@assay/protocol';
import { ReferenceValues } from '@assay/rvps';
import { openSqliteStorage, type Storage } from '@assay/storage';
import { temporaryFolder } from '@assay/testkit';
import { flattenedDecrypt, importJWK } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openKeyBroker } from './broker.js';
import { toKbsError } from './errors.js';
import { ALLOW_ALL, type Bench, Guest, json, refusalOf, SECRET, SECRET_PATH } from './testing/harness.test.helper.js';
import type { AdminPrincipal } from './types.js';

const PATH = `resource/${SECRET_PATH}`;
const NOT_CONTRAINDICATED = `package policy
default allow = false
allow if { input.submods.cpu0["ear.status"] != "contraindicated" }`;

let folder: string;
let storage: Storage;
let bench: Bench & { readonly as: AttestationService; readonly rvps: ReferenceValues };

beforeEach(async () => {
  folder = temporaryFolder('assay-whole-');
  const clock = { now: new Date('2026-11-21T10:00:00Z') };
  const now = () => clock.now;
  const millis = () => clock.now.getTime();
  storage = await openSqliteStorage({ path: join(folder, 'assay.db'), now: millis });
  const kms = new BuiltinKms({ directory: join(folder, 'kek') });
  const rvps = new ReferenceValues({ storage, now: millis });
  const as = await AttestationService.open({
    storage,
    kms,
    referenceValues: rvps,
    verifiers: [sampleVerifier, sampleDeviceVerifier],
    now,
    refreshMs: 0,
  });
  const config = { admin: { authorization_mode: 'InsecureAllowAll' } } as const;
  const broker = await openKeyBroker({ config, storage, kms, attestation: as, now, random: randomBytes });
  const admin = { subject: 'ana', role: 'admin' } as AdminPrincipal;
  await broker.resources.set(SECRET_PATH, SECRET, admin);
  bench = { broker, storage, clock, warnings: [], admin, as, rvps, close: async () => {} } as unknown as typeof bench;
});
afterEach(async () => {
  await storage.close();
  rmSync(folder, { recursive: true });
});

const b64 = (text: string) => Buffer.from(text).toString('base64url');

async function resourcePolicy(text: string): Promise<void> {
  await bench.broker.operations.setResourcePolicy(json({ policy: b64(text) }), bench.admin);
}

async function attestationPolicy(id: string, text: string): Promise<void> {
  await bench.broker.operations.setAttestationPolicy(json({ policy_id: id, policy: b64(text) }), bench.admin);
}

async function referenceValue(name: string, value: JsonValue): Promise<void> {
  const payload = Buffer.from(JSON.stringify({ [name]: value })).toString('base64');
  await bench.broker.operations.registerReferenceValue(
    json({ version: '0.1.0', type: 'sample', payload }),
    bench.admin,
  );
}

/** Evidence of a sample device, bound as a guest binds it. */
function device(guest: Guest): string {
  const bound = canonicalJson({ nonce: guest.nonce, 'tee-pubkey': guest.keys.publicKey.asReceived });
  const report_data = createHash('sha384').update(bound).digest('base64');
  return JSON.stringify({ sampledevice: { svn: '2', report_data } });
}

test.each(Object.keys(PROTOCOL_VERSIONS) as ProtocolVersion[])(
  '%s: sample evidence, allow all, the secret opens',
  async (version) => {
    await resourcePolicy(ALLOW_ALL);
    const guest = new Guest(bench, version);
    const { attempt } = await guest.handshake();
    expect(guest.open(await guest.get(PATH))).toBe('shhhhhhh');
    const detail = await bench.broker.attempts.get(attempt);
    expect(detail?.verdict).toMatchObject({ verdict: 'accept', attempt, kind: 'sample' });
    expect(detail?.verdict.policies?.map((one) => one.id)).toEqual(['default_cpu']);
  },
);

test('an independent JOSE implementation opens the answer', async () => {
  await resourcePolicy(ALLOW_ALL);
  const guest = new Guest(bench);
  await guest.handshake();
  const reply = await guest.get(PATH);
  const jwe = parseResponse(JSON.parse(Buffer.from(reply.body).toString()) as JsonValue);
  if (guest.keys.privateKey.alg !== 'ECDH-ES+A256KW') throw new Error('an EC guest');
  const key = await importJWK(guest.keys.privateKey.key.export({ format: 'jwk' }) as never, 'ECDH-ES+A256KW');
  const { plaintext } = await flattenedDecrypt(jwe, key);
  expect(Buffer.from(plaintext).toString()).toBe('shhhhhhh');
});

test('out of the box sample evidence gets nothing, and the owner reads why', async () => {
  const guest = new Guest(bench);
  await guest.handshake();
  const error = await refusalOf(guest.get(PATH));
  expect(toKbsError(error).body).toMatchObject({ detail: 'Access denied by policy', code: 'resource.refused' });
  const detail = await bench.broker.attempts.get(toKbsError(error).body.attempt ?? '');
  const root = detail?.releases[0]?.findings.find((one) => one.role === 'root');
  expect(root?.id).toBe('evidence.sample.allowed');
});

describe('reference values decide', () => {
  const CPU = `package policy
default hardware := 97
hardware := 2 if input.sample.svn in query_reference_value("svn")
trust_claims := {"executables": 33, "hardware": hardware, "configuration": 36}`;

  test('refused before, released after the value is registered', async () => {
    await resourcePolicy(NOT_CONTRAINDICATED);
    await attestationPolicy('default_cpu', CPU);
    const before = new Guest(bench);
    await before.handshake();
    expect(await refusalOf(before.get(PATH))).toMatchObject({ code: 'resource.policy.allows' });
    await referenceValue('svn', ['1']);
    const after = new Guest(bench);
    const { attempt } = await after.handshake();
    expect(after.open(await after.get(PATH))).toBe('shhhhhhh');
    const { verdict } = (await bench.broker.attempts.get(attempt)) ?? {};
    expect(verdict?.tiers).toEqual({ cpu0: 'warning' });
    expect(verdict?.reference_values).toMatchObject([{ name: 'svn', state: 'present' }]);
    expect(await bench.broker.operations.referenceValue('svn', bench.admin)).toBe('["1"]');
  });

  test('devices are judged by their own policy', async () => {
    await resourcePolicy(
      `${NOT_CONTRAINDICATED.replace('}', '\ninput.submods.gpu0["ear.status"] != "contraindicated" }')}`,
    );
    await attestationPolicy('default_cpu', 'package policy\ntrust_claims := {"hardware": 2}');
    const gpu = (claim: string) => `package policy
default hardware := 97
hardware := 2 if input.${claim}.svn in query_reference_value("device_svn")
trust_claims := {"hardware": hardware}`;
    await referenceValue('device_svn', ['2']);
    const ask = async () => {
      const guest = new Guest(bench);
      await guest.auth();
      await guest.attest(guest.attestationBody({ additional: device(guest) }));
      return { guest, reply: guest.get(PATH) };
    };
    await attestationPolicy('default_gpu', gpu('sample'));
    expect(await refusalOf((await ask()).reply)).toMatchObject({ code: 'resource.policy.allows' });
    await attestationPolicy('default_gpu', gpu('sampledevice'));
    const { guest, reply } = await ask();
    expect(guest.open(await reply)).toBe('shhhhhhh');
  });

  test('a device that the CPU evidence does not commit to is refused', async () => {
    const guest = new Guest(bench);
    await guest.auth();
    const body = guest.attestationBody({ reportData: guest.reportData('') });
    const evidence = { ...(body['tee-evidence'] as JsonObject), additional_evidence: device(guest) };
    const error = await refusalOf(guest.attest({ ...body, 'tee-evidence': evidence }));
    expect(error).toMatchObject({ code: 'binding.report-data.match' });
    expect(toKbsError(error).body.code).toBe('evidence.refused');
  });
});

describe('init-data reaches the policy', () => {
  const text =
    'algorithm = "sha256"\nversion = "0.1.0"\n\n[data]\n"cdh.toml" = \'\'\'\n[image]\nextra_root_certificates = ["abc"]\n\'\'\'\n';
  const evidence = 'input.submods.cpu0["ear.veraison.annotated-evidence"]';

  test.each([
    ['digest', `${evidence}.init_data == "${createHash('sha256').update(text).digest('base64')}"`],
    ['claims', `${evidence}.init_data_claims["cdh.toml"].image.extra_root_certificates[0] == "abc"`],
  ])('%s', async (_, condition) => {
    await resourcePolicy(`package policy\ndefault allow = false\nallow if { ${condition} }`);
    const guest = new Guest(bench);
    await guest.auth();
    await guest.attest({ ...guest.attestationBody(), 'init-data': { format: 'toml', body: text } });
    expect(guest.open(await guest.get(PATH))).toBe('shhhhhhh');
    const other = new Guest(bench);
    await other.handshake();
    expect(await refusalOf(other.get(PATH))).toMatchObject({ code: 'resource.policy.allows' });
  });

  test('of another format it is malformed', async () => {
    const guest = new Guest(bench);
    await guest.auth();
    const body = { ...guest.attestationBody(), 'init-data': { format: 'json', body: '{}' } };
    expect(await refusalOf(guest.attest(body))).toMatchObject({ code: 'binding.init-data.form' });
  });
});

test('one nonce, one evaluation, in SQLite too: thirty at once', async () => {
  const guest = new Guest(bench);
  const { attempt } = await guest.auth();
  const body = json(guest.attestationBody());
  const results = await Promise.allSettled(
    Array.from({ length: 30 }, () => bench.broker.attest({ session: guest.session, body })),
  );
  expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
  const detail = await bench.broker.attempts.get(attempt);
  expect(detail).toMatchObject({ state: 'attested' });
  expect(detail?.releases).toHaveLength(29);
});

test('evidence that is refused, and evidence that is no evidence', async () => {
  const guest = new Guest(bench);
  await guest.auth();
  const wrong = await refusalOf(
    guest.attest(guest.attestationBody({ reportData: Buffer.alloc(48).toString('base64') })),
  );
  expect(toKbsError(wrong).body).toMatchObject({
    code: 'evidence.refused',
    detail: 'Attestation error: RCAR handshake Attest failed',
  });
  const { verdict } = (await bench.broker.attempts.get(toKbsError(wrong).body.attempt ?? '')) ?? {};
  expect(verdict).toMatchObject({ verdict: 'reject' });
  await guest.auth();
  const none = await refusalOf(guest.attest(guest.attestationBody({ reportData: '!' })));
  expect(toKbsError(none).body.code).toBe('evidence.malformed');
});

test('ready, and what is kept survives a restart', async () => {
  expect(await bench.broker.readiness()).toEqual([]);
  await resourcePolicy(ALLOW_ALL);
  const guest = new Guest(bench);
  const { attempt } = await guest.handshake();
  await storage.close();
  const millis = () => bench.clock.now.getTime();
  storage = await openSqliteStorage({ path: join(folder, 'assay.db'), now: millis });
  const kms = new BuiltinKms({ directory: join(folder, 'kek') });
  const rvps = new ReferenceValues({ storage, now: millis });
  const now = () => bench.clock.now;
  const as = await AttestationService.open({ storage, kms, referenceValues: rvps, verifiers: [sampleVerifier], now });
  const config = { admin: { authorization_mode: 'DenyAll' } } as const;
  const broker = await openKeyBroker({ config, storage, kms, attestation: as, now, random: randomBytes });
  const call = { method: 'GET', path: PATH, query: {}, body: new Uint8Array(), uri: `/kbs/v0/${PATH}` } as const;
  expect(guest.open(await broker.plugin({ ...call, session: guest.session }))).toBe('shhhhhhh');
  expect(await broker.attempts.get(attempt)).toMatchObject({ state: 'attested' });
  expect(await broker.resourcePolicies.current()).toMatchObject({ text: ALLOW_ALL });
});
