import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadManifest, vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { verifyAzFiles } from './files.js';

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
  'hcl.magic': ['az.hcl.form'],
  'hcl.bounds': ['az.hcl.form'],
  'hcl.hash_type': ['az.hcl.form'],
  'hcl.report_type': ['az.hcl.kind'],
  // The type says which report binds: with another one there is nothing to compare.
  'runtime.binding': ['az.hcl.binding', 'az.hcl.kind'],
  'td_quote.binding': ['az.hcl.binding'],
  'tpm.signature': ['tpm.signature.valid'],
  'tpm.pcr_digest': ['tpm.pcr.digest'],
  'snp.report.signature': ['snp.signature.valid', 'az.hcl.hardware'],
  'ak_cert.key': ['az.ak.certificate'],
};
const NOT_MEMBERS = ['reason', 'failed_checks', 'default_policy'];

const folder = vectorsArea('az');
const entries = (loadManifest('az') ?? []) as Entry[];

describe.skipIf(folder === undefined)('published evidence', () => {
  test('there are some', () => expect(entries.length).toBeGreaterThan(15));

  test.each(entries.map((entry) => [entry.id, entry] as const))('%s', (_, entry) => {
    const files = Object.fromEntries(
      Object.entries(entry.files).map(([role, path]) => [role, new Uint8Array(readFileSync(join(folder ?? '', path)))]),
    );
    const anchor = entry.trust_anchor === undefined ? undefined : files[entry.trust_anchor];
    const result = verifyAzFiles(files, {
      at: new Date(entry.verification_time),
      ...(anchor === undefined ? {} : { roots: [anchor] }),
    });
    const failed = result.findings
      .filter(({ outcome, stage }) => outcome === 'fail' && stage !== 'appraise')
      .map(({ id }) => id);
    expect(result.verdict, JSON.stringify(failed)).toBe(entry.expected.verdict);
    if (entry.expected.verdict !== 'reject') {
      if (entry.expected.verdict === 'accept') expect(failed).toEqual([]);
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
    expect(failed.filter((id) => !allowed.includes(id))).toEqual([]);
  });
});
