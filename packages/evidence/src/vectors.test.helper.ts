/** Published vectors of one area: what is accepted has every member that was expected, what is rejected fails for the reasons given and no others. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FindingData, Verdict } from '@assay/bytes/findings';
import { loadManifest, vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';

export interface VectorEntry {
  readonly id: string;
  readonly files: { readonly [role: string]: string };
  readonly trust_anchor?: string;
  readonly verification_time: string;
  readonly expected: {
    readonly [member: string]: unknown;
    readonly verdict: string;
    readonly failed_checks?: readonly string[];
  };
}

type Result = Verdict & { readonly [member: string]: FindingData | undefined };

export interface VectorSuite {
  readonly verify: (
    files: Record<string, Uint8Array>,
    options: { readonly at: Date; readonly roots?: readonly Uint8Array[] },
  ) => Result;
  /** Labels of the vectors, and the findings that answer each: any one of them must fail. */
  readonly labels: { readonly [label: string]: readonly string[] };
  /** Findings that are no member of the vectors: rules of the owner. */
  readonly besides?: (id: string, stage: string | undefined) => boolean;
  /** What fails as well in single entries, because something else did. */
  readonly consequences?: { readonly [id: string]: readonly string[] };
  /** Member that only an accepted result has. Default: `claims`. */
  readonly fruit?: string;
  readonly also?: (entry: VectorEntry, result: Result) => void;
}

const NOT_MEMBERS = ['reason', 'failed_checks', 'default_policy'];

/** Declares the tests of an area; they say that they are skipped where the vectors are absent. */
export function testVectors(area: string, suite: VectorSuite): void {
  const folder = vectorsArea(area);
  const entries = (loadManifest(area) ?? []) as VectorEntry[];
  const { besides = (_, stage) => stage === 'appraise', consequences = {}, fruit = 'claims', labels } = suite;

  describe.skipIf(folder === undefined)(`published vectors of ${area}`, () => {
    test('there are some', () => expect(entries.length).toBeGreaterThan(10));

    test.each(entries.map((entry) => [entry.id, entry] as const))('%s', (id, entry) => {
      const files = Object.fromEntries(
        Object.entries(entry.files).map(([role, path]) => [
          role,
          new Uint8Array(readFileSync(join(folder ?? '', path))),
        ]),
      );
      const anchor = entry.trust_anchor === undefined ? undefined : files[entry.trust_anchor];
      const at = new Date(entry.verification_time);
      const result = suite.verify(files, { at, ...(anchor === undefined ? {} : { roots: [anchor] }) });
      const failed = result.findings
        .filter(({ outcome, id: finding, stage }) => outcome === 'fail' && !besides(finding, stage))
        .map((finding) => finding.id);
      expect(result.verdict, JSON.stringify(failed)).toBe(entry.expected.verdict);
      if (entry.expected.verdict !== 'reject') {
        if (entry.expected.verdict === 'accept') expect(failed).toEqual([]);
        const wanted = Object.entries(entry.expected).filter(([member]) => !NOT_MEMBERS.includes(member));
        expect(result).toMatchObject(Object.fromEntries(wanted));
        suite.also?.(entry, result);
        return;
      }
      expect(result).not.toHaveProperty(fruit);
      const reasons = entry.expected.failed_checks ?? [];
      for (const label of reasons) {
        expect(labels[label], label).toBeDefined();
        expect(
          failed.some((finding) => labels[label]?.includes(finding)),
          `${label}: ${failed}`,
        ).toBe(true);
      }
      // Nothing fails that the vector does not say fails.
      const allowed = [...reasons.flatMap((label) => labels[label] ?? []), ...(consequences[id] ?? [])];
      expect(failed.filter((finding) => !allowed.includes(finding))).toEqual([]);
    });
  });
}
