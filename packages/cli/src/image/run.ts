import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  findRuntime,
  type ImageSource,
  type Manifest,
  makeBundle,
  readManifest,
  runBundle,
  type Skipped,
  type WorkFolder,
  workFolder,
} from '@assay/oci';
import { type CommonFlags, outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { styled, type Terminal } from '../terminal/style.js';
import { unwrappersOf } from './keys.js';
import { type RegistryFlags, sourceOf } from './locations.js';
import { type SignatureFlags, verifySignatures } from './verify.js';

export type RunFlags = CommonFlags &
  RegistryFlags &
  SignatureFlags & {
    decryptionKey?: readonly string[];
    bundle?: string;
    runtime?: string;
    env?: readonly string[];
    platform?: string;
  };

/** `assay image run`: verifies, decrypts and unpacks an image into a bundle, and starts it where there is a runtime. */
export async function runImage(location: string, command: readonly string[], flags: RunFlags): Promise<void> {
  const output = outputOf(flags);
  const step = (text: string): void => {
    if (!output.json) output.err.write(`${text}\n`);
  };
  const source = await sourceOf(location, flags);
  const { folder, own } = await bundleFolder(flags.bundle);
  let stays = false;
  try {
    const signatures = await verifySignatures(location, source, flags);
    step(told(output.err, signatures.line));
    const manifest = await platformOf(source, flags.platform);
    const { config, skipped } = await makeBundle({
      source,
      manifest,
      folder,
      unwrappers: await unwrappersOf(flags.decryptionKey ?? []),
      ...(command.length === 0 ? {} : { args: command }),
      ...(flags.env === undefined ? {} : { env: flags.env }),
      ...rootless(),
      onLayer: ({ name, encrypted, entries }) =>
        step(told(output.err, `${name}: digests match, ${encrypted ? 'decrypted, ' : ''}${entries} entries unpacked`)),
    });
    const left = leftOut(skipped);
    if (left !== '') step(`${styled(output.err, 'yellow', '!')} ${left}`);
    const runtime = findRuntime(process.env['PATH'], flags.runtime);
    if (runtime === undefined) {
      const what = 'no runtime is here: the bundle is ready, and nothing was started';
      step(`${styled(output.err, 'yellow', '!')} ${what}; apt-get install runc`);
      stays = true;
    }
    const code =
      runtime === undefined ? null : await runBundle(runtime, folder, `assay-${randomBytes(6).toString('hex')}`);
    output.result(
      {
        bundle: own === undefined || stays ? folder : null,
        signatures: signatures.scope,
        architecture: config.architecture,
        skipped: skipped.length,
        runtime: runtime ?? null,
        exit: code,
      },
      (out) => {
        if (own === undefined || stays) out.write(`bundle ${folder}\n`);
      },
    );
    if (code !== null) process.exitCode = code;
  } finally {
    if (stays) own?.keep();
    else await own?.remove();
    await source.close?.();
  }
}

/** Where the bundle comes. One that nobody asked to keep holds what was decrypted: it goes when it has run. */
async function bundleFolder(
  asked: string | undefined,
): Promise<{ readonly folder: string; readonly own?: WorkFolder }> {
  if (asked === undefined) {
    const own = await workFolder(join(tmpdir(), 'assay-run-'));
    return { folder: join(own.path, 'bundle'), own };
  }
  const folder = resolve(asked);
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new CliError(`--bundle ${asked}: the folder is not empty`, EXIT.usage, { hint: 'name a new folder' });
  }
  return { folder };
}

/** The manifest for this machine, out of an index. */
export async function platformOf(source: ImageSource, asked: string | undefined): Promise<Manifest> {
  const stored = await source.manifest();
  const top = readManifest(stored.bytes, stored.mediaType);
  if (top.kind === 'manifest') return top;
  const [os, architecture] = (asked ?? `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`).split('/');
  const found = top.manifests.find(({ platform }) => platform?.os === os && platform?.architecture === architecture);
  if (found === undefined) {
    const there = top.manifests.map(({ platform }) => `${platform?.os}/${platform?.architecture}`).join(', ');
    throw new CliError(`nothing for ${os}/${architecture} in the image`, EXIT.refused, { hint: `there is ${there}` });
  }
  const member = await source.manifest(found);
  const manifest = readManifest(member.bytes, found.mediaType);
  if (manifest.kind !== 'manifest') throw new CliError('an index within an index', EXIT.malformed);
  return manifest;
}

function rootless(): { readonly rootless?: { readonly uid: number; readonly gid: number } } {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  return uid === 0 ? {} : { rootless: { uid, gid } };
}

function leftOut(skipped: readonly Skipped[]): string {
  const kinds = new Map<string, number>();
  for (const { why } of skipped) kinds.set(why, (kinds.get(why) ?? 0) + 1);
  return [...kinds].map(([why, count]) => `${count} times ${why} left out`).join(', ');
}

function told(out: Terminal, text: string): string {
  return `${styled(out, 'green', out.unicode ? '✓' : 'ok')} ${text}`;
}
