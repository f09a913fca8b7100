import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadManifest, vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { verifyCcaFiles } from './files.js';

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
  'token.format': ['cca.token.form'],
  'token.collection': ['cca.token.form'],
  'token.profile': ['cca.token.profile'],
  'token.algorithm': ['cca.token.algorithm'],
  'platform.signature': ['cca.platform.signature'],
  'platform.lifecycle': ['cca.platform.lifecycle'],
  'platform.instance_id': ['cca.token.form'],
  'realm.signature': ['cca.realm.signature'],
  'realm.binding': ['cca.realm.binding'],
  'realm.challenge': ['cca.token.form'],
  'realm.rem': ['cca.token.form'],
  'realm.measurement_size': ['cca.token.form'],
};
const NOT_MEMBERS = ['reason', 'failed_checks', 'default_policy'];

const folder = vectorsArea('cca');
const entries = (loadManifest('cca') ?? []) as Entry[];

describe.skipIf(folder === undefined)('published tokens', () => {
  test('there are some', () => expect(entries.length).toBeGreaterThan(10));

  test.each(entries.map((entry) => [entry.id, entry] as const))('%s', (_, entry) => {
    const files = Object.fromEntries(
      Object.entries(entry.files).map(([role, path]) => [role, new Uint8Array(readFileSync(join(folder ?? '', path)))]),
    );
    const anchor = entry.trust_anchor === undefined ? undefined : files[entry.trust_anchor];
    const result = verifyCcaFiles(files, {
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
