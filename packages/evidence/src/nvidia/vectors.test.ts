import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadManifest, vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { verifyNvidiaFiles } from './files.js';

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
  'report.signature': ['nvidia.report.signature'],
  'report.format': ['nvidia.report.form'],
  'report.fwid': ['nvidia.device.fwid'],
  'chain.signature': ['nvidia.chain.links'],
  'chain.length': ['nvidia.chain.form'],
  'chain.root': ['nvidia.chain.root'],
};
/** A chain without its leaf has another leaf, and with it another architecture and firmware id. */
const CONSEQUENCES: { readonly [id: string]: readonly string[] } = {
  'neg-nv-root-only': ['nvidia.device.arch', 'nvidia.device.fwid'],
  'neg-nv-leaf-missing': ['nvidia.device.fwid'],
};
const NOT_MEMBERS = ['reason', 'failed_checks', 'default_policy'];

const folder = vectorsArea('nvidia');
const entries = (loadManifest('nvidia') ?? []) as Entry[];

describe.skipIf(folder === undefined)('published reports', () => {
  test('there are some', () => expect(entries.length).toBeGreaterThan(10));

  test.each(entries.map((entry) => [entry.id, entry] as const))('%s', (id, entry) => {
    const files = Object.fromEntries(
      Object.entries(entry.files).map(([role, path]) => [role, new Uint8Array(readFileSync(join(folder ?? '', path)))]),
    );
    const anchor = entry.trust_anchor === undefined ? undefined : files[entry.trust_anchor];
    const result = verifyNvidiaFiles(files, {
      at: new Date(entry.verification_time),
      ...(anchor === undefined ? {} : { roots: [anchor] }),
    });
    const failed = result.findings.filter(({ outcome }) => outcome === 'fail').map((finding) => finding.id);
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
      expect(
        failed.some((one) => LABELS[label]?.includes(one)),
        `${label}: ${failed}`,
      ).toBe(true);
    }
    // Nothing fails that the vector does not say fails.
    const allowed = [...labels.flatMap((label) => LABELS[label] ?? []), ...(CONSEQUENCES[id] ?? [])];
    expect(failed.filter((one) => !allowed.includes(one))).toEqual([]);
  });
});
