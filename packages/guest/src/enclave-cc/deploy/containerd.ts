/** What containerd is told of enclave-cc. */
import { DecodeError, type JsonObject } from '@assay/bytes';
import type { FindingDraft } from '@assay/bytes/findings';
import { tomlToJson } from '@assay/protocol';
import { Judge, member } from '../config/judge.js';
import { CRI_HANDLER, RUNTIME_CLASS, RUNTIME_TYPE } from '../names.js';
import { objectIn } from '../shim/spec.js';

/** Version of containerd's configuration file: 1 has plugins under short names. */
export type ContainerdConfigVersion = 1 | 2;

const PLUGIN = { 1: 'cri', 2: 'io.containerd.grpc.v1.cri' } as const;

/** Lines to add to containerd's configuration. */
export function renderContainerdRuntime(version: ContainerdConfigVersion = 2): string {
  const plugin = version === 1 ? PLUGIN[1] : `"${PLUGIN[2]}"`;
  return `[plugins.${plugin}.containerd.runtimes.${RUNTIME_CLASS}]
  cri_handler = "${CRI_HANDLER}"
  runtime_type = "${RUNTIME_TYPE}"
`;
}

/** Judges a whole configuration of containerd: the runtime is there, under the plugin that its version reads. */
export function lintContainerdConfig(text: string, file: string): readonly FindingDraft[] {
  const judge = new Judge(file);
  const document = documentOf(text, judge);
  if (document === undefined) return judge.findings;
  const version = member(document, 'version') ?? 1;
  if (version !== 1 && version !== 2) {
    const remedy = `Keep ${file} at version = 2: cri_handler is of the Confidential Containers fork of containerd 1.6.`;
    judge.wrong('version', version, '1 or 2', remedy);
    return judge.findings;
  }
  const plugin = PLUGIN[version];
  const runtime = runtimeIn(document, plugin);
  const key = `plugins."${plugin}".containerd.runtimes.${RUNTIME_CLASS}`;
  const other = version === 1 ? PLUGIN[2] : PLUGIN[1];
  if (runtime === undefined) {
    const misplaced =
      runtimeIn(document, other) === undefined
        ? ''
        : ` (it stands under "${other}", which version ${version} does not read)`;
    judge.missing(key, 'a table', `Add to ${file}${misplaced}:\n${renderContainerdRuntime(version)}`);
    return judge.findings;
  }
  judge.text(
    runtime,
    'runtime_type',
    { fits: (value) => value === RUNTIME_TYPE, expected: `"${RUNTIME_TYPE}"` },
    `${key}.`,
  );
  judge.text(
    runtime,
    'cri_handler',
    { fits: (value) => value === CRI_HANDLER, expected: `"${CRI_HANDLER}"` },
    `${key}.`,
  );
  return judge.findings;
}

function runtimeIn(document: JsonObject, plugin: string): JsonObject | undefined {
  const runtimes = objectIn(objectIn(objectIn(objectIn(document, 'plugins'), plugin), 'containerd'), 'runtimes');
  return Object.hasOwn(runtimes, RUNTIME_CLASS) ? objectIn(runtimes, RUNTIME_CLASS) : undefined;
}

function documentOf(text: string, judge: Judge): JsonObject | undefined {
  try {
    return tomlToJson(text);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    judge.malformed(error.message);
    return undefined;
  }
}
