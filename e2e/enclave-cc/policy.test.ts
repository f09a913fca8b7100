/** The attestation policy for agent enclaves, rule by rule, over evidence that a server judges. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSigstruct } from '@assay/evidence/sgx';
import {
  attestationPolicy,
  REFERENCE_VALUES,
  RESOURCE_POLICY,
  referenceValueMessage,
  referenceValuesOf,
} from '@assay/guest/enclave-cc';
import { parseResourceUri } from '@assay/protocol';
import {
  createTestWorld,
  emulatedAttester,
  emulatedEnclave,
  enclaveSigningKey,
  SGX_FLAG,
  type SgxReportFields,
  startEmulatedPcs,
} from '@assay/soft-tee';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { temporary } from '../../packages/oci/src/testing/image.test.helper.js';
import { extractSample, parseMessage } from '../../packages/rvps/src/message.js';
import { guestOf, startTestServer, type TestServer } from '../support/assay.js';

const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));
const world = createTestWorld({ now: () => new Date(), random });
const key = enclaveSigningKey();
const { sigstruct } = emulatedEnclave('known', key, { isvSvn: 258, isvProdId: 7 });
const { authentic } = readSigstruct(sigstruct);
if (authentic === undefined) throw new Error('the SIGSTRUCT is none');
const known: Partial<SgxReportFields> = {
  mrEnclave: authentic.enclaveHash,
  mrSigner: authentic.mrSigner,
  isvProdId: 7,
  isvSvn: 258,
};

describe('an enclave', { timeout: 60_000 }, () => {
  let server: TestServer;
  let pcs: Awaited<ReturnType<typeof startEmulatedPcs>>;

  beforeAll(async () => {
    pcs = await startEmulatedPcs(world, { kind: 'pccs' });
    const roots = join(temporary(), 'roots.pem');
    writeFileSync(roots, world.intel.pki.root().pem);
    server = await startTestServer({
      collateral: { pccs: [pcs.url], intel_pcs: 'off', allow_http: true },
      trust: { emulated_roots: [roots] },
      sgx: { debug_allowed: true },
    });
    await server.admin('PUT', '/api/v1/resource-policy', { text: RESOURCE_POLICY });
    await server.admin('PUT', '/api/v1/resources/default/key/1', Buffer.from('the key'));
  });
  beforeEach(async () => {
    for (const [name, value] of Object.entries(referenceValuesOf([authentic])))
      await server.admin('PUT', `/api/v1/reference-values/${name}`, { value });
    await policy(attestationPolicy({ emulated: true }));
  });
  afterAll(async () => {
    await server?.stop();
    await pcs?.close();
  });

  const policy = (text: string) => server.admin('PUT', '/api/v1/attestation-policies/default_cpu', { text });
  const keyFor = (report: Partial<SgxReportFields>): Promise<string> =>
    guestOf(server, { attester: emulatedAttester('sgx', world, { report }) })
      .getResource(parseResourceUri('kbs:///default/key/1'))
      .then(
        (bytes) => Buffer.from(bytes).toString(),
        (error: Error) => error.message,
      );

  test.each<[string, Partial<SgxReportFields>]>([
    ['of a known build', known],
    ['of a later security version', { ...known, isvSvn: 259 }],
    ['of a much later security version', { ...known, isvSvn: 0x1000 }],
  ])('%s gets the key', async (_, report) => {
    expect(await keyFor(report)).toBe('the key');
  });

  test.each<[string, Partial<SgxReportFields>]>([
    ['of another build', { ...known, mrEnclave: random(32) }],
    ['of another signer', { ...known, mrSigner: random(32) }],
    ['of another product', { ...known, isvProdId: 8 }],
    ['of a product whose bytes are turned around', { ...known, isvProdId: 7 << 8 }],
    ['of an earlier security version', { ...known, isvSvn: 257 }],
    ['of a version that is later only when it is read from the other end', { ...known, isvSvn: 3 }],
    ['in debug', { ...known, attributes: SGX_FLAG.init | SGX_FLAG.mode64bit | SGX_FLAG.debug }],
  ])('%s gets nothing', async (_, report) => {
    expect(await keyFor(report)).toContain('resource: ');
  });

  test('gets nothing where hardware must be genuine', async () => {
    await policy(attestationPolicy());
    expect(await keyFor(known)).toContain('resource: ');
  });

  test.each(Object.values(REFERENCE_VALUES))('gets nothing without %s', async (name) => {
    await server.admin('DELETE', `/api/v1/reference-values/${name}`);
    expect(await keyFor(known)).toContain('resource: ');
  });

  test('gets nothing on a machine that is behind', async () => {
    const platform = world.intel.platform('behind', {
      components: Array(16).fill(1),
      cpuSvn: new Uint8Array(16).fill(1),
    });
    const attester = emulatedAttester('sgx', world, { report: known, platform });
    const asked = guestOf(server, { attester }).getResource(parseResourceUri('kbs:///default/key/1'));
    await expect(asked).rejects.toThrow();
  });

  test('of SGX gets resources, a guest of another TEE does not, whatever is affirmed', async () => {
    await policy('package policy\n\ntrust_claims := {"executables": 2, "hardware": 2, "configuration": 2}\n');
    expect(await keyFor(known)).toBe('the key');
    const other = guestOf(server, { attester: emulatedAttester('tdx', world) });
    await expect(other.getResource(parseResourceUri('kbs:///default/key/1'))).rejects.toThrow('resource: ');
  });

  test('has its reference values in a message that RVPS takes', () => {
    const message = parseMessage(JSON.stringify(referenceValueMessage(referenceValuesOf([authentic]))));
    expect(message.type).toBe('sample');
    expect(Object.fromEntries(extractSample(message.payload).map(({ name, value }) => [name, value]))).toEqual(
      referenceValuesOf([authentic]),
    );
  });

  test('of several builds is named by each; the lowest version is the least that is taken', () => {
    const other = readSigstruct(emulatedEnclave('other', key, { isvSvn: 5, isvProdId: 7 }).sigstruct).authentic;
    if (other === undefined) throw new Error('the SIGSTRUCT is none');
    const values = referenceValuesOf([authentic, other, other]);
    expect(values[REFERENCE_VALUES.mrEnclave]).toHaveLength(2);
    expect(values[REFERENCE_VALUES.mrSigner]).toHaveLength(1);
    expect(values[REFERENCE_VALUES.isvProdId]).toEqual(['0700']);
    expect(values[REFERENCE_VALUES.minimumIsvSvn]).toBe(5);
  });
});
