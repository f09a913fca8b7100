/**
 * Evidence of the CSV attester of Confidential Containers.
 *
 * `{"attestation_report": {"data": [4096 bytes], "flags": n, "magic": [16 bytes]}, "cert_chain": {"hsk_cek": {"hsk": …, "cek": …}?,
 * "pek": …}, "serial_number": [bytes], "cc_eventlog": base64?}`. Releases up to 0.14 sent the report's fields without the wrapper,
 * and the two certificates beside the PEK.
 */
import { DecodeError, decodeBase64, type JsonValue } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed } from '@assay/bytes/findings';
import { caCertificateOf, csvCertificateOf } from './certificate/json.js';
import {
  type ByteMember,
  byteList,
  describe,
  MemberFault,
  malformed,
  member,
  memberObject,
  type ObjectAt,
  objectAt,
  own,
} from './json.js';
import { type CsvReport, REPORT_PAGE, readSerial } from './report/report.js';
import type { HskCek } from './verify.js';

export interface CsvEvidence {
  readonly report: Uint8Array;
  readonly version: 1 | 2;
  readonly hskCek: HskCek | undefined;
  /** The PEK beside the report. */
  readonly pek: Uint8Array | undefined;
  /** The serial number beside the report; undefined: none was sent. */
  readonly serial: string | undefined;
  readonly eventLog: Uint8Array | undefined;
}

export type ReadCsvEvidence =
  | { readonly evidence: CsvEvidence; readonly finding: FindingDraft }
  | { readonly evidence: undefined; readonly finding: FindingDraft };

const TEE = 'csv';
const EXTENDED = 'ATTESTATION_EXT\0';
/** Characters of base64. */
const LONGEST_LOG = 12 * 1024 * 1024;
const LONGEST_SERIAL = 64;

/** Reads the evidence; unknown members are passed over. */
export function readCsvEvidence(value: JsonValue): ReadCsvEvidence {
  try {
    const evidence = memberObject(value, 'evidence');
    const report = readWrapper(objectIn(evidence, 'attestation_report'));
    const chain = objectIn(evidence, 'cert_chain');
    return {
      evidence: {
        ...report,
        hskCek: readHskCek(chain),
        pek: present(own(chain.value, 'pek'), (pek) => csvCertificateOf(pek, 'cert_chain.pek')),
        serial: present(own(evidence.value, 'serial_number'), readSerialMember),
        eventLog: present(own(evidence.value, 'cc_eventlog'), readLog),
      },
      finding: passed('evidence.json.form', TEE),
    };
  } catch (error) {
    if (!(error instanceof MemberFault)) throw error;
    return { evidence: undefined, finding: malformed(error, TEE) };
  }
}

/** Like {@link objectAt}, without the word `evidence` in front of what stands at the top. */
function objectIn(evidence: ObjectAt, name: string): ObjectAt {
  return memberObject(own(evidence.value, name), name);
}

function present<T>(value: ByteMember, read: (value: JsonValue) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value);
}

function readWrapper(wrapper: ObjectAt): { readonly report: Uint8Array; readonly version: 1 | 2 } {
  if (own(wrapper.value, 'data') === undefined) return { report: assemble(wrapper), version: 1 };
  const report = byteList(own(wrapper.value, 'data'), REPORT_PAGE, 'attestation_report.data');
  const magic = byteList(own(wrapper.value, 'magic'), EXTENDED.length, 'attestation_report.magic');
  const flags = own(wrapper.value, 'flags');
  const text = Buffer.from(magic).toString('latin1');
  if (magic.every((byte) => byte === 0)) return { report, version: 1 };
  if (text !== EXTENDED)
    throw new MemberFault('attestation_report.magic', 'unknown', 'zeros or ATTESTATION_EXT are due');
  if (flags !== 0 && flags !== 1)
    throw new MemberFault('attestation_report.flags', JSON.stringify(flags) ?? 'absent', '0 or 1 is due');
  return { report, version: flags === 1 ? 2 : 1 };
}

/** A report of version 1 whose fields came one by one. */
function assemble(report: ObjectAt): Uint8Array {
  const info = objectAt(report, 'tee_info');
  const signature = objectAt(info, 'sig');
  const signer = objectAt(report, 'signer');
  return Uint8Array.from(
    Buffer.concat([
      member(info, 'user_pubkey_digest', 32),
      member(info, 'vm_id', 16),
      member(info, 'vm_version', 16),
      member(info, 'report_data', 64),
      member(info, 'mnonce', 16),
      member(info, 'measure', 32),
      member(info, 'policy', 4),
      member(info, 'sig_usage', 4),
      member(info, 'sig_algo', 4),
      member(info, 'anonce', 4),
      member(signature, 'r', 72),
      member(signature, 's', 72),
      member(signer, 'pek_cert', 2084),
      member(signer, 'sn', 64),
      member(signer, 'reserved', 32),
      member(signer, 'mac', 32),
    ]),
  );
}

function readHskCek(chain: ObjectAt): HskCek | undefined {
  const pair = own(chain.value, 'hsk_cek');
  const holder = pair === undefined || pair === null ? chain : memberObject(pair, 'cert_chain.hsk_cek');
  const [hsk, cek] = [own(holder.value, 'hsk'), own(holder.value, 'cek')];
  if (holder === chain && hsk === undefined && cek === undefined) return undefined;
  return {
    hsk: caCertificateOf(hsk, `${holder.path}.hsk`),
    cek: csvCertificateOf(cek, `${holder.path}.cek`),
    from: 'evidence',
  };
}

function readSerialMember(value: JsonValue): string {
  const length = Array.isArray(value) ? value.length : 0;
  if (length > LONGEST_SERIAL)
    throw new MemberFault('serial_number', `${length} long`, `at most ${LONGEST_SERIAL} bytes are due`);
  return readSerial(byteList(value, length, 'serial_number'));
}

/** Attesters without a log send nothing, null or an empty text. */
function readLog(value: JsonValue): Uint8Array | undefined {
  if (value === '') return undefined;
  if (typeof value !== 'string') throw new MemberFault('cc_eventlog', describe(value), 'base64 of the log is due');
  if (value.length > LONGEST_LOG) {
    throw new MemberFault('cc_eventlog', `${value.length} characters long`, `at most ${LONGEST_LOG} are read`);
  }
  try {
    return decodeBase64(value);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new MemberFault('cc_eventlog', 'not base64', 'base64 of the log is due');
  }
}

/** What stands beside the report repeats what is in it: PEK and serial number are read from the report, and must be the same. */
export function compareWithReport(
  { pek, serial }: Pick<CsvEvidence, 'pek' | 'serial'>,
  report: CsvReport,
): FindingDraft[] {
  const differs = (subject: string, actual: string, expected: string): FindingDraft =>
    failed('csv.evidence.agree', {
      subject,
      params: { what: subject, actual, expected },
      expected,
      actual,
      compare: { relation: 'equal', type: 'bytes' },
      source: 'the report in the same evidence',
      origin: { kind: 'spec', document: 'evidence format of the csv attester' },
    });
  const absent = (subject: string): FindingDraft =>
    notChecked('csv.evidence.agree', `not compared: no ${subject} beside the report`, { subject });
  const same = pek !== undefined && Buffer.compare(pek, report.pek) === 0;
  return [
    pek === undefined
      ? absent('PEK')
      : same
        ? passed('csv.evidence.agree', 'PEK')
        : differs('PEK', 'another certificate', 'the same one'),
    serial === undefined
      ? absent('serial number')
      : serial === report.serial
        ? passed('csv.evidence.agree', 'serial number', serial)
        : differs('serial number', serial, report.serial),
  ];
}
