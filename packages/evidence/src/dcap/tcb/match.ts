/** TCB level matching (Intel QVL, sections "TCB level" and "TD relaunch"). Pure numbers: no findings, no dates. */
import type { ModuleIdentity, ModuleLevel, TcbInfo, TcbLevel } from '../collateral/tcb-info.js';
import type { PckPlatform } from '../pck/extension.js';
import type { TdReport } from '../quote/report.js';
import { type ModuleStatus, mergeStatus, type TcbStatus, wantsConfiguration } from './status.js';

export interface LevelMatch {
  /** First level that SGX components and PCESVN reach. */
  readonly sgx: TcbLevel | undefined;
  /** First level that is reached in everything; for SGX the same as `sgx`. */
  readonly level: TcbLevel | undefined;
}

/** Finds the level of a platform. */
export function matchLevel(info: TcbInfo, platform: PckPlatform, teeTcbSvn: Uint8Array | undefined): LevelMatch {
  let sgx: TcbLevel | undefined;
  for (const level of info.levels) {
    if (!reachesSgx(level, platform)) continue;
    sgx ??= level;
    if (teeTcbSvn === undefined || reachesTdx(level, teeTcbSvn)) return { sgx, level };
  }
  return { sgx, level: undefined };
}

function reachesSgx(level: TcbLevel, platform: PckPlatform): boolean {
  return platform.pceSvn >= level.pceSvn && platform.components.every((svn, index) => svn >= (level.sgx[index] ?? 256));
}

/** With a module of version 1 or later, components 0 and 1 are the module identity's business. */
export function firstTdxComponent(teeTcbSvn: Uint8Array): number {
  return moduleVersion(teeTcbSvn) === 0 ? 0 : 2;
}

function reachesTdx(level: TcbLevel, teeTcbSvn: Uint8Array): boolean {
  if (level.tdx === undefined) return false;
  for (let index = firstTdxComponent(teeTcbSvn); index < 16; index += 1) {
    if ((teeTcbSvn[index] ?? 0) < (level.tdx[index] ?? 256)) return false;
  }
  return true;
}

/** Version of the TDX module, TEE_TCB_SVN[1]. */
export function moduleVersion(teeTcbSvn: Uint8Array): number {
  return teeTcbSvn[1] ?? 0;
}

/** `TDX_` and two hex digits in upper case. */
export function moduleId(teeTcbSvn: Uint8Array): string {
  return `TDX_${moduleVersion(teeTcbSvn).toString(16).padStart(2, '0').toUpperCase()}`;
}

export function findModule(info: TcbInfo, teeTcbSvn: Uint8Array): ModuleIdentity | undefined {
  const id = moduleId(teeTcbSvn);
  return info.moduleIdentities.find((identity) => identity.id === id);
}

/** Level of a module: the highest whose ISVSVN the module, TEE_TCB_SVN[0], reaches. */
export function matchModuleLevel(identity: ModuleIdentity, teeTcbSvn: Uint8Array): ModuleLevel | undefined {
  return identity.levels.find((level) => level.isvSvn <= (teeTcbSvn[0] ?? 0));
}

export interface StatusParts {
  readonly sgxLevel: TcbLevel;
  readonly level: TcbLevel;
  /** Undefined: SGX, or a module of version 0. */
  readonly module: ModuleStatus | undefined;
  readonly qe: ModuleStatus;
}

/** What the relaunch rule says; `unknown-module` refuses. */
export type Relaunch = 'no' | 'advised' | 'unknown-module';

/** Merged status; the quoting enclave comes last. */
export function mergeAll(parts: StatusParts, relaunch: Relaunch): TcbStatus {
  const withModule = mergeStatus(parts.level.status, parts.module ?? 'UpToDate');
  if (relaunch !== 'advised') return mergeStatus(withModule, parts.qe);
  // Relaunch needs an up-to-date quoting enclave, so nothing is left to merge.
  return wantsConfiguration(parts.sgxLevel.status) || wantsConfiguration(withModule)
    ? 'TDRelaunchAdvisedConfigurationNeeded'
    : 'TDRelaunchAdvised';
}

/** Whether the platform was updated under a running TD: TD report 1.5 only. */
export function relaunch(info: TcbInfo, parts: StatusParts, body: TdReport): Relaunch {
  const { teeTcbSvn2: current } = body;
  const [latest] = info.levels;
  if (current === undefined || latest?.tdx === undefined) return 'no';
  const sgx = parts.sgxLevel.status;
  const goodSgx = sgx === 'UpToDate' || sgx === 'SWHardeningNeeded' || sgx.startsWith('Configuration');
  const merged = mergeStatus(parts.level.status, parts.module ?? 'UpToDate');
  const oldTdx = merged === 'OutOfDate' || merged === 'OutOfDateConfigurationNeeded';
  if (parts.qe !== 'UpToDate' || !goodSgx || !oldTdx || parts.module !== 'OutOfDate') return 'no';
  const late = (current[2] ?? 0) >= (latest.tdx[2] ?? 256);
  if (moduleVersion(current) === 0) return late && (current[0] ?? 0) >= (latest.tdx[0] ?? 256) ? 'advised' : 'no';
  const identity = findModule(info, current);
  if (identity === undefined) return 'unknown-module';
  return late && (current[0] ?? 0) >= (identity.levels[0]?.isvSvn ?? Number.POSITIVE_INFINITY) ? 'advised' : 'no';
}
