/** What the SEV commands print and refuse, called in this process; e2e/sev calls them as a person does. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { CliError, EXIT } from '../exit.js';
import { annotateManifest } from './annotate.js';
import { ANNOTATIONS } from './annotations.js';
import { launchEmulated } from './launch.js';
import { lintFile } from './lint.js';

let folder: string;
beforeAll(() => {
  folder = temporaryFolder('assay-sev-');
});

function fileOf(manifest: object): string {
  const file = join(folder, 'pod.json');
  writeFileSync(file, JSON.stringify(manifest));
  return file;
}

/** What a command writes to standard output, and how it would exit. */
function printed(act: () => void): { readonly out: string; readonly exit: number } {
  const before = process.exitCode;
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    process.exitCode = undefined;
    act();
    const out = write.mock.calls.map(([chunk]) => String(chunk)).join('');
    return { out, exit: Number(process.exitCode ?? 0) };
  } finally {
    write.mockRestore();
    process.exitCode = before;
  }
}

const fault = (act: () => unknown): CliError => {
  try {
    act();
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

describe('lint', () => {
  const pod = (annotations: object, runtimeClassName?: string): object => ({
    kind: 'Pod',
    metadata: { name: 'web', annotations },
    spec: { runtimeClassName },
  });
  const lint = (manifest: object) => printed(() => lintFile(fileOf(manifest), {}));
  const good = { [ANNOTATIONS.policy]: '7' };

  test('of what is right says the settings and nothing else', () => {
    expect(lint(pod(good, 'kata-qemu-sev'))).toEqual({ out: 'Pod web: policy 7 (NODBG, NOKS, ES)\n', exit: 0 });
  });

  test('of what is wrong says what, and what to do', () => {
    const { exit, out } = lint(pod({ [ANNOTATIONS.policy]: '0x7' }, 'kata-qemu-sev'));
    expect(exit).toBe(EXIT.refused);
    expect(out).toContain('fail  sev.annotation.value');
    expect(out).toMatch(/\n {6}do /);
  });

  test('warns of a class that reads no annotations, where there are some', () => {
    for (const name of ['kata', undefined]) {
      const { exit, out } = lint(pod(good, name));
      expect([exit, out]).toEqual([0, expect.stringContaining('warn  sev.annotation.class')]);
    }
    expect(lint(pod({}, 'kata')).out).not.toContain('sev.annotation.class');
  });
});

describe('annotate', () => {
  const flags = { uri: 'kbs:44444', policy: '7' };

  test('prints annotations alone, or the manifest with them', () => {
    expect(printed(() => annotateManifest(flags)).out).toMatch(/^annotations:\n/);
    const file = fileOf({ kind: 'Pod', metadata: { name: 'web' }, spec: {} });
    const { out } = printed(() => annotateManifest({ ...flags, file }));
    expect(out).toContain('"web"');
    expect(out).toContain(ANNOTATIONS.uri);
  });

  test.each([
    ['an address that is none', { uri: 'http://kbs' }, EXIT.usage, '--uri http://kbs'],
    ['a policy that is no decimal', { policy: '0x7' }, EXIT.usage, '--policy 0x7'],
    ['a policy that lint would refuse', { policy: '0' }, EXIT.refused, 'policy'],
  ])('refuses %s', (_, change, exit, words) => {
    const error = fault(() => annotateManifest({ ...flags, ...change }));
    expect(error).toMatchObject({ exit });
    expect(error.message).toContain(words);
  });
});

test.each([
  ['a policy that is no decimal', { policy: '0x7' }, '--policy 0x7'],
  ['a digest in upper case', { digest: 'AB'.repeat(32) }, '64 lower-case hex digits'],
  ['a digest that is short', { digest: 'ab' }, '64 lower-case hex digits'],
  ['neither digest nor firmware', {}, '--digest or --firmware is missing'],
])('launch refuses %s', async (_, change, words) => {
  const flags = { kbs: '127.0.0.1:1', policy: '7', keyset: 'a', world: join(folder, 'world.json') };
  const error: unknown = await launchEmulated({ ...flags, ...change }).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ exit: EXIT.usage });
  expect((error as CliError).message).toContain(words);
});
