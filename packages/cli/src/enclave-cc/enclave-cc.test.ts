import { expect, test } from 'vitest';
import { EXIT } from '../exit.js';
import { createProgram } from '../program.js';
import { readManifest } from '../sev/manifest.js';

test.each([
  [['render', 'nothing'], 2, 'no such file'],
  [['render', 'pod', '--mode', 'warp'], 2, 'hw or sim'],
  [['render', 'decrypt-config', '--kbs', 'kbs:8080'], 2, 'an http or https URL'],
  [['render', 'decrypt-config', '--kbs', 'http://[::1]:8080'], 2, 'without ::'],
  [['lint'], 2, 'no file is named'],
  [['policy', 'other'], 2, 'attestation, resource'],
  [['reference-values'], 2, 'at least one --sigstruct'],
  [['pull', 'a/b:v1', '--agent', 'unix:///x'], 2, 'only support tcp scheme'],
  [['pull', 'a/'], 2, 'invalid image name: a/'],
  [['pull', 'a/b:v1', '--agent', 'tcp://127.0.0.1:1', '--dial-timeout', '0'], 4, 'timed out connecting to tcp socket'],
  [['plan', 'node', 'other'], 2, 'install, uninstall, reset'],
  [['plan', 'call', 'other', 'x'], 2, 'start, kill'],
  [['plan', 'call', 'pull', 'a/b:v1'], 2, '--agent-id is due'],
  [['plan', 'call', 'start', '../x'], 3, 'is no container id'],
  [['boot', '../x', '--rootfs', '/x', '--out', '/nowhere/y'], 2, 'no container id'],
])('assay enclave-cc %j ends with %i', async (args, exit, text) => {
  const run = createProgram().parseAsync(['enclave-cc', ...args], { from: 'user' });
  await expect(run).rejects.toMatchObject({ exit, message: expect.stringContaining(text) });
});

test.each(['kind: {toString: 1}\n', 'kind: Deployment\nmetadata: {name: {toString: 1}}\n'])(
  'a manifest %j that holds no pod is told as one',
  (text) => {
    expect(() => readManifest(text, 'f')).toThrow(expect.objectContaining({ exit: EXIT.malformed }));
  },
);

test('an object whose name is none is a pod all the same', () => {
  const { pods } = readManifest('kind: Pod\nmetadata: {name: {toString: 1}}\nspec: {}\n', 'f');
  expect(pods.map(({ where }) => where)).toEqual(['Pod (without a name)']);
});
