/** A whole installation below a folder: every file that the shim reads, and what they name. */
import { lstat, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DecodeError, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import type { FindingDraft } from '@assay/bytes/findings';
import { readDecryptConfig } from '../config/decrypt-config.js';
import { Judge } from '../config/judge.js';
import { readOcicryptConfig } from '../config/ocicrypt-config.js';
import { readShimConfig } from '../config/shim-config.js';
import { CONFIGS_FOLDER, type EnclaveMode, OCCLUM_RUN, SHIM_BINARY, SHIM_CONFIG_FILE } from '../names.js';
import { lintAgentBundle } from './agent-bundle.js';
import { lintContainerdConfig } from './containerd.js';

const LARGEST = 4 * 1024 * 1024;

/** @param root folder that stands for `/` of the node. @throws the system's error for a file that is there and cannot be read */
export async function lintHost(root: string, mode: EnclaveMode): Promise<readonly FindingDraft[]> {
  const findings: FindingDraft[] = [];
  const at = (path: string): string => join(root, path);
  const reading = async (path: string, judged: (bytes: Uint8Array) => readonly FindingDraft[]): Promise<void> => {
    const bytes = await contentOf(at(path));
    findings.push(...(typeof bytes === 'string' ? absent(path, bytes) : judged(bytes)));
  };
  let agent: string | undefined;
  let boot: string | undefined;
  await reading(SHIM_CONFIG_FILE, (bytes) => {
    const { config, findings: found } = readShimConfig(textOf(bytes), SHIM_CONFIG_FILE);
    agent = config?.agentInstance;
    boot = config?.bootInstance;
    return found;
  });
  await reading('/etc/containerd/config.toml', (bytes) =>
    lintContainerdConfig(textOf(bytes), '/etc/containerd/config.toml'),
  );
  findings.push(...(await present(root, `/usr/local/bin/${SHIM_BINARY}`)));
  if (agent !== undefined) {
    const bundle = join(agent, 'config.json');
    await reading(bundle, (bytes) => lintJson(bytes, bundle, (config) => lintAgentBundle(config, bundle, mode)));
    const decrypt = join(agent, 'rootfs', CONFIGS_FOLDER, 'decrypt_config.conf');
    await reading(decrypt, (bytes) => readDecryptConfig(bytes, decrypt).findings);
    const ocicrypt = join(agent, 'rootfs', CONFIGS_FOLDER, 'ocicrypt.conf');
    await reading(ocicrypt, (bytes) => readOcicryptConfig(bytes, ocicrypt).findings);
  }
  for (const instance of [agent, boot])
    if (instance !== undefined) findings.push(...(await present(root, join(instance, 'rootfs', OCCLUM_RUN))));
  return findings;
}

/** Judges a JSON document, or says why it is none. */
export function lintJson(
  bytes: Uint8Array,
  file: string,
  judged: (document: JsonObject) => readonly FindingDraft[],
): readonly FindingDraft[] {
  const judge = new Judge(file);
  try {
    const value = parseJsonStrict(bytes, { maxBytes: LARGEST });
    if (isJsonObject(value)) return judged(value);
    judge.malformed('it is no JSON object');
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    judge.malformed(error.message);
  }
  return judge.findings;
}

async function contentOf(path: string): Promise<Uint8Array | 'missing' | 'too large'> {
  try {
    const { size } = await stat(path);
    return size > LARGEST ? 'too large' : new Uint8Array(await readFile(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'missing';
    throw error;
  }
}

function absent(path: string, what: 'missing' | 'too large'): readonly FindingDraft[] {
  const judge = new Judge(path);
  if (what === 'too large') judge.malformed(`larger than ${LARGEST} bytes`);
  else
    judge.missing('the file', `a file at ${path}`, `Put ${path} there; \`assay enclave-cc render\` writes such files.`);
  return judge.findings;
}

/** Links count as what they lead to within the node: only that something is there is asked. */
async function present(root: string, path: string): Promise<readonly FindingDraft[]> {
  const judge = new Judge(path);
  const found = await lstat(join(root, path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (found === undefined)
    judge.missing('the file', `a file at ${path}`, `Install the payload again: ${path} is part of it.`);
  else judge.good('the file');
  return judge.findings;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
