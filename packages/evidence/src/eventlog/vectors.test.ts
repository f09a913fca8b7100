import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadManifest, vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { EVENT } from './event-type.js';
import { verifyEventlogFiles } from './files.js';
import { parseEventlog } from './parse.js';
import { replay } from './replay.js';
import { judgeEvents } from './rules.js';
import { verifyEventlog } from './verify.js';

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

/** Genuine boots, with the firmware variable as each had it. */
const BOOTS = [
  ['ccel-grub', true],
  ['ccel-ovmf-direct', false],
  ['ccel-duplicate-separator', false],
  ['ccel-gcp-cos113-with-quote', false],
  ['ccel-aael-rtmr3', false],
] as const;

describe.skipIf(folder === undefined)('rules for what genuine TDs booted', () => {
  test.each(BOOTS)('%s holds them with its own digests, and not without one', (id, secureBoot) => {
    const bytes = new Uint8Array(readFileSync(join(folder ?? '', id, 'eventlog.bin')));
    const log = parseEventlog(bytes, 'cc');
    const values = replay(log, 'sha384');
    const registers = [1, 2, 3, 4].map((index) => ({
      bank: 'sha384' as const,
      index,
      name: `RTMR${index - 1}`,
      value: values.get(index)?.value ?? new Uint8Array(48),
    }));
    const { authentic } = verifyEventlog({ log: bytes, kind: 'cc', registers });
    const digestsOf = (...types: number[]): string[] =>
      log.records
        .filter(({ index, type }) => types.includes(type) && index !== 4)
        .map(({ digests }) => Buffer.from(digests[0]?.digest ?? []).toString('hex'));
    const kernels = digestsOf(EVENT.efiBootServicesApplication);
    const tagged = digestsOf(EVENT.eventTag);
    const stub = tagged.length === 0 ? {} : { commandLines: tagged.slice(0, 1), initrds: tagged.slice(1) };
    const failures = (rules: Parameters<typeof judgeEvents>[2]): string[] =>
      judgeEvents(authentic, true, rules, 'tdx').flatMap(({ id: row, outcome }) => (outcome === 'pass' ? [] : [row]));
    expect(failures({ kernels, ...stub })).toEqual([]);
    // One boot loads its first application twice.
    expect(new Set(failures({ kernels: kernels.filter((digest) => digest !== kernels[0]) }))).toEqual(
      new Set(['eventlog.event.kernel']),
    );
    expect(failures({ secureBoot: true })).toEqual(secureBoot ? [] : ['eventlog.event.secure-boot']);
  });
});
