import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadManifest, vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { verifySnpFiles } from './files.js';

interface Entry {
  readonly id: string;
  readonly files: { readonly [role: string]: string };
  readonly trust_anchor?: string;
  readonly verification_time: string;
  readonly expected: {
    readonly [member: string]: unknown;
    readonly verdict: string;
    readonly failed_checks?: string[];
  };
}

/** Labels of the published vectors, and the findings that answer each: any one of them must fail. */
const LABELS: { readonly [label: string]: readonly string[] } = {
  'report.signature': ['snp.signature.valid'],
  'report.signature_encoding': ['snp.signature.encoding'],
  'report.length': ['snp.report.length'],
  'report.version': ['snp.report.version'],
  'report.signature_algo': ['snp.report.algorithm'],
  'report.reserved': ['snp.report.reserved'],
  'report.policy': ['snp.policy.form'],
  'report.signing_key': ['snp.signer.kind'],
  'report.author_key_en': ['snp.guest.author'],
  'report.chip_id': ['snp.chip.id'],
  'report.cpuid': ['snp.product.agree'],
  'leaf.hwid': ['snp.chip.id', 'snp.leaf.form'],
  'leaf.tcb': ['snp.tcb.equal', 'snp.leaf.form'],
  'leaf.product': ['snp.product.agree'],
  'chain.issuer': ['snp.chain.links', 'snp.chain.kind'],
  'chain.signature': ['snp.chain.links', 'snp.chain.pss', 'snp.leaf.form'],
  'chain.validity': ['snp.leaf.validity'],
  'chain.root': ['snp.chain.root'],
  'chain.intermediate': ['snp.chain.kind'],
  'crl.signature': ['snp.crl.signature'],
  'crl.issuer': ['snp.crl.signature'],
  'crl.validity': ['snp.crl.dates'],
  'crl.revoked': ['snp.ca.revoked'],
};
const NOT_MEMBERS = ['reason', 'failed_checks', 'default_policy'];

const folder = vectorsArea('snp');
const entries = (loadManifest('snp') ?? []) as Entry[];

describe.skipIf(folder === undefined)('published reports', () => {
  test('there are some', () => expect(entries.length).toBeGreaterThan(30));

  test.each(entries.map((entry) => [entry.id, entry] as const))('%s', (_, entry) => {
    const files = Object.fromEntries(
      Object.entries(entry.files).map(([role, path]) => [role, new Uint8Array(readFileSync(join(folder ?? '', path)))]),
    );
    const anchor = entry.trust_anchor === undefined ? undefined : files[entry.trust_anchor];
    const result = verifySnpFiles(files, {
      at: new Date(entry.verification_time),
      ...(anchor === undefined ? {} : { roots: [anchor] }),
    });
    const failed = result.findings
      .filter(({ outcome, stage }) => outcome === 'fail' && stage !== 'appraise')
      .map(({ id }) => id);
    expect(result.verdict, JSON.stringify(failed)).toBe(entry.expected.verdict);
    if (entry.expected.verdict === 'accept') {
      expect(failed).toEqual([]);
      const wanted = Object.entries(entry.expected).filter(([member]) => !NOT_MEMBERS.includes(member));
      expect(result).toMatchObject(Object.fromEntries(wanted));
      return;
    }
    expect(result).not.toHaveProperty('claims');
    const labels = entry.expected.failed_checks ?? [];
    for (const label of labels) {
      expect(LABELS[label], label).toBeDefined();
      expect(
        failed.some((id) => LABELS[label]?.includes(id)),
        `${label}: ${failed}`,
      ).toBe(true);
    }
    // Nothing fails that the vector does not say fails.
    const allowed = labels.flatMap((label) => LABELS[label] ?? []);
    const stray = failed.filter((id) => !allowed.includes(id));
    expect(stray).toEqual([]);
  });
});
