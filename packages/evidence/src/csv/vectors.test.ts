import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadManifest, vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { verifyCsvFiles } from './files.js';

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
  'report.signature': ['csv.report.signature', 'csv.report.form'],
  'report.mac': ['csv.report.mac'],
  'chain.root': ['csv.chain.root'],
  'chain.hrk': ['csv.chain.links', 'csv.chain.form'],
  'chain.hsk': ['csv.chain.links', 'csv.chain.form'],
  'chain.cek': ['csv.chain.links', 'csv.chain.form'],
  'chain.pek': ['csv.chain.links', 'csv.chain.form'],
  'chain.usage': ['csv.chain.usage', 'csv.chain.form'],
};
const NOT_MEMBERS = ['reason', 'failed_checks', 'default_policy'];

const folder = vectorsArea('csv');
const entries = (loadManifest('csv') ?? []) as Entry[];

describe.skipIf(folder === undefined)('published reports', () => {
  test('there are some', () => expect(entries.length).toBeGreaterThan(10));

  test.each(entries.map((entry) => [entry.id, entry] as const))('%s', (_, entry) => {
    const files = Object.fromEntries(
      Object.entries(entry.files).map(([role, path]) => [role, new Uint8Array(readFileSync(join(folder ?? '', path)))]),
    );
    const anchor = entry.trust_anchor === undefined ? undefined : files[entry.trust_anchor];
    const result = verifyCsvFiles(files, {
      at: new Date(entry.verification_time),
      ...(anchor === undefined ? {} : { roots: [anchor] }),
    });
    const failed = result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
    // What an anonce that was changed makes of the policy is no member of the vectors.
    const judged = failed.filter((id) => !id.startsWith('csv.guest.'));
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
        judged.some((id) => LABELS[label]?.includes(id)),
        `${label}: ${judged}`,
      ).toBe(true);
    }
    // Nothing fails that the vector does not say fails.
    const allowed = labels.flatMap((label) => LABELS[label] ?? []);
    expect(judged.filter((id) => !allowed.includes(id))).toEqual([]);
  });
});
