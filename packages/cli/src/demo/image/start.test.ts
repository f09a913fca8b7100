/** Which way the program of the image was started is said as it was. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { layoutSource, makeBundle, platformManifest } from '@assay/oci';
import { temporaryFolder } from '@assay/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import { findPeers, runProgram } from './peers.js';
import { isMachine } from './program.js';
import { buildGreeter, LINE } from './publish.js';
import { start } from './start.js';

const folder = temporaryFolder('assay-demo-start-');
const layout = join(folder, 'plain');
const bundle = join(folder, 'bundle');
const runs = process.platform === 'linux' && isMachine(process.arch);

function script(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

const started = (runtime?: string, from = bundle) =>
  start({ bundle: from, layout, state: join(folder, 'state'), peers: runtime === undefined ? {} : { runtime } }, LINE);

beforeAll(async () => {
  await buildGreeter(layout);
  const source = layoutSource(layout, 'v1');
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const { manifest } = await platformManifest(source, { os: 'linux', architecture });
  await makeBundle({ source, manifest, folder: bundle, unwrappers: [] });
});

describe('an image', () => {
  test('is in a container where the runtime printed its line, and ended well', async () => {
    const log = join(folder, 'log');
    const runtime = script('good', `echo "$@" >> ${log}; cat ${bundle}/rootfs/greeting`);
    expect(await started(runtime)).toEqual({ how: 'container', runtime: 'good', output: LINE });
    expect(readFileSync(log, 'utf8')).toMatch(/^--root \S+\/state run --bundle \S+\/bundle assay-demo-\d+\n$/);
  });

  test.each([
    ['fails', 'echo "level=error msg=\\"may not\\"" >&2; exit 1', 'may not'],
    ['fails without a word', 'exit 3', 'exit code 3'],
    ['prints something else', 'echo hello', 'it printed something else'],
    ['ends badly after its line', `echo '${LINE}'; exit 1`, 'exit code 1'],
    ['is killed', 'kill -9 $$', 'ended by SIGKILL'],
  ])('is in no container where the runtime %s', async (name, text, why) => {
    const result = await started(script(name.replaceAll(' ', '-'), text));
    expect(result).toMatchObject({ how: runs ? 'process' : 'none', output: LINE });
    expect(result.why).toContain(`cannot start a container (${why})`);
  });

  test('is in no container without a runtime', async () => {
    expect(await started()).toEqual({ how: runs ? 'process' : 'none', output: LINE, why: 'no runc or crun is here' });
    expect(await started(join(folder, 'nothing'))).toMatchObject({ why: expect.stringContaining('ENOENT') });
  });

  test('whose program cannot run here is read', async () => {
    const other = join(folder, 'other');
    mkdirSync(join(other, 'rootfs/bin'), { recursive: true });
    writeFileSync(join(other, 'rootfs/bin/tell'), 'no program');
    writeFileSync(join(other, 'rootfs/greeting'), `${LINE}\n`);
    expect(await started(undefined, other)).toMatchObject({ how: 'none', output: LINE });
  });
});

describe('programs', () => {
  test('are found in PATH, and are not there where they may not be run', () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'skopeo'), '');
    expect(findPeers(bin).skopeo).toBeUndefined();
    chmodSync(join(bin, 'skopeo'), 0o755);
    expect(findPeers(`${folder}:${bin}`).skopeo).toBe(join(bin, 'skopeo'));
    expect(findPeers('').skopeo).toBeUndefined();
  });

  test('that do not end are ended, and get nothing of the environment but PATH', async () => {
    process.env['ASSAY_DEMO_TEST'] = 'x';
    const { out } = await runProgram(script('env', 'env'), []);
    delete process.env['ASSAY_DEMO_TEST'];
    expect(out).toContain('PATH=');
    expect(out).not.toContain('ASSAY_DEMO_TEST');
    const late = await runProgram(script('late', 'exec sleep 60'), [], { timeoutMs: 100 });
    expect(late).toEqual({ out: '', trouble: 'ended by SIGKILL' });
  });
});
