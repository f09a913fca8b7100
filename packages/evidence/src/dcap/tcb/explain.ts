/** What is said of a TCB level: the table of what falls short, who updates it, what to do. */
import { encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, type Origin, passed, unmet, utc } from '@assay/bytes/findings';
import type { TcbInfo, TcbLevel } from '../collateral/tcb-info.js';
import type { PckPlatform } from '../pck/extension.js';
import type { Tee } from '../quote/model.js';
import { partsToUpdate, shortfall, wantedLevel } from './shortfall.js';
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
    remedy: remedy(tee, level, platform, partsToUpdate(rows)),
    ...(rows.length > 0 && level.status.startsWith('OutOfDate') && wanted !== undefined
      ? {
          causes: [
            {
              text: `${inWords(partsToUpdate(rows))} of the host: older than the level of ${day(wanted.date)}`,
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
function tcbInfoSource(info: TcbInfo): { readonly source: string; readonly origin: Origin } {
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

function remedy(tee: Tee, level: TcbLevel, platform: PckPlatform, parts: readonly string[]): string {
  const subject = tee === 'sgx' ? 'enclave' : 'TD';
  const { advisoryIds, status } = level;
  const accept = `Or accept the level of ${day(level.date)} until a date, naming ${advisories(advisoryIds.length)}.`;
  if (status.startsWith('OutOfDate')) {
    const what = parts.length === 0 ? 'BIOS and microcode' : inWords(parts);
    const setting = wantsConfiguration(status) ? `, ${configuration(platform)}` : '';
    return `Update ${what} of the host${setting}, reboot it, then attest again. ${accept}`;
  }
  const hardening = `Build the ${subject} with the mitigations of the advisories, since no host update clears it, then accept them by id`;
  if (status === 'SWHardeningNeeded') return `${hardening}.`;
  const change = `On the host ${configuration(platform)}, then attest again.`;
  return status === 'ConfigurationAndSWHardeningNeeded' ? `${change} ${hardening}.` : `${change} ${accept}`;
}

const NUMBERS = ['no', 'the one', 'the two', 'the three', 'the four', 'the five', 'the six', 'the seven', 'the eight'];

function advisories(count: number): string {
  if (count === 0) return 'its reason';
  return `${NUMBERS[count] ?? `the ${count}`} ${count === 1 ? 'advisory' : 'advisories'}`;
}

/** `BIOS, microcode and the TDX module`. */
function inWords(parts: readonly string[]): string {
  const [last = '', ...before] = [...parts].reverse();
  return before.length === 0 ? last : `${before.reverse().join(', ')} and ${last}`;
}

function configuration(platform: PckPlatform): string {
  const state = platform.smtEnabled === undefined ? '' : ` (now ${platform.smtEnabled ? 'on' : 'off'})`;
  return `change the BIOS setting that the advisories name, most often hyper-threading${state}`;
}

function day(date: Date): string {
  return utc(date).slice(0, 10);
}
