/** The TCB of a platform beside Intel's TCB info: level, module, quoting enclave, one status. */
import { encodeHex } from '@assay/bytes';
import { type FindingDraft, type FindingId, type FindingRef, passed, unmet, utc } from '@assay/bytes/findings';
import { unchecked } from '../collateral/findings.js';
import type { QeLevel } from '../collateral/qe-identity.js';
import type { ModuleLevel, TcbInfo, TcbLevel } from '../collateral/tcb-info.js';
import type { PckPlatform } from '../pck/extension.js';
import type { ParsedQuote } from '../quote/model.js';
import { levelFinding, revokedFinding, unsupportedFinding } from './explain.js';
import { matchLevel, mergeAll, type Relaunch, relaunch } from './match.js';
import { judgeModule, unknownModule } from './module.js';
import type { TcbStatus } from './status.js';

/** What the TCB came to. */
export interface TcbResult {
  readonly status: TcbStatus;
  /** The finding that made the status what it is. */
  readonly cause: FindingId;
  readonly level: TcbLevel;
  /** Undefined: SGX, or a module of version 0. */
  readonly module: ModuleLevel | undefined;
  readonly qe: QeLevel;
  /** Union over the levels used, each once, in order of first mention. */
  readonly advisoryIds: readonly string[];
}

export interface TcbJudgement {
  readonly result: TcbResult | undefined;
  readonly findings: readonly FindingDraft[];
}

/** Everything the judgement rests on; undefined parts were not established. */
export interface TcbGrounds {
  readonly quote: ParsedQuote;
  readonly info: TcbInfo | undefined;
  readonly platform: PckPlatform | undefined;
  readonly qe: QeLevel | undefined;
  /** The TCB info is for this TEE, FMSPC and PCE. */
  readonly fits: boolean;
  readonly why: readonly FindingRef[];
}

const SUBJECT = 'platform';

export function judgeTcb(grounds: TcbGrounds): TcbJudgement {
  const { quote, info, platform, fits } = grounds;
  if (info === undefined || info.tee !== quote.tee) return notJudged(grounds, 'no TCB info for this quote stands');
  const module = quote.tee === 'tdx' ? judgeModule(quote.body, info) : undefined;
  const findings: FindingDraft[] = [...(module?.findings ?? [])];
  if (platform === undefined || !fits) {
    findings.push(...unchecked(LEVEL_IDS, SUBJECT, 'platform and TCB info are not of one kind', grounds.why));
    return { result: undefined, findings };
  }
  const teeTcbSvn = quote.tee === 'tdx' ? quote.body.teeTcbSvn : undefined;
  const { sgx, level } = matchLevel(info, platform, teeTcbSvn);
  if (sgx === undefined || level === undefined) {
    findings.push(
      unsupportedFinding(info, platform, teeTcbSvn),
      ...unchecked(['dcap.tcb.level'], SUBJECT, 'no level is reached', ['dcap.tcb.supported']),
    );
    return { result: undefined, findings };
  }
  findings.push(passed('dcap.tcb.supported', SUBJECT), levelFinding(quote.tee, info, level, platform, teeTcbSvn));
  const { qe } = grounds;
  if (qe === undefined || module?.sound === false) return { result: undefined, findings };
  const parts = { sgxLevel: sgx, level, module: module?.level?.status, qe: qe.status };
  const again = quote.tee === 'tdx' ? relaunch(info, parts, quote.body) : 'no';
  if (again === 'unknown-module' && quote.tee === 'tdx' && quote.body.teeTcbSvn2 !== undefined) {
    findings.push(unknownModule(quote.body.teeTcbSvn2, 'TEE_TCB_SVN_2'));
    return { result: undefined, findings };
  }
  const status = mergeAll(parts, again);
  findings.push(...relaunchFinding(again, quote), ...revoked(level, module?.level, qe));
  const advisoryIds = [...new Set([...level.advisoryIds, ...(module?.level?.advisoryIds ?? []), ...qe.advisoryIds])];
  const cause = causeOf(status, again, level, module?.level);
  return { result: { status, cause, level, module: module?.level, qe, advisoryIds }, findings };
}

const LEVEL_IDS = ['dcap.tcb.supported', 'dcap.tcb.level'] as const;

function notJudged(grounds: TcbGrounds, why: string): TcbJudgement {
  const module = ['tdx.module.identity', 'tdx.module.signer', 'tdx.module.level'] as const;
  const findings = [
    ...(grounds.quote.tee === 'tdx' ? unchecked(module, 'TDX module', why, grounds.why) : []),
    ...unchecked(LEVEL_IDS, SUBJECT, why, grounds.why),
  ];
  return { result: undefined, findings };
}

/** Whose status decided: the worst part, the platform first. */
function causeOf(status: TcbStatus, again: Relaunch, level: TcbLevel, module: ModuleLevel | undefined): FindingId {
  if (status === 'Revoked') return 'dcap.tcb.revoked';
  if (again === 'advised') return 'dcap.tcb.relaunch';
  if (level.status === status) return 'dcap.tcb.level';
  return module?.status === 'OutOfDate' ? 'tdx.module.level' : 'dcap.qe.level';
}

function relaunchFinding(again: Relaunch, quote: ParsedQuote): FindingDraft[] {
  if (again !== 'advised' || quote.tee !== 'tdx') return [];
  return [
    unmet('dcap.tcb.relaunch', {
      subject: 'TD',
      expected: encodeHex(quote.body.teeTcbSvn2 ?? new Uint8Array()),
      actual: encodeHex(quote.body.teeTcbSvn),
      compare: { relation: 'at-least', type: 'tcb' },
      source: 'TEE_TCB_SVN_2 beside TEE_TCB_SVN of the TD report',
    }),
  ];
}

function revoked(level: TcbLevel, module: ModuleLevel | undefined, qe: QeLevel): FindingDraft[] {
  const parts = [
    ['platform', level],
    ['TDX module', module],
    ['quoting enclave', qe],
  ] as const;
  const findings = parts.flatMap(([part, found]) =>
    found?.status === 'Revoked' ? [revokedFinding(part, utc(found.date), found.advisoryIds)] : [],
  );
  return findings.length > 0 ? findings : [passed('dcap.tcb.revoked', SUBJECT)];
}
