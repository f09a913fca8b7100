/** What is said of a TCB level: the table of what falls short, who updates it, what to do. */
import { encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, listInLine, type Origin, passed, unmet, utc } from '@assay/bytes/findings';
import type { TcbInfo, TcbLevel } from '../collateral/tcb-info.js';
import type { PckPlatform } from '../pck/extension.js';
import type { Tee } from '../quote/model.js';
import { shortfall, updaters, wantedLevel } from './shortfall.js';
import { wantsConfiguration } from './status.js';

const SUBJECT = 'platform';
const COMPONENTS: Readonly<Record<Tee, number>> = { sgx: 17, tdx: 33 };

/** The level that is reached, beside the highest one that is UpToDate. */
export function levelFinding(
  tee: Tee,
  info: TcbInfo,
  level: TcbLevel,
  platform: PckPlatform,
  teeTcbSvn: Uint8Array | undefined,
): FindingDraft {
  if (level.status === 'UpToDate') return passed('dcap.tcb.level', SUBJECT, 'UpToDate');
  const wanted = wantedLevel(info);
  const rows = wanted === undefined ? [] : shortfall(wanted, platform, teeTcbSvn);
  const reached = COMPONENTS[tee] - rows.length;
  return unmet('dcap.tcb.level', {
    subject: SUBJECT,
    params: { status: level.status, date: day(level.date), wanted: 'UpToDate' },
    expected: { status: 'UpToDate', tcb_date: wanted === undefined ? null : utc(wanted.date) },
    actual: { status: level.status, tcb_date: utc(level.date), advisory_ids: level.advisoryIds },
    compare: {
      relation: 'at-least',
      type: 'tcb',
      ...(wanted === undefined
        ? {}
        : {
            rows,
            display: { expected: `the UpToDate level of ${day(wanted.date)}; ${reached} other components reach it` },
          }),
    },
    ...tcbInfoSource(info),
    remedy: remedy(tee, level, platform, updaters(rows)),
    ...(rows.length > 0 && level.status.startsWith('OutOfDate') && wanted !== undefined
      ? {
          causes: [
            {
              text: `${listInLine(rows.map(({ component, label }) => label ?? component))}: older than the level of ${day(wanted.date)}`,
              confirmed: true as const,
            },
          ],
        }
      : {}),
  });
}

/** No level at all: this is not OutOfDate, it is unknown to the vendor. */
export function unsupportedFinding(
  info: TcbInfo,
  platform: PckPlatform,
  teeTcbSvn: Uint8Array | undefined,
): FindingDraft {
  const lowest = info.levels.at(-1);
  const rows = lowest === undefined ? [] : shortfall(lowest, platform, teeTcbSvn);
  const [first] = rows;
  return failed('dcap.tcb.supported', {
    subject: SUBJECT,
    params: {
      fmspc: encodeHex(info.fmspc),
      component: first?.component ?? 'a component',
      has: first?.has ?? 'lower',
      wants: first?.wants ?? 'its value',
    },
    expected: lowest === undefined ? null : { tcb_date: utc(lowest.date), status: lowest.status },
    actual: {
      sgx: platform.components,
      pcesvn: platform.pceSvn,
      ...(teeTcbSvn === undefined ? {} : { tdx: [...teeTcbSvn] }),
    },
    compare: { relation: 'at-least', type: 'tcb', rows },
    ...tcbInfoSource(info),
  });
}

/** @param part `platform`, `TDX module` or `quoting enclave` */
export function revokedFinding(part: string, date: string, advisoryIds: readonly string[]): FindingDraft {
  return failed('dcap.tcb.revoked', {
    subject: part,
    params: { date: date.slice(0, 10), part },
    expected: 'any status but Revoked',
    actual: { status: 'Revoked', tcb_date: date, advisory_ids: advisoryIds },
    compare: { relation: 'not-in', type: 'tcb' },
    source: 'Intel TCB info and QE identity',
  });
}

/** Who says what a platform must have. */
export function tcbInfoSource(info: TcbInfo): { readonly source: string; readonly origin: Origin } {
  const fmspc = encodeHex(info.fmspc);
  const issued = utc(info.issueDate);
  return {
    source: `Intel TCB info for FMSPC ${fmspc}, evaluation ${info.evaluationNumber}, issued ${issued}`,
    origin: {
      kind: 'vendor',
      vendor: 'Intel',
      document: 'TCB info',
      fmspc,
      evaluation: info.evaluationNumber,
      issued,
      next_update: utc(info.nextUpdate),
    },
  };
}

function remedy(tee: Tee, level: TcbLevel, platform: PckPlatform, who: readonly string[]): string {
  const subject = tee === 'sgx' ? 'enclave' : 'TD';
  const { status } = level;
  const accept = `Or accept the level of ${day(level.date)} until a date, naming the advisories.`;
  if (status.startsWith('OutOfDate')) {
    const what = who.length === 0 ? 'BIOS, microcode and packages' : `what ${listInLine(who)} update`;
    const setting = wantsConfiguration(status) ? `, ${configuration(platform)}` : '';
    return `On the host update ${what}${setting}, reboot, then attest again. ${accept}`;
  }
  const hardening = `Build the ${subject} with the mitigations of the advisories, since no host update clears it, then accept them by id`;
  if (status === 'SWHardeningNeeded') return `${hardening}.`;
  const change = `On the host ${configuration(platform)}, then attest again.`;
  return status === 'ConfigurationAndSWHardeningNeeded' ? `${change} ${hardening}.` : `${change} ${accept}`;
}

function configuration(platform: PckPlatform): string {
  const state = platform.smtEnabled === undefined ? '' : ` (now ${platform.smtEnabled ? 'on' : 'off'})`;
  return `change the BIOS setting that the advisories name, most often hyper-threading${state}`;
}

function day(date: Date): string {
  return utc(date).slice(0, 10);
}
