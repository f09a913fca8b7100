/** `/etc/enclave-cc/config.toml`: what the shim reads. */
import { DecodeError, type JsonObject } from '@assay/bytes';
import type { FindingDraft } from '@assay/bytes/findings';
import { tomlToJson } from '@assay/protocol';
import { AGENT_INSTANCE, AGENT_ROOT_DIR, AGENT_URL, BOOT_INSTANCE } from '../names.js';
import { Judge, OVERLAY_PATH } from './judge.js';

export interface ShimConfig {
  /** OCI runtime that the shim drives. */
  readonly runtimeClass: string;
  readonly logLevel: string;
  /** Folder of the agent's bundle: `rootfs` and `config.json`. */
  readonly agentInstance: string;
  /** Folders of the agents of this host, one a sandbox. */
  readonly agentRootDir: string;
  readonly agentUrl: string;
  readonly bootInstance: string;
}

/** What the payload installs. */
export const PACKAGED_SHIM_CONFIG: ShimConfig = {
  runtimeClass: 'runc',
  logLevel: 'info',
  agentInstance: AGENT_INSTANCE,
  agentRootDir: AGENT_ROOT_DIR,
  agentUrl: AGENT_URL,
  bootInstance: BOOT_INSTANCE,
};

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'panic'];
const KEYS = ['runtime_class', 'log_level', 'containerd'];
const CONTAINERD_KEYS = [
  'agent_container_instance',
  'agent_container_root_dir',
  'agent_url',
  'boot_container_instance',
] as const;

const PROGRAM = {
  fits: (text: string) => /^[\w./-]+$/.test(text),
  expected: 'the name or path of an OCI runtime, as runc',
};
const LEVEL = { fits: (text: string) => LEVELS.includes(text), expected: `one of ${LEVELS.join(', ')}` };
const AGENT = { fits: (text: string) => isTcpUrl(text), expected: `tcp://HOST:PORT, as ${AGENT_URL}` };

export interface ShimConfigReading {
  /** Absent when the shim would not start with it. */
  readonly config: ShimConfig | undefined;
  readonly findings: readonly FindingDraft[];
}

/** Reads it as strictly as a person who writes it wants: nothing has a default, and keys that nothing reads are told. */
export function readShimConfig(text: string, file: string): ShimConfigReading {
  const judge = new Judge(file);
  const document = tableOf(text, judge);
  if (document === undefined) return { config: undefined, findings: judge.findings };
  judge.known(document, KEYS);
  const runtimeClass = judge.text(document, 'runtime_class', PROGRAM);
  const logLevel = judge.text(document, 'log_level', LEVEL);
  const containerd = judge.table(document, 'containerd') ?? {};
  judge.known(containerd, CONTAINERD_KEYS, 'containerd.');
  const inContainerd = (name: (typeof CONTAINERD_KEYS)[number], rule = OVERLAY_PATH): string | undefined =>
    judge.text(containerd, name, rule, 'containerd.');
  const agentInstance = inContainerd('agent_container_instance');
  const agentRootDir = inContainerd('agent_container_root_dir');
  const agentUrl = inContainerd('agent_url', AGENT);
  const bootInstance = inContainerd('boot_container_instance');
  if (agentUrl !== undefined && !isLoopback(agentUrl)) {
    const remedy = `Set containerd.agent_url in ${file} to ${AGENT_URL}: the connection is neither encrypted nor authenticated.`;
    judge.doubtful('containerd.agent_url', agentUrl, 'an address of this machine alone', remedy);
  }
  const parts = { runtimeClass, logLevel, agentInstance, agentRootDir, agentUrl, bootInstance };
  return { config: isWhole(parts) ? parts : undefined, findings: judge.findings };
}

export function renderShimConfig(config: ShimConfig): string {
  const line = (name: string, value: string): string => `${name} = ${JSON.stringify(value)}\n`;
  return (
    line('runtime_class', config.runtimeClass) +
    line('log_level', config.logLevel) +
    '\n[containerd]\n' +
    line('agent_container_instance', config.agentInstance) +
    line('agent_container_root_dir', config.agentRootDir) +
    line('agent_url', config.agentUrl) +
    line('boot_container_instance', config.bootInstance)
  );
}

/** `tcp://HOST:PORT`, the only scheme that shims dial. */
export function isTcpUrl(text: string): boolean {
  const [, port] = /^tcp:\/\/(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):(\d{1,5})$/.exec(text) ?? [];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}

/** Whether an address leads to this machine alone. */
export function isLoopback(url: string): boolean {
  return url.startsWith('unix://') || /^tcp:\/\/(127(\.\d{1,3}){3}|localhost|\[::1\]):/.test(url);
}

function tableOf(text: string, judge: Judge): JsonObject | undefined {
  try {
    return tomlToJson(text);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    judge.malformed(error.message);
    return undefined;
  }
}

type Parts = { readonly [Name in keyof ShimConfig]: ShimConfig[Name] | undefined };

function isWhole(parts: Parts): parts is ShimConfig {
  return Object.values(parts).every((part) => part !== undefined);
}
