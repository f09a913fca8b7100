import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadManifest, vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { verifySeFiles } from './files.js';

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
  'host_key.revoked': ['se.host-key.revoked'],
  'host_key.validity': ['se.host-key.validity'],
  'host_key.issuer': ['se.host-key.trust'],
  'host_key.signature': ['se.host-key.trust'],
  'signing_key.subject': ['se.signing-key.subject'],
  'signing_key.revoked': ['se.host-key.revoked'],
  'intermediate.revoked': ['se.host-key.revoked'],
  'ibm_crl.issuer': ['se.crl.trust', 'se.crl.missing'],
  'ibm_crl.signature': ['se.crl.trust', 'se.crl.missing'],
  'ibm_crl.validity': ['se.crl.dates'],
};
const NOT_MEMBERS = ['reason', 'failed_checks', 'default_policy'];

const folder = vectorsArea('se');
const entries = (loadManifest('se') ?? []) as Entry[];

describe.skipIf(folder === undefined)('published host-key documents and measurements', () => {
  test('there are some', () => expect(entries.length).toBeGreaterThan(10));

  test.each(entries.map((entry) => [entry.id, entry] as const))('%s', (_, entry) => {
    const files = Object.fromEntries(
      Object.entries(entry.files).map(([role, path]) => [role, new Uint8Array(readFileSync(join(folder ?? '', path)))]),
    );
    const anchor = entry.trust_anchor === undefined ? undefined : files[entry.trust_anchor];
    const result = verifySeFiles(files, {
      at: new Date(entry.verification_time),
      ...(anchor === undefined ? {} : { roots: [anchor] }),
    });
    const failed = result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
    expect(result.verdict, JSON.stringify(result.findings.filter(({ outcome }) => outcome === 'fail'))).toBe(
      entry.expected.verdict,
    );
    if (entry.expected.verdict === 'accept') {
      expect(failed).toEqual([]);
      const wanted = Object.entries(entry.expected).filter(([member]) => !NOT_MEMBERS.includes(member));
      expect(result).toMatchObject(Object.fromEntries(wanted));
      return;
    }
    expect(result).not.toHaveProperty('host_key_hash');
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
