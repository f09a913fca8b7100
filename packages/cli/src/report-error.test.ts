import { DecodeError } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import { KbcError } from '@assay/guest';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { asCliError } from './client/broker.js';
import { CliError, EXIT } from './exit.js';
import { reportError } from './report-error.js';

const written = { out: '', err: '' };
beforeEach(() => {
  written.out = '';
  written.err = '';
  for (const [name, stream] of [
    ['out', process.stdout],
    ['err', process.stderr],
  ] as const)
    vi.spyOn(stream, 'write').mockImplementation((chunk) => {
      written[name] += String(chunk);
      return true;
    });
});
afterEach(() => vi.restoreAllMocks());

const system = (code: string) => Object.assign(new Error(code), { code, path: '/x/file' });

test.each([
  ['a refusal of the command', new CliError('no', EXIT.refused), 1],
  ['a usage error', new CliError('no', EXIT.usage), 2],
  ['malformed bytes', new DecodeError('hex', 'not hex'), 3],
  ['a file that is not there', system('ENOENT'), 4],
  ['a folder instead of a file', system('EISDIR'), 4],
  ['a file that may not be read', system('EACCES'), 4],
  [
    'a policy that does not parse',
    assayError('policy.file.parse', { params: { file: 'x', line: 1, column: 1, what: 'y' } as never }),
    3,
  ],
  ['a request that is malformed', assayError('request.tee.known', { params: { tee: 'x', nearest: 'y' } as never }), 3],
  [
    'a storage that is out',
    assayError('storage.backend.answers', { params: { backend: 'b', address: 'a', reason: 'r' } }),
    4,
  ],
  ['a configuration', assayError('config.trust.present', { params: {} as never }), 2],
  [
    'a policy that says no',
    assayError('policy.tier.accepted', { params: { subject: 'cpu0', tier: 'x', list: 'y' } as never }),
    1,
  ],
  ['a defect', new TypeError('x is not a function'), 5],
  ['what is no error', 'text', 5],
])('%s', (_name, error, code) => {
  expect(reportError(error, false)).toBe(code);
  expect(written.err).toMatch(/^assay: \S/);
  expect(written.out).toBe('');
});

test.each([
  ['refused', 1],
  ['missing', 1],
  ['protocol', 3],
  ['unavailable', 4],
] as const)('a broker’s answer `%s`', (reason, code) => {
  const error = asCliError(
    new KbcError(reason, 'words', { attempt: 'an-attempt', status: 401, code: 'resource.refused' }),
  );
  expect(reportError(error, true)).toBe(code);
  expect(JSON.parse(written.out)).toMatchObject({ error: { reason, attempt: 'an-attempt', code: 'resource.refused' } });
  expect(written.err).toContain('assay audit show an-attempt');
});

test('with --json the error is one document on standard output, the words go to standard error', () => {
  reportError(new CliError('words', EXIT.refused, { hint: 'do this' }), true);
  expect(JSON.parse(written.out)).toEqual({ error: { detail: 'words', remedy: 'do this' } });
  expect(written.err).toBe('assay: words\nhint:  do this\n');
});

test.each(['ENOENT', 'EISDIR', 'EACCES', 'ENOTDIR', 'EROFS', 'ENOSPC'])(
  '%s says which file, and what to do',
  (code) => {
    expect(reportError(system(code), true)).toBe(EXIT.unreachable);
    expect(written.err).toMatch(new RegExp(`assay: /x/file: .+ \\(${code}\\)\\nhint: {2}\\S`));
    expect(JSON.parse(written.out).error.remedy).toMatch(/\S/);
  },
);
