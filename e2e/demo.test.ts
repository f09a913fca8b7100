/** `assay demo`: with Node alone, with the programs that it uses where they are, and with ones that do not work. */
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { assay } from './support/cli.js';
import { peersFor } from './support/peers.js';

vi.setConfig({ testTimeout: 120_000 });

interface Told {
  readonly ok: boolean;
  readonly image: {
    readonly pushed: { readonly by: string; readonly types: readonly string[]; readonly trouble?: string };
  };
  readonly released: { readonly key: string; readonly attempt: string };
  readonly started: { readonly how: string; readonly runtime?: string; readonly output: string; readonly why?: string };
  readonly refusals: readonly {
    readonly scene: string;
    readonly code: string;
    readonly attempt?: string;
    readonly files?: number;
    readonly findings: readonly { readonly id: string; readonly expected?: unknown; readonly remedy?: string }[];
  }[];
  readonly seconds: number;
}

const LINE = 'hello from an encrypted image: whoever reads this has the key';
const ENCRYPTED = 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted';
const runs = process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64');
const peers = peersFor('the demo with runc and skopeo', { runc: '/usr/sbin/runc', skopeo: '/usr/bin/skopeo' });

const folder = temporaryFolder('assay-e2e-demo-');
// What the demo leaves behind would be here.
const temporary = join(folder, 'tmp');
const env = { ASSAY_CONFIG_HOME: join(folder, 'home'), HOME: folder, TMPDIR: temporary };
const demo = (args: readonly string[] = [], more: Readonly<Record<string, string>> = {}) =>
  assay(['demo', ...args], { env: { ...env, ...more } });

async function told(args: readonly string[] = [], more: Readonly<Record<string, string>> = {}): Promise<Told> {
  const run = await demo(['--json', ...args], more);
  expect(run.code, run.err).toBe(0);
  return run.json() as Told;
}

beforeAll(() => {
  mkdirSync(temporary);
});

/** A folder with programs of these names that say something and fail. */
function failing(...names: readonly string[]): string {
  const path = join(folder, names.join('-'));
  mkdirSync(path);
  for (const name of names) {
    writeFileSync(
      join(path, name),
      `#!/bin/sh\necho 'time="now" level=error msg="${name} \\"may\\" not"' >&2\nexit 1\n`,
    );
    chmodSync(join(path, name), 0o755);
  }
  return path;
}

describe('the demo', () => {
  test('refuses each scene for its own reason, and says what was expected and what to do', async () => {
    const { ok, released, refusals } = await told(['--node-only']);
    expect(ok).toBe(true);
    expect(released).toEqual({ key: 'default/key/greeter', attempt: expect.stringMatching(/^\w{26}$/) });
    const [tampered, changed, replaced, ...others] = refusals;
    expect(refusals.map(({ code, findings }) => [code, findings[0]?.id])).toEqual([
      ['resource.refused', 'rv.match.any'],
      ['image.manifest.digest', 'image.manifest.digest'],
      ['signature.key.match', 'signature.key.match'],
      ['evidence.refused', 'binding.report-data.match'],
      ['evidence.refused', 'binding.report-data.match'],
      ['resource.refused', 'dcap.tcb.level'],
      ['evidence.refused', 'dcap.pck.revoked'],
      ['evidence.refused', 'dcap.qe.binding'],
      ['session.invalid', 'session.key.bound'],
      ['admin.credential.present', 'admin.credential.present'],
    ]);
    expect(tampered?.findings[0]).toMatchObject({
      title: expect.stringContaining('mr_td'),
      expected: expect.anything(),
      actual: expect.stringMatching(/^[0-9a-f]{96}$/),
    });
    for (const { findings } of refusals) expect(findings[0]?.remedy).toMatch(/\w/);
    expect(changed?.findings[0]).toMatchObject({
      expected: expect.stringMatching(/^sha256:/),
      actual: expect.stringMatching(/^sha256:/),
    });
    // None left anything with its guest.
    expect([tampered, changed, replaced].map((refusal) => refusal?.files)).toEqual([0, 0, 0]);
    // Attempts of their own, but for the thief's, who came with the cookie of the honest one, and what no guest did.
    const attempts = others.map(({ attempt }) => attempt);
    expect(attempts.indexOf(released.attempt)).toBe(5);
    expect(new Set([tampered?.attempt, ...attempts]).size).toBe(8);
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('needs only Node', async () => {
    const { image, started } = await told(['--node-only'], { PATH: join(folder, 'empty') });
    expect(image.pushed).toEqual({ by: 'assay', types: [ENCRYPTED, ENCRYPTED] });
    expect(started).toMatchObject({ how: runs ? 'process' : 'none', output: LINE });
    expect(started.why).toContain('--node-only');
  });

  test('does without skopeo where PATH has none', async () => {
    expect((await told([], { PATH: join(folder, 'empty') })).image.pushed).toMatchObject({ by: 'assay' });
  });

  test('does without programs that do not work, and says why', async () => {
    const path = [failing('runc', 'skopeo'), process.env['PATH']].join(delimiter);
    const { image, started } = await told([], { PATH: path });
    expect(image.pushed).toEqual({ by: 'assay', types: [ENCRYPTED, ENCRYPTED], trouble: 'skopeo "may" not' });
    expect(started).toMatchObject({ how: runs ? 'process' : 'none', output: LINE });
    expect(started.why).toContain('runc is here, and cannot start a container (runc "may" not)');
    const { out } = await demo([], { PATH: path });
    expect(out).toContain('runc is here, and cannot start a container');
    expect(out).toContain('in no container');
  });

  test('tells its story in lines of 80 characters, in plain text, in ASCII where nothing else can be shown', async () => {
    const plain = await demo(['--node-only']);
    expect(plain.code, plain.err).toBe(0);
    expect(plain.err).toBe('');
    for (const line of plain.out.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(plain.out).not.toContain(String.fromCharCode(27));
    expect(plain.out).not.toMatch(/ \n/);
    const order = [
      'reference values published',
      'both layers encrypted',
      'attested, with a TDX quote',
      'signature verified',
      'key released',
      'layers decrypted',
      LINE,
      'it asks for the key itself',
      'nothing was decrypted: 0 files',
      'not the value of mr_td',
      'content has sha256:',
      'none by 1 keys of the policy',
      'OutOfDate',
      'was revoked on',
      'QE report binds another key',
      'one key released, ten attempts refused and explained',
    ].map((text) => plain.out.indexOf(text));
    expect(order).not.toContain(-1);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    const ascii = await demo(['--node-only'], { LANG: 'C' });
    expect(ascii.out).toMatch(/^[\n\x20-\x7e]+$/);
  });
});

describe.skipIf(!peers)('the demo with runc and skopeo', () => {
  test('pushes with one, and starts a container with the other', async () => {
    const { image, started, seconds } = await told();
    expect(image.pushed).toEqual({ by: 'skopeo', types: [ENCRYPTED, ENCRYPTED] });
    expect(started).toEqual({ how: 'container', runtime: 'runc', output: LINE });
    expect(seconds).toBeLessThan(20);
  });
});
