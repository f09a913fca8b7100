import { type KeyObject, verify } from 'node:crypto';
import { encodeBase64, encodeHex, isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import type { Verdict } from '@assay/bytes/findings';
import { sampleVerifier, type Verifier } from '@assay/evidence';
import { canonicalBytes, decodeJws, digest, importJwk, parseEarClaims, verifyJwt } from '@assay/protocol';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import * as jose from 'jose';
import { describe, expect, test } from 'vitest';
import type { EvidenceEntry } from './contract.js';
import { AttestationService } from './service.js';
import {
  openWorld,
  RUNTIME_DATA,
  SAMPLE_VALUES,
  START,
  sampleEntry,
  setValues,
  type World,
} from './testing/service.test.helper.js';

const evaluate = (world: World, ...entries: readonly EvidenceEntry[]) =>
  world.service.evaluate({ attempt: 'a1', entries, policyIds: [] });
const failures = (verdict: Verdict): string[] =>
  verdict.findings.filter((finding) => finding.outcome === 'fail').map((finding) => finding.id);
const payload = (token: string | undefined): JsonObject => {
  const claims: JsonValue = JSON.parse(Buffer.from(decodeJws(token ?? '').payload).toString());
  return isJsonObject(claims) ? claims : {};
};

describe('an honest guest', () => {
  test('is affirmed once its values are registered', async () => {
    const world = await openWorld();
    await setValues(world, SAMPLE_VALUES);
    const { verdict, token } = await evaluate(world, sampleEntry());
    expect(failures(verdict)).toEqual([]);
    expect(verdict).toMatchObject({
      verdict: 'accept',
      decision: 'accept',
      kind: 'sample',
      attempt: 'a1',
      tiers: { cpu0: 'affirming' },
    });
    const claims = parseEarClaims(payload(token));
    expect(claims.submods['cpu0']?.['ear.status']).toBe('affirming');
  });

  test('gets the token of the field, byte for byte in its members', async () => {
    const { service } = await openWorld();
    const { token } = await service.evaluate({ entries: [sampleEntry()], policyIds: [] });
    const iat = START.getTime() / 1000;
    expect(JSON.stringify(payload(token))).toBe(
      JSON.stringify({
        eat_profile: 'tag:github.com,2024:confidential-containers/Trustee',
        iat,
        'ear.verifier-id': { developer: 'https://confidentialcontainers.org', build: 'attestation-service 0.1.0' },
        submods: {
          cpu0: {
            'ear.status': 'contraindicated',
            'ear.trustworthiness-vector': {
              'instance-identity': 0,
              configuration: 2,
              executables: 33,
              'file-system': 0,
              hardware: 97,
              'runtime-opaque': 0,
              'storage-opaque': 0,
              'sourced-data': 0,
            },
            'ear.appraisal-policy-id': 'default',
            'ear.veraison.annotated-evidence': {
              report_data: 'ntwBsJ6Zf2V41r2Pf8KyjfqvTlQXeTZnt+zgJdUMfPW5sPfSu7zr4l0vU70zgHzj',
              runtime_data_claims: RUNTIME_DATA,
              sample: { debug: false, launch_digest: 'abcde', platform_version: { major: 1, minor: 4 }, svn: '1' },
            },
            'ear.trustee.identifiers': { validated: {} },
          },
        },
        exp: iat + 300,
        iss: 'CoCo-Attestation-Service',
      }),
    );
  });

  test('is told apart from hardware', async () => {
    const { service } = await openWorld();
    const { verdict } = await service.evaluate({ entries: [sampleEntry()], policyIds: [] });
    expect(verdict.findings).toContainEqual(
      expect.objectContaining({ id: 'evidence.hardware.backed', outcome: 'warn' }),
    );
  });
});

describe('the token', () => {
  test('verifies with an independent implementation, under the published key', async () => {
    const { service } = await openWorld();
    const { token } = await service.evaluate({ entries: [sampleEntry()], policyIds: [] });
    const { keys } = await service.jwks();
    expect(keys).toHaveLength(1);
    const key = await jose.importJWK(keys[0] as jose.JWK, 'ES256');
    const verified = await jose.jwtVerify(token ?? '', key, { currentDate: START, algorithms: ['ES256'] });
    expect(verified.protectedHeader).toEqual({ typ: 'JWT', alg: 'ES256', jwk: keys[0] });
    const own = verifyJwt(token ?? '', {
      now: START.getTime() / 1000,
      algorithms: ['ES256'],
      key: importJwk(keys[0]).key,
    });
    expect(own.claims['iss']).toBe('CoCo-Attestation-Service');
  });

  test('is signed by the same key after a restart, and the key rests sealed', async () => {
    const world = await openWorld();
    const again = await AttestationService.open(world.options);
    expect(await again.jwks()).toEqual(await world.service.jwks());
    const stored = await world.storage.get('signer', 'ear-es256');
    expect(stored).toBeDefined();
    const { keys } = await world.service.jwks();
    const key: KeyObject = importJwk(keys[0]).key;
    const x = Buffer.from(String(key.export({ format: 'jwk' }).x), 'base64url');
    expect(Buffer.from(stored?.value ?? []).includes(x)).toBe(false);
  });

  test('leaves the devices out when it is not to be verbose', async () => {
    const world = await openWorld({ verboseToken: false, token: { issuer: 'here', durationMinutes: 1 } });
    const { token } = await evaluate(world, sampleEntry());
    const claims = payload(token);
    expect(claims['iss']).toBe('here');
    expect(Number(claims['exp']) - Number(claims['iat'])).toBe(60);
    expect(JSON.stringify(claims)).not.toContain('additional-evidence');
    expect(JSON.stringify(claims)).toContain('tee-pubkey');
  });
});

describe('binding', () => {
  test('evidence for another key is rejected, nothing is appraised, no token is made', async () => {
    const world = await openWorld();
    await setValues(world, SAMPLE_VALUES);
    const { verdict, token } = await evaluate(
      world,
      sampleEntry(RUNTIME_DATA, { bound: { ...RUNTIME_DATA, nonce: 'other' } }),
    );
    expect(token).toBeUndefined();
    expect(verdict).toMatchObject({ verdict: 'reject', decision: 'refuse' });
    expect(failures(verdict)).toEqual(['binding.report-data.match']);
    expect(verdict.findings).toContainEqual(
      expect.objectContaining({ id: 'policy.tier.accepted', outcome: 'not-checked' }),
    );
  });

  test('the right data under another hash is named as such', async () => {
    const world = await openWorld();
    const { verdict } = await evaluate(world, sampleEntry(RUNTIME_DATA, { algorithm: 'sha512' }));
    expect(verdict.verdict).toBe('reject');
    expect(verdict.summary).toBe('guest hashed with sha512; sha384 was selected');
    expect(failures(verdict)).toEqual(['binding.hash.agreed', 'binding.report-data.match']);
  });

  test('any one of the texts of an old protocol version will do', async () => {
    const world = await openWorld();
    const entry = sampleEntry();
    const report = encodeBase64(digest('sha384', 'nonce+n+e'));
    const structured = {
      form: 'structured' as const,
      value: RUNTIME_DATA,
      preimages: [
        { text: 'another text', members: 'nonce, tee-pubkey' },
        { text: 'nonce+n+e', members: 'nonce, n, e' },
      ],
    };
    const evidence = { svn: '1', report_data: report };
    expect((await evaluate(world, { ...entry, evidence, runtimeData: structured })).verdict.verdict).toBe('accept');
    expect((await evaluate(world, { ...entry, runtimeData: structured })).verdict.verdict).toBe('reject');
  });

  test('raw report data is taken as it is, and none is not compared', async () => {
    const world = await openWorld();
    const raw = {
      ...sampleEntry(),
      runtimeData: { form: 'raw' as const, bytes: digest('sha384', canonicalBytes(RUNTIME_DATA)) },
    };
    const { token } = await evaluate(world, raw);
    expect(JSON.stringify(payload(token))).toContain('"runtime_data_claims":null');
    const none = await evaluate(world, { ...sampleEntry(), runtimeData: { form: 'none' } });
    expect(none.verdict.findings).toContainEqual(
      expect.objectContaining({ id: 'binding.report-data.match', outcome: 'not-checked' }),
    );
  });

  test('init-data: document, digest, and a document that does not parse', async () => {
    const world = await openWorld();
    const text =
      "algorithm = \"sha256\"\nversion = \"0.1.0\"\n\n[data]\n\"key1\" = '''value1'''\n\"key2\" = '''value2'''\n";
    const toml = await evaluate(world, { ...sampleEntry(), initData: { form: 'toml', text } });
    const evidence = (toml.verdict.claims as { readonly cpu0: JsonObject }).cpu0;
    expect(evidence['init_data']).toBe('kdqxZJan+za9ZRImoz/psMvOdOUAKN45n1apYEeHJ8c=');
    expect(evidence['init_data_claims']).toEqual({ key1: 'value1', key2: 'value2' });
    const bytes = new Uint8Array([1, 2, 3]);
    const given = await evaluate(world, { ...sampleEntry(), initData: { form: 'digest', digest: bytes } });
    expect((given.verdict.claims as { readonly cpu0: JsonObject }).cpu0).toMatchObject({
      init_data: 'AQID',
      init_data_claims: null,
    });
    await expect(evaluate(world, { ...sampleEntry(), initData: { form: 'toml', text: 'x' } })).rejects.toMatchObject({
      code: 'binding.init-data.form',
    });
  });

  test("upstream's worked example of the structured form", () => {
    expect(encodeHex(digest('sha384', canonicalBytes({ b: 1, a: 'test', c: { d: 'e' } })))).toBe(
      'e71ce8e70d814ba6639c3612ebee0ff1f76f650f8dbb5e47157e0f3f525cd22c4597480a186427c813ca941da78870c3',
    );
  });
});

describe('composite evidence', () => {
  const { 'additional-evidence': _, ...deviceData } = RUNTIME_DATA;
  const device = sampleEntry(deviceData, { tee: 'sampledevice', svn: '2' });

  test('every piece is a submodule of its class, numbered in order', async () => {
    const world = await openWorld();
    const { verdict, token } = await evaluate(world, sampleEntry(), device, device);
    expect(Object.keys(payload(token)['submods'] ?? {})).toEqual(['cpu0', 'gpu0', 'gpu1']);
    expect(verdict.policies?.map((policy) => policy.id)).toEqual(['default_cpu', 'default_gpu', 'default_gpu']);
    expect(verdict.tiers).toEqual({ cpu0: 'contraindicated', gpu0: 'contraindicated', gpu1: 'contraindicated' });
  });

  test('one that is not bound refuses all', async () => {
    const world = await openWorld();
    const { verdict, token } = await evaluate(
      world,
      sampleEntry(),
      sampleEntry(deviceData, { tee: 'sampledevice', bound: {} }),
    );
    expect(token).toBeUndefined();
    expect(verdict.verdict).toBe('reject');
  });

  test('a device of its own value is affirmed for hardware only', async () => {
    const world = await openWorld();
    await setValues(world, { device_svn: ['2'] });
    const { token } = await evaluate(world, sampleEntry(), device);
    const claims = parseEarClaims(payload(token));
    expect(claims.submods['gpu0']?.['ear.trustworthiness-vector']).toMatchObject({
      hardware: 2,
      executables: 33,
      configuration: 36,
    });
    expect(claims.submods['gpu0']).not.toHaveProperty(['ear.trustee.identifiers']);
  });
});

describe('requests that cannot be evaluated', () => {
  test.each<[string, readonly EvidenceEntry[], string]>([
    ['no entry', [], 'evidence.entries.count'],
    ['too many entries', Array.from({ length: 33 }, () => sampleEntry()), 'evidence.entries.count'],
    ['a TEE that is not served', [sampleEntry(RUNTIME_DATA, { tee: 'tdx' })], 'request.tee.known'],
    ['a made-up TEE', [sampleEntry(RUNTIME_DATA, { tee: 'constructor' })], 'request.tee.known'],
  ])('%s', async (_, entries, code) => {
    const world = await openWorld();
    await expect(evaluate(world, ...entries)).rejects.toMatchObject({ code });
  });

  test('a policy id without a policy gives a verdict without a token', async () => {
    const world = await openWorld();
    const { verdict, token } = await world.service.evaluate({
      entries: [sampleEntry()],
      policyIds: ['mine', 'second'],
    });
    expect(token).toBeUndefined();
    expect(verdict).toMatchObject({ verdict: 'accept', decision: 'refuse' });
    expect(verdict.summary).toBe(
      'no policy `mine_cpu`; there are default_cpu, default_gpu, default_ppcie, default_switch',
    );
    expect(verdict.findings).toContainEqual(
      expect.objectContaining({ id: 'policy.id.known', outcome: 'not-checked', subject: 'second' }),
    );
  });

  test('a verifier that throws is a defect of ours: incomplete, not refused', async () => {
    const broken: Verifier = {
      tee: 'sample',
      verify: () => {
        throw new TypeError('secret detail');
      },
    };
    const world = await openWorld({ verifiers: [broken] });
    const { verdict, token } = await evaluate(world, sampleEntry());
    expect(token).toBeUndefined();
    expect(verdict).toMatchObject({ verdict: 'incomplete', decision: 'undecided' });
    expect(failures(verdict)).toEqual(['internal.check.threw']);
    expect(JSON.stringify(verdict)).not.toContain('secret detail');
  });

  test('two verifiers for one TEE are a mistake of the composition', async () => {
    await expect(openWorld({ verifiers: [sampleVerifier, sampleVerifier] })).rejects.toThrow(
      'two verifiers for sample',
    );
  });
});

test('hostile evidence and runtime data end in a verdict', async () => {
  const world = await openWorld();
  const json = fc.jsonValue().map((value) => value as JsonValue);
  const object = fc.dictionary(fc.string(), json).map((value) => JSON.parse(JSON.stringify(value)) as JsonObject);
  await fc.assert(
    fc.asyncProperty(json, object, fc.boolean(), async (evidence, runtime, bind) => {
      const entry = bind ? sampleEntry(runtime) : { ...sampleEntry(runtime), evidence };
      const { verdict, token } = await evaluate(world, entry);
      expect(verdict.verdict).toBe(bind ? 'accept' : 'reject');
      expect(token !== undefined).toBe(bind);
    }),
    { numRuns: fuzzRuns(60) },
  );
});

test('signature is over the token as sent', async () => {
  const { service } = await openWorld();
  const { token = '' } = await service.evaluate({ entries: [sampleEntry()], policyIds: [] });
  const [header, body, signature] = token.split('.');
  const { keys } = await service.jwks();
  const key = { key: importJwk(keys[0]).key, dsaEncoding: 'ieee-p1363' as const };
  const input = Buffer.from(`${header}.${body}`);
  expect(verify('sha256', input, key, Buffer.from(signature ?? '', 'base64url'))).toBe(true);
});
