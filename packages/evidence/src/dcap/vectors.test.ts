import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isFindingId } from '@assay/bytes/findings';
import { loadManifest, vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { verifySgxFiles } from '../sgx/files.js';
import { verifyTdxFiles } from '../tdx/files.js';
import type { QuoteFileResult } from './files.js';

interface Entry {
  readonly id: string;
  readonly files: Readonly<Record<string, string>>;
  readonly trust_anchor?: string;
  readonly verification_time: string;
  readonly expected: Readonly<Record<string, unknown>> & {
    readonly verdict: string;
    readonly failed_checks?: readonly string[];
  };
}

/** Words about the expectation, not part of it. */
const WORDS = ['reason', 'failed_checks', 'default_policy'];

/** Which of our checks each label of the vectors stands for. */
const LABELS: Readonly<Record<string, readonly string[]>> = {
  'quote.length': ['dcap.quote.length', 'dcap.quote.nesting'],
  'quote.version': ['dcap.quote.version'],
  'quote.key_type': ['dcap.quote.key-type'],
  'quote.tee_type': ['dcap.quote.tee-type'],
  'quote.vendor': ['dcap.quote.vendor'],
  'quote.body': ['dcap.quote.body', 'dcap.quote.tee-type'],
  'quote.certification_type': ['dcap.quote.nesting'],
  'quote.signature': ['dcap.quote.signature'],
  'qe.signature': ['dcap.qe.signature'],
  'qe.report_data': ['dcap.qe.binding'],
  'qe.mrsigner': ['dcap.qe.mrsigner'],
  'qe.isvprodid': ['dcap.qe.prodid'],
  'qe.isvsvn': ['dcap.qe.level'],
  'qe.attributes': ['dcap.qe.attributes'],
  'qe.miscselect': ['dcap.qe.attributes'],
  'qe.debug': ['dcap.qe.attributes'],
  'pck.root': ['dcap.pck.root'],
  'pck.signature': ['dcap.pck.chain'],
  'pck.basic_constraints': ['dcap.pck.chain'],
  'pck.key_usage': ['dcap.pck.chain'],
  'pck.names': ['dcap.pck.names'],
  'pck.validity': ['dcap.pck.validity'],
  'pck_crl.issuer': ['dcap.crl.issuer', 'dcap.crl.signature'],
  'pck_crl.signature': ['dcap.crl.signature', 'dcap.crl.issuer'],
  'pck_crl.validity': ['dcap.crl.dates'],
  'pck_crl_chain.other_ca': ['dcap.crl.issuer', 'dcap.crl.signature'],
  'pck_crl_chain.root': ['dcap.crl.chain'],
  'root_crl.signature': ['dcap.crl.signature'],
  'root_crl.validity': ['dcap.crl.dates'],
  'revoked.pck': ['dcap.pck.revoked'],
  'revoked.intermediate': ['dcap.ca.revoked'],
  'revoked.tcb_signer': ['dcap.ca.revoked'],
  'tcb_info.signature': ['dcap.tcbinfo.signature'],
  'tcb_info.validity': ['dcap.tcbinfo.dates'],
  'tcb_info.id': ['dcap.tcbinfo.kind'],
  'tcb_info.fmspc': ['dcap.tcbinfo.platform'],
  'tcb_info.pce_id': ['dcap.tcbinfo.platform'],
  'tcb_info.format': ['dcap.tcbinfo.form', 'dcap.tcbinfo.kind'],
  'tcb_info.status': ['dcap.tcbinfo.form'],
  'tcb_info_chain.signature': ['dcap.tcbinfo.signer'],
  'tcb_info_chain.names': ['dcap.tcbinfo.signer'],
  'tcb_info_chain.path': ['dcap.tcbinfo.signer'],
  'tcb_info_chain.root': ['dcap.tcbinfo.signer'],
  'tcb_info_chain.validity': ['dcap.pck.validity'],
  'qe_identity.signature': ['dcap.qe-identity.signature'],
  'qe_identity.validity': ['dcap.qe-identity.dates'],
  'qe_identity.id': ['dcap.qe-identity.kind'],
  'qe_identity.format': ['dcap.qe-identity.form'],
  'qe_identity_chain.names': ['dcap.qe-identity.signer'],
  'qe_identity_chain.path': ['dcap.qe-identity.signer'],
  'qe_identity_chain.root': ['dcap.qe-identity.signer'],
  'tcb.not_supported': ['dcap.tcb.supported'],
  'tdx_module.unknown': ['tdx.module.identity'],
  'tdx_module.mrsignerseam': ['tdx.module.signer'],
  'tdx_module.seamattributes': ['tdx.module.signer'],
  'tdx_module.not_supported': ['tdx.module.level'],
};

function run(area: 'sgx' | 'tdx', entry: Entry): QuoteFileResult {
  const folder = vectorsArea(area) ?? '';
  const { root, ...files } = Object.fromEntries(
    Object.entries(entry.files).map(([role, path]) => [role, new Uint8Array(readFileSync(join(folder, path)))]),
  );
  const roots = entry.trust_anchor === 'root' && root !== undefined ? { roots: [root] } : {};
  const verify = area === 'sgx' ? verifySgxFiles : verifyTdxFiles;
  return verify(files, { at: new Date(entry.verification_time), ...roots });
}

/** Lists of texts are sets; names are compared without regard to case. */
function comparable(value: unknown): unknown {
  if (typeof value === 'string') return value.toLowerCase();
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return [...value].sort();
  return value;
}

describe.skipIf(vectorsArea('sgx') === undefined).each(['sgx', 'tdx'] as const)('vectors of %s', (area) => {
  const entries = (loadManifest(area) ?? []) as readonly Entry[];

  test('there are some', () => {
    expect(entries.length).toBeGreaterThan(40);
    expect(existsSync(vectorsArea(area) ?? '')).toBe(true);
  });

  test.each(entries.map((entry) => [entry.id, entry] as const))('%s', (_, entry) => {
    const result = run(area, entry);
    for (const [member, wanted] of Object.entries(entry.expected)) {
      if (WORDS.includes(member)) continue;
      if (member === 'claims') expect(result.claims).toMatchObject(wanted as object);
      else expect(comparable(result[member]), member).toEqual(comparable(wanted));
    }
    const failing = result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
    if (entry.expected.verdict === 'accept') {
      expect(result.policy_claims).toMatchObject({ tcb_status: entry.expected['tcb_status'] });
    } else expect(result.policy_claims).toBeUndefined();
    const missed = (entry.expected.failed_checks ?? []).filter(
      (label) => !failing.some((id) => LABELS[label]?.includes(id)),
    );
    expect(EXCUSED[entry.id] ?? []).toEqual(missed);
    // An entry with one label fails for that one reason.
    if (entry.expected.failed_checks?.length === 1) {
      const refusing = result.findings.filter(({ outcome, stage }) => outcome === 'fail' && stage !== 'appraise');
      expect(new Set(refusing.map(({ id }) => id)).size).toBe(1);
    }
    for (const { id, key, outcome, role, caused_by } of result.findings) {
      expect(isFindingId(id)).toBe(true);
      if (outcome === 'not-checked' && !id.startsWith('binding.'))
        expect([key, id, role, caused_by?.length ?? 0]).not.toContain(0);
    }
  });
});

/** Labels that our checks do not reach, because a check that they need failed. */
const EXCUSED: Readonly<Record<string, readonly string[]>> = {
  // A platform of another kind is not compared with levels that are not its own.
  'neg-sgx-wrong-fmspc-collateral': ['tcb.not_supported'],
  // The CRL is verified by its own chain to the pinned root, and then found not to be of the quote's CA.
  'syn-neg-sgx-self-made-root': ['root_crl.signature'],
};
