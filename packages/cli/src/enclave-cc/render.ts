import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FILE_KINDS, type FileKind, readShimConfig, renderFile, type ShimConfig } from '@assay/guest/enclave-cc';
import { type CommonFlags, outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { type ModeFlags, modeOf } from './mode.js';

export interface RenderFlags extends CommonFlags, ModeFlags {
  readonly kbs?: string;
  readonly release?: string;
  readonly shimConfig?: string;
  readonly image?: string;
  readonly command?: string;
  readonly out?: string;
}

/** `assay enclave-cc render`: writes files in the forms of enclave-cc. */
export async function renderFiles(kind: string, flags: RenderFlags): Promise<void> {
  const kinds = kind === 'all' ? FILE_KINDS : FILE_KINDS.filter((known) => known === kind);
  if (kinds.length === 0)
    throw new CliError(`${kind}: no such file; there are all, ${FILE_KINDS.join(', ')}`, EXIT.usage);
  const files = await Promise.all(kinds.map((each) => rendered(each, flags)));
  if (flags.out !== undefined) {
    mkdirSync(flags.out, { recursive: true });
    for (const { name, text } of files) writeFileSync(join(flags.out, name), text);
  }
  const [only] = files;
  outputOf(flags).result({ files: Object.fromEntries(files.map(({ name, text }) => [name, text])) }, (out) => {
    if (flags.out !== undefined) for (const { name } of files) out.write(`wrote ${join(flags.out, name)}\n`);
    else if (files.length === 1) out.write(only?.text ?? '');
    else for (const { name, text } of files) out.write(`# ${name}\n${text}\n`);
  });
}

function rendered(kind: FileKind, flags: RenderFlags): Promise<{ readonly name: string; readonly text: string }> {
  const { kbs = 'https://kbs.example:8080', release = 'v0.9.1', image, command } = flags;
  // It is put into a file of a host; what the agent would not take as an address is refused here.
  if (!/^https?:\/\/[^\s"]+$/.test(kbs) || !URL.canParse(kbs) || kbs.includes('::'))
    throw new CliError(`--kbs ${kbs}: an http or https URL without :: is due`, EXIT.usage);
  const shim = flags.shimConfig === undefined ? undefined : shimOf(flags.shimConfig);
  return renderFile(kind, {
    mode: modeOf(flags),
    kbs,
    release,
    ...(shim === undefined ? {} : { shim }),
    ...(image === undefined ? {} : { image }),
    ...(command === undefined ? {} : { command: command.split(' ').filter((word) => word !== '') }),
  });
}

/** Configuration of the shim in a file. @throws CliError exit 3 for one that the shim would not start with */
export function shimOf(file: string): ShimConfig {
  const { config, findings } = readShimConfig(readFileSync(file, 'utf8'), file);
  if (config !== undefined) return config;
  const [fault] = findings.filter(({ outcome }) => outcome === 'fail');
  throw new CliError(fault?.title ?? `${file}: no configuration of the shim`, EXIT.malformed, {
    ...(fault?.remedy === undefined ? {} : { hint: fault.remedy }),
  });
}
