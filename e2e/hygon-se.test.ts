import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_POLICIES } from '@assay/attestation-service';
import { parseResourceUri } from '@assay/protocol';
import {
  CSV_BANK,
  CSV_DEFECTS,
  type CsvDefect,
  createTestWorld,
  type EmulatedOverrides,
  type EmulatedTee,
  emulatedAttester,
  emulatedEventLog,
  SE_DEFECTS,
  type SeDefect,
  seFiles,
  startEmulatedHygonKds,
} from '@assay/soft-tee';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { affirmingPolicy, guestOf, type SettingsChange, startTestServer, type TestServer } from './support/assay.js';

/** The whole handshake with emulated Hygon CSV, DCU and IBM Secure Execution. */
const folder = temporaryFolder('assay-hygon-se-');
const world = createTestWorld({ now: () => new Date(), random: (n) => randomBytes(n) });
const uri = parseResourceUri('default/key/1');
let kds: Awaited<ReturnType<typeof startEmulatedHygonKds>>;
let server: TestServer;

/** The default policy for development: the same rules, emulated hardware not refused. */
const developmentPolicy = (DEFAULT_POLICIES['default_cpu'] ?? '').replaceAll('\tnot emulated\n', '');

function settings(change: SettingsChange = {}): SettingsChange {
  const write = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const files = seFiles(world);
  const crls = join(folder, 'crls');
  mkdirSync(crls, { recursive: true });
  for (const [index, crl] of files.crls.entries()) write(`crls/${index}.crl`, crl);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    collateral: { intel_pcs: 'off', amd_kds: 'off', allow_http: true },
    trust: { emulated_roots: [write('root_ca.crt', files.root)] },
    csv: { hygon_kds: kds.url, emulated_hrks: [write('hrk.cert', world.hygon.hrk())] },
    se: {
      host_key_documents: [write('hkd.crt', files.hostKeyDocument)],
      certificates: files.certificates.map((pem, index) => write(`${index}.crt`, pem)),
      crls: [crls],
      root_ca: [join(folder, 'root_ca.crt')],
      image_headers: [write('hdr.bin', files.imageHeader)],
      measurement_key: write('measurement.pem', privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()),
    },
    ...change,
  };
}

beforeAll(async () => {
  world.hygon.chip();
  kds = await startEmulatedHygonKds(world);
  server = await startTestServer(settings());
  await server.admin('PUT', '/api/v1/resource-policy', { text: affirmingPolicy });
  await server.admin('PUT', '/api/v1/attestation-policies/default_cpu', { text: developmentPolicy });
  await server.admin('PUT', '/api/v1/resources/default/key/1', Buffer.from('for a TEE'));
}, 60_000);

afterAll(async () => {
  await server.stop();
  await kds.close();
  rmSync(folder, { recursive: true, force: true });
});

function guest<Tee extends EmulatedTee>(tee: Tee, overrides?: EmulatedOverrides[Tee], at: TestServer = server) {
  return guestOf(at, { attester: emulatedAttester(tee, world, overrides) });
}

interface Submodule {
  readonly 'ear.status': string;
  readonly 'ear.veraison.annotated-evidence': Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

function submodsOf(token: string): Readonly<Record<string, Submodule>> {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    readonly submods: Readonly<Record<string, Submodule>>;
  };
  return claims.submods;
}

async function failedOf(at: TestServer = server): Promise<readonly string[]> {
  const { items } = (await at.admin('GET', '/api/v1/attestations?limit=1')) as { items: { attempt: string }[] };
  const detail = (await at.admin('GET', `/api/v1/attestations/${items[0]?.attempt}`)) as {
    verdict: { findings: { id: string; outcome: string }[] };
  };
  return detail.verdict.findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
}

describe('an emulated CSV guest', () => {
  test('is authentic, says that it is emulated, and its chain is fetched once', async () => {
    const before = kds.requests('hsk_cek');
    const [one, two] = [await guest('csv').attest(), await guest('csv', { version: 2 }).attest()];
    expect(kds.requests('hsk_cek') - before).toBeLessThanOrEqual(1);
    const evidence = submodsOf(one)['cpu0']?.['ear.veraison.annotated-evidence']['csv'];
    expect(evidence).toMatchObject({ emulated: true, version: '1', serial_number: world.hygon.chip().serial });
    expect(submodsOf(two)['cpu0']?.['ear.veraison.annotated-evidence']['csv']).toMatchObject({ version: '2' });
  });

  test('may bring its own chain, and an event log that its registers vouch for', async () => {
    const eventLog = emulatedEventLog([{ register: 1, type: 4, data: new Uint8Array(4) }], CSV_BANK);
    const token = await guest('csv', { certificates: 'evidence', version: 2, eventLog }).attest();
    expect(submodsOf(token)['cpu0']?.['ear.veraison.annotated-evidence']['csv']?.['uefi_event_logs']).toHaveLength(1);
  });

  test.each(['bad-signature', 'pek-self-made', 'pek-usage', 'other-serial', 'debug'] as const)(
    'with %s is refused, and the owner reads why',
    async (defect) => {
      const { finding, make }: CsvDefect = CSV_DEFECTS[defect];
      await expect(guest('csv', make(world, world.hygon.chip())).attest()).rejects.toMatchObject({ status: 401 });
      expect(await failedOf()).toContain(finding);
    },
  );

  test('of a chip that Hygon does not know is undecided', async () => {
    const chip = { id: 'unknown', serial: 'UNKNOWN1' };
    await expect(guest('csv', { chip }).attest()).rejects.toMatchObject({ reason: 'unavailable' });
    expect(await failedOf()).toContain('csv.endorsement.missing');
  });

  test('is verified with a folder alone, where nothing may be fetched', async () => {
    const chip = world.hygon.chip();
    mkdirSync(join(folder, 'offline', chip.serial), { recursive: true });
    writeFileSync(join(folder, 'offline', chip.serial, 'hsk_cek.cert'), world.hygon.hskCek(chip));
    const csv = {
      hygon_kds: 'off',
      hsk_cek_folder: join(folder, 'offline'),
      emulated_hrks: [join(folder, 'hrk.cert')],
    };
    const offline = await startTestServer(settings({ csv }));
    try {
      expect(await guest('csv', {}, offline).attest()).not.toBe('');
    } finally {
      await offline.stop();
    }
  });

  test('is refused where its root was not named', async () => {
    const strict = await startTestServer(settings({ csv: { hygon_kds: kds.url } }));
    try {
      await expect(guest('csv', { certificates: 'evidence' }, strict).attest()).rejects.toMatchObject({ status: 401 });
      expect(await failedOf(strict)).toContain('csv.chain.root');
    } finally {
      await strict.stop();
    }
  });
});

test('emulated DCUs are devices beside a CPU', async () => {
  // Trustee ships no policy for them, and neither does this: the owner writes one.
  const text = 'package policy\n\ndefault hardware := 97\n\nhardware := 2 if input.hygondcu.body.sig_usage == "1004"\n';
  await server.admin('PUT', '/api/v1/attestation-policies/default_dcu', { text });
  const chips = [world.hygon.chip('dcu-1'), world.hygon.chip('dcu-2')];
  const client = guestOf(server, {
    attester: emulatedAttester('csv', world),
    devices: [emulatedAttester('hygondcu', world, { chips })],
  });
  const submods = submodsOf(await client.attest());
  expect(Object.keys(submods).sort()).toEqual(['cpu0', 'dcu0', 'dcu1']);
  expect(submods['dcu0']?.['ear.veraison.annotated-evidence']['hygondcu']).toMatchObject({ emulated: true });
});

describe('an emulated guest of Secure Execution', () => {
  test('answers the challenge, and gets its secret once its values are registered', async () => {
    const token = await guest('se').attest();
    const evidence = submodsOf(token)['cpu0']?.['ear.veraison.annotated-evidence']['se'];
    expect(evidence).toMatchObject({ emulated: true, version: 256 });
    expect(Buffer.from(await guest('se').getResource(uri)).toString()).toBe('for a TEE');
  });

  test('is challenged with SHA-512 and the request, and told when it cannot hash so', async () => {
    const ask = async (algorithms: readonly string[]): Promise<{ status: number; json: () => unknown }> =>
      server.send('POST', '/kbs/v0/auth', {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          version: '0.4.0',
          tee: 'se',
          'extra-params': { 'supported-hash-algorithms': algorithms },
        }),
      });
    const answer = await ask(['sha384', 'sha512']);
    const challenge = answer.json() as { nonce: string; 'extra-params': Record<string, string> };
    expect(challenge['extra-params']['selected-hash-algorithm']).toBe('sha512');
    expect(JSON.parse(challenge.nonce)).toMatchObject({ measurement_size: 64, additional_size: 64 });
    expect((await ask(['sha384'])).status).toBe(401);
  });

  test.each([
    'measurement',
    'other-image',
    'sealed-key',
    'sealed-swapped',
    'attestation-host-key',
    'wrong-report-data',
  ] as const)('with %s is refused, and the owner reads why', async (defect) => {
    const { finding, guest: make }: SeDefect = SE_DEFECTS[defect];
    await expect(guest('se', make?.(world)).attest()).rejects.toMatchObject({ status: 401 });
    expect(await failedOf()).toContain(finding);
  });

  test('is told that the server cannot ask where nothing is set', async () => {
    const empty = await startTestServer(settings({ se: {} }));
    try {
      await expect(guest('se', {}, empty).attest()).rejects.toMatchObject({ reason: 'unavailable' });
    } finally {
      await empty.stop();
    }
  });

  test('works on a server that made its own key pair', async () => {
    const { measurement_key: _, ...se } = settings().se ?? {};
    const own = await startTestServer(settings({ se }));
    try {
      expect(await guest('se', {}, own).attest()).not.toBe('');
    } finally {
      await own.stop();
    }
  });

  test.each([
    ['host_key_documents', ['/nowhere/hkd.crt']],
    ['root_ca', ['crls/0.crl']],
    ['image_headers', ['hkd.crt']],
    ['measurement_key', 'hkd.crt'],
  ])('a mistake in %s is told at start', async (key, value) => {
    const named = Array.isArray(value) ? value.map((path) => join(folder, path)) : join(folder, value);
    const wrong = settings({ se: { ...settings().se, [key]: named } });
    await expect(startTestServer(wrong)).rejects.toMatchObject({ code: 'config.file.form' });
  });
});
