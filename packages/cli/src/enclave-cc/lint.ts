import { isJsonObject, type JsonValue } from '@assay/bytes';
import { assembleVerdict, type FindingDraft } from '@assay/bytes/findings';
import {
  lintAgentBundle,
  lintContainerdConfig,
  lintHost,
  lintJson,
  lintOcclumConfig,
  lintPodSpec,
  readDecryptConfig,
  readOcicryptConfig,
  readShimConfig,
} from '@assay/guest/enclave-cc';
import { type CommonFlags, outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { readInput } from '../files.js';
import { readManifest } from '../sev/manifest.js';
import { styled } from '../terminal/style.js';
import { type ModeFlags, modeOf } from './mode.js';

export interface LintFlags extends CommonFlags, ModeFlags {
  readonly shimConfig?: string;
  readonly decryptConfig?: string;
  readonly ocicryptConfig?: string;
  readonly agentBundle?: string;
  readonly occlum?: string;
  readonly containerd?: string;
  readonly pod?: string;
  readonly root?: string;
}

/** `assay enclave-cc lint`: judges files by their roles, or a whole node. */
export async function lintFiles(flags: LintFlags): Promise<void> {
  const mode = modeOf(flags);
  const roles: readonly (readonly [string | undefined, (file: string) => readonly FindingDraft[]])[] = [
    [flags.shimConfig, (file) => readShimConfig(textOf(file), file).findings],
    [flags.decryptConfig, (file) => readDecryptConfig(bytesOf(file), file).findings],
    [flags.ocicryptConfig, (file) => readOcicryptConfig(bytesOf(file), file).findings],
    [flags.agentBundle, (file) => lintJson(bytesOf(file), file, (config) => lintAgentBundle(config, file, mode))],
    [flags.occlum, (file) => lintJson(bytesOf(file), file, (config) => lintOcclumConfig(config, file, mode))],
    [flags.containerd, (file) => lintContainerdConfig(textOf(file), file)],
    [flags.pod, (file) => podFindings(file, mode)],
  ];
  const given = roles.filter(([file]) => file !== undefined);
  if (given.length === 0 && flags.root === undefined)
    throw new CliError('no file is named', EXIT.usage, {
      hint: 'name files by their roles, as --shim-config, or a node by --root',
    });
  const findings = given.flatMap(([file, judged]) => judged(file ?? ''));
  if (flags.root !== undefined) findings.push(...(await lintHost(flags.root, mode)));
  report(findings, flags);
}

function report(findings: readonly FindingDraft[], flags: CommonFlags): void {
  const verdict = assembleVerdict({ kind: 'enclave-cc', at: new Date(), asked: false, findings: [...findings] });
  const refused = findings.some(({ outcome }) => outcome === 'fail');
  const output = outputOf(flags);
  output.result({ ok: !refused, findings: verdict.findings }, (out) => {
    for (const { id, outcome, title, remedy } of findings) {
      if (outcome === 'pass') continue;
      out.write(`${styled(out, outcome === 'fail' ? 'red' : 'yellow', outcome)}  ${id}  ${title ?? ''}\n`);
      if (remedy !== undefined) out.write(`      ${styled(out, 'cyan', 'do')} ${remedy}\n`);
    }
    const passed = findings.filter(({ outcome }) => outcome === 'pass').length;
    out.write(`${passed} of ${findings.length} checks hold\n`);
  });
  if (refused) process.exitCode = EXIT.refused;
}

function podFindings(file: string, mode: Parameters<typeof lintPodSpec>[2]): readonly FindingDraft[] {
  const { pods } = readManifest(textOf(file), file);
  return pods.flatMap(({ document, metadata, where }) => {
    const spec = (document.toJS({ maxAliasCount: 20 }) as JsonValue) ?? null;
    const pod = [...metadata.slice(0, -1), 'spec'].reduce<JsonValue | undefined>(
      (at, name) => (at !== undefined && at !== null && isJsonObject(at) ? at[name] : undefined),
      spec,
    );
    return lintPodSpec(pod !== undefined && isJsonObject(pod) ? pod : {}, where, mode);
  });
}

function bytesOf(file: string): Uint8Array {
  return new Uint8Array(readInput(file));
}

function textOf(file: string): string {
  return readInput(file).toString('utf8');
}
