import { randomBytes } from 'node:crypto';
import { encodeBase64url, encodeHex, encodeUtf8, type JsonObject, type JsonValue } from '@assay/bytes';
import { createAzSnpVtpmVerifier, createAzTdxVtpmVerifier, type Verifier, type VerifierResult } from '@assay/evidence';
import { examineHcl, parseHclReport } from '@assay/evidence/az';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { azSnpEvidence, azTdxEvidence, type TestWorld } from '../index.js';
import { createCachedTestWorld } from '../testing/index.js';
import { mutated } from '../testing/mutated.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const REPORT_DATA = Uint8Array.from(randomBytes(48));

interface Case {
  readonly whole: JsonObject;
  readonly quote: { readonly [member: string]: JsonValue };
  readonly hcl: Uint8Array;
  /** Length of the report without the padding of its NV index. */
  readonly used: number;
  readonly endorsements: Readonly<Record<string, Uint8Array>>;
  readonly verifier: Verifier;
}
let cases: Readonly<Record<'snp' | 'tdx', Case>>;

beforeAll(async () => {
  const world: TestWorld = await createCachedTestWorld(() => NOW);
  const { amd, intel } = world;
  const { product } = amd.chip();
  const collateral = intel.collateral({ tee: 'tdx', platform: intel.platform() });
  cases = {
    snp: caseOf(
      azSnpEvidence(world, REPORT_DATA),
      { ask: amd.intermediate('ask', product).der, ark: amd.ark(product).der },
      createAzSnpVtpmVerifier({ snp: { emulatedRoots: world.anchors(['Milan']).amd } }),
    ),
    tdx: caseOf(
      azTdxEvidence(world, REPORT_DATA),
      { collateral: encodeUtf8(JSON.stringify(collateral)) },
      createAzTdxVtpmVerifier({ tdx: { emulatedRoots: [world.anchors().intel] } }),
    ),
  };
}, 60_000);

function caseOf(whole: JsonObject, endorsements: Case['endorsements'], verifier: Verifier): Case {
  const hcl = Uint8Array.from(Buffer.from(whole['hcl_report'] as string, 'base64url'));
  const used = 1236 + parseHclReport(hcl).runtimeData.length;
  return { whole, quote: whole['tpm_quote'] as Case['quote'], hcl, used, endorsements, verifier };
}

function verify({ endorsements, verifier }: Case, evidence: JsonValue): VerifierResult {
  return verifier.verify({
    evidence,
    endorsements,
    reportData: [{ bytes: REPORT_DATA, algorithm: 'sha384', members: 'nonce, tee-pubkey' }],
    initData: undefined,
    now: NOW,
  });
}

describe.each(['snp', 'tdx'] as const)('fuzz: on %s no change goes unnoticed, and none throws', (hardware) => {
  test('the original is accepted', () => {
    expect(verify(cases[hardware], cases[hardware].whole).accepted).toBe(true);
  });

  test('HCL report, where anything vouches for it', () => {
    const one = cases[hardware];
    // The reserved bytes of the header mean nothing. Of a TDREPORT only REPORTDATA is read: its MAC is good on one machine.
    const report = hardware === 'snp' ? ([32, 1216] as const) : ([160, 224] as const);
    fc.assert(
      fc.property(mutated(one.hcl, [[0, 20], report, [1216, one.used]]), (bytes) => {
        const result = verify(one, { ...one.whole, hcl_report: encodeBase64url(bytes) });
        expect(result.accepted).toBe(false);
        expect(result.findings.some(({ outcome }) => outcome === 'fail')).toBe(true);
      }),
      { numRuns: fuzzRuns(150) },
    );
  });

  test('HCL report of any form', () => {
    const one = cases[hardware];
    fc.assert(
      fc.property(mutated(one.hcl), (bytes) => {
        const { ak, findings, report } = examineHcl(bytes, hardware);
        expect(findings.length).toBeGreaterThan(0);
        if (report === undefined) expect(ak).toBeUndefined();
      }),
      { numRuns: fuzzRuns(300) },
    );
  });

  test.each(['message', 'signature'])('%s of the quote', (member) => {
    const one = cases[hardware];
    const original = Uint8Array.from(Buffer.from(one.quote[member] as string, 'hex'));
    fc.assert(
      fc.property(mutated(original), (bytes) => {
        const evidence = { ...one.whole, tpm_quote: { ...one.quote, [member]: encodeHex(bytes) } };
        expect(verify(one, evidence).accepted).toBe(false);
      }),
      { numRuns: fuzzRuns(75) },
    );
  });

  test('JSON of any form', () => {
    const one = cases[hardware];
    const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue>;
    const names = ['version', 'tpm_quote', 'quote', 'hcl_report', 'report', 'td_quote', 'vcek', 'ak_cert'];
    fc.assert(
      fc.property(fc.oneof(json, fc.dictionary(fc.constantFrom(...names), json)), (evidence) => {
        expect(verify(one, evidence).accepted).toBe(false);
      }),
      { numRuns: fuzzRuns(150) },
    );
    const bad = fc.dictionary(fc.constantFrom('version', 'tpm_quote', 'hcl_report'), json, { minKeys: 1 });
    fc.assert(
      fc.property(bad, (changed) => {
        // The numbers 1 and 2 are versions; version 1 asks less of the same evidence.
        const version =
          Object.keys(changed).join() === 'version' && (changed['version'] === 1 || changed['version'] === 2);
        expect(verify(one, { ...one.whole, ...changed }).accepted).toBe(version);
      }),
      { numRuns: fuzzRuns(75) },
    );
  });
});
