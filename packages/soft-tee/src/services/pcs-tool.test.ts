import { randomBytes } from 'node:crypto';
import { encodeHex, encodeUtf8 } from '@assay/bytes';
import { type CollateralSet, IntelCollateral, memoryCache, pcsToolSource, type TcbUpdate } from '@assay/collateral';
import { collateralFromEndorsements, intelTrust, verifyCollateral } from '@assay/evidence/dcap';
import { expect, test } from 'vitest';
import { createTestWorld } from '../index.js';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const world = createTestWorld({ now: () => new Date(NOW), random: randomBytes });
const { intel } = world;
const platform = intel.platform();

/** The file as Intel's tool writes it, documents as text or as objects. */
function toolFile(as: (answer: string) => unknown = (answer) => answer): Record<string, unknown> {
  const tcb = (tee: 'sgx' | 'tdx', update: 'early' | 'standard') => {
    const { text, signature } = intel.tcbInfo({ tee, platform, update });
    return as(`{"tcbInfo":${text},"signature":"${signature}"}`);
  };
  const identity = (tee: 'sgx' | 'tdx') => {
    const { text, signature } = intel.qeIdentity({ tee });
    return as(`{"enclaveIdentity":${text},"signature":"${signature}"}`);
  };
  const chain = encodeURIComponent(intel.tcbSigningChain());
  return {
    tcbinfos: [
      {
        fmspc: platform.fmspc.toUpperCase(),
        sgx_tcbinfo: tcb('sgx', 'standard'),
        tdx_tcbinfo: tcb('tdx', 'standard'),
        tdx_tcbinfo_early: tcb('tdx', 'early'),
      },
    ],
    pckcacrl: { processorCrl: encodeHex(intel.pckCrl('processor')), platformCrl: encodeHex(intel.pckCrl('platform')) },
    qeidentity: identity('sgx'),
    tdqeidentity: identity('tdx'),
    certificates: {
      'TCB-Info-Issuer-Chain': chain,
      'SGX-Enclave-Identity-Issuer-Chain': chain,
      'SGX-PCK-Certificate-Issuer-Chain': {
        PROCESSOR: encodeURIComponent(intel.caChain('processor')),
        PLATFORM: encodeURIComponent(intel.caChain('platform')),
      },
    },
    rootcacrl: encodeHex(intel.rootCrl()),
  };
}

function get(file: unknown, tee: 'sgx' | 'tdx' = 'tdx', update: TcbUpdate = 'early'): Promise<CollateralSet> {
  const trust = intelTrust([world.anchors().intel]);
  const read = async (): Promise<Uint8Array> => {
    if (file === undefined) throw new Error('ENOENT');
    return encodeUtf8(JSON.stringify({ collaterals: file }, null, 2));
  };
  const collateral = new IntelCollateral({
    sources: [pcsToolSource({ name: 'collateral.json', read })],
    cache: memoryCache(),
    timing: { now: () => NOW, sleep: async () => undefined, random: Math.random },
    update,
    verify: (endorsements) => verifyCollateral(collateralFromEndorsements(endorsements), trust).findings,
  });
  return collateral.get({ tee, fmspc: platform.fmspc, ca: platform.ca });
}

const evaluation = (set: CollateralSet): string | undefined =>
  /"tcbEvaluationDataNumber":(\d+)/.exec(Buffer.from(set.endorsements['tcb_info'] ?? []).toString())?.[1];

test.each([
  ['text', (answer: string) => answer],
  ['objects', (answer: string) => JSON.parse(answer) as unknown],
])('documents as %s verify', async (_, as) => {
  const set = await get(toolFile(as));
  expect(set.findings).toEqual([]);
  expect([set.complete, evaluation(set)]).toEqual([true, '18']);
  expect(evaluation(await get(toolFile(as), 'tdx', 'standard'))).toBe('17');
  // There is no early SGX entry in the file.
  expect(evaluation(await get(toolFile(as), 'sgx', 'early'))).toBe('17');
});

test.each([
  ['no file', undefined, 'collateral.source.reachable', 4],
  ['nothing in it', {}, 'collateral.source.known', 4],
  ['no object', [], 'collateral.answer.form', 4],
  ['no chains', { ...toolFile(), certificates: {} }, 'collateral.answer.form', 4],
  ['other machine type', { ...toolFile(), tcbinfos: [{ fmspc: '00' }] }, 'collateral.source.known', 1],
  ['edited', toolFile((answer) => answer.replace('OutOfDate', 'UpToDate')), 'collateral.answer.form', 2],
])('%s is said', async (_, file, id, items) => {
  const set = await get(file);
  expect(set.complete).toBe(false);
  expect(set.findings.map((finding) => finding.id)).toContain(id);
  expect(set.uses).toHaveLength(4 - items);
});

test('a number cannot be asked of a file', async () => {
  expect((await get(toolFile(), 'tdx', 17)).findings.map(({ id }) => id)).toContain('collateral.source.known');
});
