/** Verification of an event log given as files, as `assay verify eventlog` does it. */
import { ByteReader, DecodeError, encodeHex, type JsonObject } from '@assay/bytes';
import { assembleVerdict, type FindingData, type FindingDraft, type Verdict } from '@assay/bytes/findings';
import { bankAvailable } from './algorithm.js';
import { eventlogClaims } from './claims.js';
import { malformedLog } from './findings.js';
import type { LogKind, ParsedEventlog } from './parse.js';
import { compareData, duplicateSeparators, replay } from './replay.js';
import { type QuotedRegister, verifyEventlog } from './verify.js';

export interface EventlogFileOptions {
  /** Time of verification, for the verdict's date: a log has none of its own. */
  readonly at: Date;
  /** The time was chosen by the caller; default true. */
  readonly asOf?: boolean;
  /** Default: `cc` with a quote, else `tpm`, which reads either format. */
  readonly logKind?: LogKind;
}

/** A verdict with the members that describe a log beside it. */
export type EventlogFileResult = Verdict & { readonly [member: string]: FindingData | undefined };

/**
 * @param files `event_log`; `quote`: a TDX quote whose RTMRs the log must reach, and whose own signature is not judged here
 * @throws RangeError when `event_log` is missing
 */
export function verifyEventlogFiles(
  files: { readonly [role: string]: Uint8Array },
  options: EventlogFileOptions,
): EventlogFileResult {
  const { event_log: log, quote } = files;
  if (log === undefined) throw new RangeError('file event_log is missing');
  let quoted: Quoted | undefined;
  const findings: FindingDraft[] = [];
  try {
    quoted = quote === undefined ? undefined : readQuote(quote);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    findings.push(malformedLog({ reason: `quote: ${error.reason}`, offset: error.offset }));
  }
  const kind = options.logKind ?? (quote === undefined ? 'tpm' : 'cc');
  const result = verifyEventlog({ log, kind, registers: quoted?.registers });
  findings.push(...result.findings);
  const verdict = assembleVerdict({
    kind: 'eventlog',
    at: options.at,
    asOf: options.asOf ?? true,
    asked: false,
    findings,
    ...(result.authentic === undefined ? {} : { claims: { uefi_event_logs: eventlogClaims(result.authentic) } }),
  });
  return { ...verdict, ...(result.parsed === undefined ? {} : members(result.parsed, quoted)) } as EventlogFileResult;
}

function members(log: ParsedEventlog, quoted: Quoted | undefined): JsonObject {
  const banks = log.algorithms.filter(({ bank }) => bankAvailable(bank));
  const replays = banks.map(({ bank }) => [bank, replay(log, bank)] as const);
  const compared = compareData(log);
  const rtmrs = replays.find(([bank]) => bank === 'sha384')?.[1];
  return {
    spec_id_algorithms: Object.fromEntries(log.algorithms.map(({ bank, size }) => [bank, size])),
    event_count: log.records.length,
    replay: Object.fromEntries(
      replays.map(([bank, values]) => [
        bank,
        Object.fromEntries([...values].map(([index, { value }]) => [String(index), encodeHex(value)])),
      ]),
    ),
    digests_of_data: { checked: compared.length, matching: compared.filter(({ equal }) => equal).length },
    duplicate_separators: [...new Set(duplicateSeparators(log).map(({ index }) => String(index)))],
    ...(quoted === undefined
      ? {}
      : {
          quote_registers: Object.fromEntries(
            quoted.registers.map(({ index, value }) => [String(index), encodeHex(value)]),
          ),
          register_matches: Object.fromEntries(
            quoted.registers.flatMap(({ index, value }) => {
              const replayed = rtmrs?.get(index);
              return replayed === undefined ? [] : [[String(index), encodeHex(replayed.value) === encodeHex(value)]];
            }),
          ),
          quote_report_data: encodeHex(quoted.reportData),
        }),
  };
}

interface Quoted {
  readonly registers: readonly QuotedRegister[];
  readonly reportData: Uint8Array;
}

/** RTMRs and report data of a TDX quote, version 4 or 5. @throws DecodeError */
function readQuote(quote: Uint8Array): Quoted {
  const reader = new ByteReader(quote, 'TDX quote');
  const version = reader.u16le('version');
  reader.skip(2, 'attestation key type');
  const tee = reader.u32le('TEE type');
  if ((version !== 4 && version !== 5) || tee !== 0x81) {
    throw new DecodeError('TDX quote', `version ${version}, TEE type 0x${tee.toString(16)}`, 0);
  }
  reader.skip(40, 'header');
  // Version 5 says which body follows, and its size.
  if (version === 5) reader.skip(6, 'body type and size');
  reader.skip(328, 'body before the RTMRs');
  const registers = [1, 2, 3, 4].map((index): QuotedRegister => {
    const name = `RTMR${index - 1}`;
    return { bank: 'sha384', index, name, value: reader.bytes(48, name) };
  });
  return { registers, reportData: reader.bytes(64, 'report data') };
}
