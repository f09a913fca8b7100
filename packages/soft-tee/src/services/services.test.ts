import { randomBytes, X509Certificate } from 'node:crypto';
import { decodePem, encodeHex } from '@assay/bytes';
import { parseCrl } from '@assay/evidence/x509';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestWorld, type EmulatedService, encryptedPpid, startEmulatedKds, startEmulatedPcs } from '../index.js';
import { createCachedTestWorld } from '../testing/index.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const world = createTestWorld({ now: () => NOW, random: randomBytes });

describe('PCS and PCCS', () => {
  const platform = world.intel.platform();
  let pcs: EmulatedService;
  let pccs: EmulatedService;
  beforeAll(async () => {
    pcs = await startEmulatedPcs(world, { retired: [16] });
    pccs = await startEmulatedPcs(world, { kind: 'pccs' });
  });
  afterAll(async () => {
    await Promise.all([pcs.close(), pccs.close()]);
  });

  test.each([
    ['sgx', 'v4', 'TCB-Info-Issuer-Chain', 3],
    ['tdx', 'v4', 'TCB-Info-Issuer-Chain', 3],
    ['sgx', 'v3', 'SGX-TCB-Info-Issuer-Chain', 2],
  ])('TCB info of %s %s', async (tee, api, header, version) => {
    const answer = await fetch(`${pcs.url}/${tee}/certification/${api}/tcb?fmspc=${platform.fmspc}&update=early`);
    const document = (await answer.json()) as { tcbInfo: { version: number; tcbEvaluationDataNumber: number } };
    expect(document.tcbInfo).toMatchObject({ version, tcbEvaluationDataNumber: 18 });
    const chain = decodePem(decodeURIComponent(answer.headers.get(header) ?? ''));
    expect(chain.map(({ bytes }) => new X509Certificate(bytes).subject)).toEqual([
      expect.stringContaining('CN=Intel SGX TCB Signing'),
      expect.stringContaining('CN=Intel SGX Root CA'),
    ]);
  });

  test.each([
    ['/sgx/certification/v4/tcb?fmspc=000000000000', 404],
    ['/sgx/certification/v4/tcb?fmspc=xyz', 400],
    ['/tdx/certification/v3/tcb?fmspc=a55a00000000', 404],
    ['/sgx/certification/v4/tcb?fmspc=a55a00000000&tcbEvaluationDataNumber=16', 410],
    ['/sgx/certification/v4/tcb?fmspc=a55a00000000&tcbEvaluationDataNumber=18', 200],
    ['/tdx/certification/v4/qe/identity?update=never', 400],
    ['/sgx/certification/v4/pckcrl?ca=other', 400],
    ['/sgx/certification/v4/rootcacrl', 404],
    ['/IntelSGXRootCA.der', 200],
  ])('%s gives %i', async (path, status) => {
    expect((await fetch(pcs.url + path)).status).toBe(status);
  });

  test('CRLs in every encoding', async () => {
    const der = await (await fetch(`${pccs.url}/sgx/certification/v4/pckcrl?ca=processor&encoding=der`))
      .arrayBuffer()
      .then((b) => new Uint8Array(b));
    expect(parseCrl(der).revoked.size).toBe(0);
    const pem = await (await fetch(`${pccs.url}/sgx/certification/v4/pckcrl?ca=processor`)).text();
    expect(decodePem(pem)[0]?.label).toBe('X509 CRL');
    const hex = await (await fetch(`${pccs.url}/sgx/certification/v3/rootcacrl`)).text();
    expect(parseCrl(Uint8Array.from(Buffer.from(hex, 'hex'))).revoked.size).toBe(0);
  });

  test('PCK certificates of a known platform only', async () => {
    const query = `encrypted_ppid=${encryptedPpid(platform)}&cpusvn=${encodeHex(platform.cpuSvn)}&pcesvn=0d00&pceid=0000`;
    const answer = await fetch(`${pccs.url}/sgx/certification/v4/pckcert?${query}`);
    expect(new X509Certificate(await answer.text()).subject).toContain('SGX PCK Certificate');
    expect(answer.headers.get('sgx-fmspc')).toBe('A55A00000000');
    const list = (await (await fetch(`${pccs.url}/sgx/certification/v4/pckcerts?${query}`)).json()) as unknown[];
    expect(list).toHaveLength(1);
    const other = query.replace(/encrypted_ppid=../, 'encrypted_ppid=ff');
    expect((await fetch(`${pccs.url}/sgx/certification/v4/pckcert?${other}`)).status).toBe(404);
  });

  test('failures happen as ordered, as often as ordered', async () => {
    const url = `${pcs.url}/sgx/certification/v4/qe/identity`;
    const before = pcs.requests('qe/identity');
    pcs.order('qe/identity', { kind: 'status', status: 429, retryAfter: 7 }, 1);
    pcs.order('qe/identity', { kind: 'truncated' }, 1);
    pcs.order('*', { kind: 'reset' }, 1);
    const throttled = await fetch(url);
    expect([throttled.status, throttled.headers.get('retry-after')]).toEqual([429, '7']);
    await expect(fetch(url).then((answer) => answer.text())).rejects.toThrow();
    await expect(fetch(url)).rejects.toThrow();
    expect((await fetch(url)).status).toBe(200);
    expect(pcs.requests('qe/identity') - before).toBe(4);
  });
});

test('KDS: chains, CRLs and VCEKs of known chips', async () => {
  const world = await createCachedTestWorld(() => NOW);
  const chip = world.amd.chip();
  const kds = await startEmulatedKds(world);
  try {
    const chain = decodePem(await (await fetch(`${kds.url}/vcek/v1/Milan/cert_chain`)).text());
    expect(chain).toHaveLength(2);
    const spl = 'blSPL=4&teeSPL=0&snpSPL=24&ucodeSPL=219';
    const vcek = await (await fetch(`${kds.url}/vcek/v1/Milan/${encodeHex(chip.chipId)}?${spl}`))
      .arrayBuffer()
      .then((b) => new Uint8Array(b));
    expect(new X509Certificate(vcek).verify(new X509Certificate(chain[0]?.bytes ?? '').publicKey)).toBe(true);
    expect(
      parseCrl(await (await fetch(`${kds.url}/vcek/v1/Milan/crl`)).arrayBuffer().then((b) => new Uint8Array(b))).revoked
        .size,
    ).toBe(0);
    for (const [path, status] of [
      [`/vcek/v1/Milan/${'0'.repeat(128)}?${spl}`, 404],
      [`/vcek/v1/Milan/${encodeHex(chip.chipId)}?blSPL=4`, 400],
      ['/vcek/v1/Rome/crl', 404],
      ['/vlek/v1/Milan/cert', 401],
    ] as const) {
      expect((await fetch(kds.url + path)).status, path).toBe(status);
    }
  } finally {
    await kds.close();
  }
}, 60_000);
