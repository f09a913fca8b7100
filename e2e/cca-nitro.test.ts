import { createHash, randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseResourceUri } from '@assay/protocol';
import {
  CCA_DEFECTS,
  createTestWorld,
  type EmulatedOverrides,
  type EmulatedTee,
  emulatedAttester,
  NITRO_DEFECTS,
  startEmulatedVeraison,
} from '@assay/soft-tee';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { affirmingPolicy, guestOf, startTestServer, type TestServer } from './support/assay.js';

/** The whole handshake with emulated Arm CCA and AWS Nitro: keys and roots from the owner's files, nothing from any vendor. */
const folder = temporaryFolder('assay-cca-nitro-');
const world = createTestWorld({ now: () => new Date(), random: (n) => randomBytes(n) });
const uri = parseResourceUri('default/key/1');
const anchors = join(folder, 'anchors.json');
const roots = join(folder, 'roots.pem');
const trusted = { trust: { emulated_roots: [roots] }, cca: { emulated_trust_anchors: anchors } };
let server: TestServer;

/** What an owner writes for a TEE that the default policy has no rules for. */
const policy = `package policy

default executables := 33

default hardware := 97

default configuration := 36

trust_claims := {"executables": executables, "hardware": hardware, "configuration": configuration}

executables := 3 if {
	input.cca.realm["cca-realm-initial-measurement"] in query_reference_value("cca_rim")
}

hardware := 2 if {
	input.cca.platform["cca-platform-lifecycle"] >= 12288
}

configuration := 2 if input.cca.realm["cca-realm-personalization-value"]

executables := 3 if input.nitro.pcr00 in query_reference_value("nitro_pcr0")

hardware := 2 if input.nitro.module_id

configuration := 2 if input.nitro.debug == false
`;

beforeAll(async () => {
  writeFileSync(anchors, world.cca.trustAnchors());
  writeFileSync(roots, world.nitro.pki.root().pem);
  server = await startTestServer(trusted);
  await server.admin('PUT', '/api/v1/resource-policy', { text: affirmingPolicy });
  await server.admin('PUT', '/api/v1/resources/default/key/1', Buffer.from('for a TEE'));
}, 60_000);

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function guest<Tee extends EmulatedTee>(tee: Tee, overrides?: EmulatedOverrides[Tee], at: TestServer = server) {
  return guestOf(at, { attester: emulatedAttester(tee, world, overrides) });
}

interface Submod {
  readonly 'ear.status': string;
  readonly 'ear.veraison.annotated-evidence': Readonly<Record<string, Record<string, unknown>>>;
}

function submodOf(token: string): Submod {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    submods: { cpu0: Submod };
  };
  return claims.submods.cpu0;
}

async function failedOf(at: TestServer): Promise<readonly string[]> {
  const list = (await at.admin('GET', '/api/v1/attestations?limit=1')) as { items: { attempt: string }[] };
  const detail = (await at.admin('GET', `/api/v1/attestations/${list.items[0]?.attempt}`)) as {
    verdict: { findings: { id: string; outcome: string; remedy?: string }[] };
  };
  const failed = detail.verdict.findings.filter(({ outcome }) => outcome === 'fail');
  expect(failed.every(({ remedy }) => (remedy ?? '') !== '')).toBe(true);
  return failed.map(({ id }) => id);
}

test.each(['cca', 'nitro'] as const)(
  'an emulated %s guest is authentic and says so; the default policy, which has no rules for it, denies',
  async (tee) => {
    const attested = submodOf(await guest(tee).attest());
    expect(attested['ear.veraison.annotated-evidence'][tee]).toMatchObject({ emulated: true });
    expect(attested['ear.status']).toBe('contraindicated');
    await expect(guest(tee).getResource(uri)).rejects.toMatchObject({ status: 401, code: 'resource.refused' });
  },
);

describe('with a policy of the owner', () => {
  beforeAll(async () => {
    await server.admin('PUT', '/api/v1/attestation-policies/default_cpu', { text: policy });
    const [cca, nitro] = [submodOf(await guest('cca').attest()), submodOf(await guest('nitro').attest())];
    const realm = cca['ear.veraison.annotated-evidence']['cca']?.['realm'] as Record<string, string>;
    const values = {
      cca_rim: realm['cca-realm-initial-measurement'],
      nitro_pcr0: nitro['ear.veraison.annotated-evidence']['nitro']?.['pcr00'],
    };
    for (const [name, value] of Object.entries(values))
      await server.admin('PUT', `/api/v1/reference-values/${name}`, { value: [value] });
  });

  test.each(['cca', 'nitro'] as const)('an emulated %s guest gets its secret', async (tee) => {
    expect(Buffer.from(await guest(tee).getResource(uri)).toString()).toBe('for a TEE');
  });

  test.each(['cca', 'nitro'] as const)('another image on %s does not', async (tee) => {
    const changed =
      tee === 'cca'
        ? guest('cca', CCA_DEFECTS['changed-measurement'].make())
        : guest('nitro', NITRO_DEFECTS['changed-measurement'].make());
    await expect(changed.getResource(uri)).rejects.toMatchObject({ status: 401, code: 'resource.refused' });
  });
});

describe('what is not authentic is refused, and the owner reads why', () => {
  test.each(['grafted-realm', 'platform-signature', 'debug', 'wrong-report-data'] as const)('cca: %s', async (name) => {
    const { finding, make } = CCA_DEFECTS[name];
    await expect(guest('cca', make(world)).attest()).rejects.toMatchObject({ status: 401, code: 'evidence.refused' });
    expect(await failedOf(server)).toContain(finding);
  });

  test.each(['root-self-made', 'leaf-expired', 'bad-signature', 'no-report-data'] as const)(
    'nitro: %s',
    async (name) => {
      const { finding, make } = NITRO_DEFECTS[name];
      await expect(guest('nitro', make(world)).attest()).rejects.toMatchObject({
        status: 401,
        code: 'evidence.refused',
      });
      expect(await failedOf(server)).toContain(finding);
    },
  );

  test('a machine whose key is not enrolled leaves the verdict open', async () => {
    const stranger = guest('cca', CCA_DEFECTS['not-enrolled'].make(world));
    await expect(stranger.attest()).rejects.toMatchObject({ status: 503, code: 'unavailable' });
    expect(await failedOf(server)).toEqual(['cca.platform.key']);
  });

  test('an enclave in debug mode is refused by the owner’s rules before any policy', async () => {
    const debug = guest('nitro', NITRO_DEFECTS.debug.make());
    await expect(debug.attest()).rejects.toMatchObject({ status: 401, code: 'appraisal.refused' });
  });
});

test('no emulated key or root is trusted by default', async () => {
  const production = await startTestServer({});
  await expect(guest('cca', undefined, production).attest()).rejects.toMatchObject({ status: 503 });
  await expect(guest('nitro', undefined, production).attest()).rejects.toMatchObject({
    status: 401,
    code: 'evidence.refused',
  });
  await production.stop();
});

test('rules of the owner: debug, the nonce as report data, reference values', async () => {
  const store = join(folder, 'references.json');
  writeFileSync(store, JSON.stringify({ platform: [], realm: [] }));
  const lenient = await startTestServer({
    ...trusted,
    nitro: { debug_allowed: true, report_data: 'nonce' },
    cca: { ...trusted.cca, reference_values: store },
  });
  const debug = { ...NITRO_DEFECTS.debug.make(), reportData: 'nonce' as const };
  const { 'ear.veraison.annotated-evidence': evidence } = submodOf(await guest('nitro', debug, lenient).attest());
  expect(evidence['nitro']).toMatchObject({ debug: true });
  await expect(guest('nitro', undefined, lenient).attest()).rejects.toMatchObject({ status: 401 });
  await expect(guest('cca', undefined, lenient).attest()).rejects.toMatchObject({
    status: 401,
    code: 'appraisal.refused',
  });
  await lenient.stop();
});

test('a store that cannot be read stops the start', async () => {
  await expect(startTestServer({ cca: { trust_anchors: join(folder, 'absent.json') } })).rejects.toMatchObject({
    code: 'config.file.form',
  });
});

test('init-data is the personalization value of a realm: a digest by sha512', async () => {
  const text = 'algorithm = "sha512"\nversion = "0.1.0"\n\n[data]\n"aa.toml" = "x"\n';
  const personalizationValue = Uint8Array.from(createHash('sha512').update(text).digest());
  const claims = submodOf(
    await guestOf(server, {
      attester: emulatedAttester('cca', world, { personalizationValue }),
      initDataToml: text,
    }).attest(),
  );
  expect(JSON.stringify(claims)).toContain(Buffer.from(personalizationValue).toString('hex'));
  const other = guestOf(server, { attester: emulatedAttester('cca', world), initDataToml: text });
  await expect(other.attest()).rejects.toMatchObject({ status: 401, code: 'evidence.refused' });
});

describe('with a Veraison service', () => {
  const key = join(folder, 'veraison.json');
  const remote = (url: string): Parameters<typeof startTestServer>[0] => ({
    collateral: { allow_http: true },
    cca: { veraison: url, veraison_key: key },
  });
  beforeAll(() => writeFileSync(key, world.cca.veraisonJwk()));

  test('a machine that is known there is authentic, and the statuses are claims', async () => {
    const veraison = await startEmulatedVeraison(world);
    const at = await startTestServer(remote(veraison.url));
    const { 'ear.veraison.annotated-evidence': evidence } = submodOf(await guest('cca', undefined, at).attest());
    expect(evidence['cca']).toMatchObject({ veraison: { platform: 'affirming', realm: 'warning' } });
    expect(veraison.requests('session')).toBe(1);
    // Nobody is asked about a token that is refused anyway.
    await expect(guest('cca', CCA_DEFECTS['grafted-realm'].make(world), at).attest()).rejects.toMatchObject({
      status: 401,
      code: 'evidence.refused',
    });
    expect(veraison.requests('session')).toBe(1);
    await at.stop();
    await veraison.close();
  });

  test('a machine that is not known there leaves the verdict open, like a service that is away', async () => {
    const veraison = await startEmulatedVeraison(world, { machines: [world.cca.machine('another')] });
    const at = await startTestServer(remote(veraison.url));
    await expect(guest('cca', undefined, at).attest()).rejects.toMatchObject({ status: 503, code: 'unavailable' });
    expect(await failedOf(at)).toEqual(['collateral.answer.form', 'cca.platform.key']);
    await veraison.close();
    await expect(guest('cca', undefined, at).attest()).rejects.toMatchObject({ status: 503, code: 'unavailable' });
    await at.stop();
  });

  test('a result under another key, or about something else, is refused', async () => {
    for (const options of [
      { key: world.stranger('P-256') },
      { edit: (result: object) => ({ ...result, eat_nonce: 'AAAA' }) },
      { edit: (result: object) => ({ ...result, iat: 1 }) },
    ]) {
      const veraison = await startEmulatedVeraison(world, options);
      const at = await startTestServer(remote(veraison.url));
      await expect(guest('cca', undefined, at).attest()).rejects.toMatchObject({
        status: 401,
        code: 'evidence.refused',
      });
      expect(await failedOf(at)).toContain('cca.veraison.result');
      await at.stop();
      await veraison.close();
    }
  });
});
