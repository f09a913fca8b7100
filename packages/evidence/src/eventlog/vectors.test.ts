import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadManifest, vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { verifyEventlogFiles } from './files.js';

interface Entry {
  readonly id: string;
  readonly files: { readonly [role: string]: string };
  readonly verification_time: string;
  readonly expected: {
    readonly [member: string]: unknown;
    readonly verdict: string;
    readonly failed_checks?: string[];
  };
}

/** Labels of the published vectors, and the finding that answers each. */
const LABELS: { readonly [label: string]: string } = {
  'log.format': 'eventlog.log.form',
  'event.data': 'eventlog.event.digest',
  'replay.mismatch': 'eventlog.register.replay',
};
const NOT_MEMBERS = ['reason', 'failed_checks', 'default_policy'];

const folder = vectorsArea('eventlog');
const entries = (loadManifest('eventlog') ?? []) as Entry[];

describe.skipIf(folder === undefined)('published event logs', () => {
  test('there are some', () => expect(entries.length).toBeGreaterThan(10));

  test.each(entries.map((entry) => [entry.id, entry] as const))('%s', (_, entry) => {
    const files = Object.fromEntries(
      Object.entries(entry.files).map(([role, path]) => [role, new Uint8Array(readFileSync(join(folder ?? '', path)))]),
    );
    const result = verifyEventlogFiles(files, { at: new Date(entry.verification_time) });
    expect(result.verdict).toBe(entry.expected.verdict);
    if (entry.expected.verdict === 'accept') {
      const wanted = Object.entries(entry.expected).filter(([member]) => !NOT_MEMBERS.includes(member));
      expect(result).toMatchObject(Object.fromEntries(wanted));
      return;
    }
    expect(result).not.toHaveProperty('claims');
    const failed = new Set(result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id));
    expect([...failed].sort()).toEqual((entry.expected.failed_checks ?? []).map((label) => LABELS[label]).sort());
  });
});
