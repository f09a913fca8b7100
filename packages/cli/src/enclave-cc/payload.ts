import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PAYLOAD_FOLDER, type PayloadFile, payloadFiles } from '@assay/guest/enclave-cc';
import { buildImage, layoutTarget, parseLocation } from '@assay/oci';
import { type CommonFlags, outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { type ModeFlags, modeOf } from './mode.js';
import { shimOf } from './render.js';

export interface PayloadFlags extends CommonFlags, ModeFlags {
  readonly instance: string;
  readonly shim: string;
  readonly shimConfig?: string;
  readonly out: string;
}

/** Held in memory, with its compressed form. */
const LARGEST = 1024 * 1024 * 1024;

/** `assay enclave-cc payload`: what an installer brings, as a folder or as a layer of an image. */
export async function writePayload(flags: PayloadFlags): Promise<void> {
  const files = await payloadFiles({
    mode: modeOf(flags),
    instance: contentOf(flags.instance),
    shim: contentOf(flags.shim),
    ...(flags.shimConfig === undefined ? {} : { config: shimOf(flags.shimConfig) }),
  });
  const digest = flags.out.startsWith('oci:') ? await toImage(files, flags.out) : toFolder(files, flags.out);
  const result = { out: flags.out, files: files.map(({ path }) => path), ...(digest === undefined ? {} : { digest }) };
  outputOf(flags).result(result, (out) => {
    for (const path of result.files) out.write(`${path}\n`);
    out.write(`wrote ${flags.out}${digest === undefined ? '' : `  ${digest}`}\n`);
  });
}

/** One layer, without a base: the installer's programs come from the image below it. */
async function toImage(files: readonly PayloadFile[], out: string): Promise<string> {
  const location = parseLocation(out);
  if (location.kind !== 'layout') throw new CliError(`--out ${out}: oci:DIR:TAG or a folder is due`, EXIT.usage);
  return buildImage({
    target: layoutTarget(location.folder, location.tag),
    layers: [files.map(({ path, ...rest }) => ({ path: `${PAYLOAD_FOLDER}/${path}`, ...rest }))],
    // enclave-cc runs on SGX, hence on nothing else.
    platform: { os: 'linux', architecture: 'amd64' },
    config: {},
  });
}

function toFolder(files: readonly PayloadFile[], out: string): undefined {
  for (const { path, content, mode } of files) {
    const file = join(out, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
  }
}

function contentOf(file: string): Uint8Array {
  const { size } = statSync(file);
  if (size > LARGEST) throw new CliError(`${file}: larger than ${LARGEST} bytes`, EXIT.malformed);
  return new Uint8Array(readFileSync(file));
}
