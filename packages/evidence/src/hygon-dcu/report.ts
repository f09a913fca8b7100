/** Attestation reports of Hygon's DCU accelerators, as `csv-rs` writes them in JSON. */
import { isJsonArray, type JsonValue } from '@assay/bytes';
import { type ByteMember, byteList, describe, MemberFault, member, memberObject, objectAt, own } from '../csv/json.js';
import { readSerial } from '../csv/report/report.js';

/** A report, put together again. Nothing in it is believed yet. */
export interface DcuReport {
  /** The signed bytes: all but the signature, 252. */
  readonly signed: Uint8Array;
  readonly signature: { readonly r: bigint; readonly s: bigint };
  readonly version: number;
  /** 16 bytes: text, then NULs. */
  readonly chipId: Uint8Array;
  /** The chip's serial number, which HSK and CEK are served by. */
  readonly serial: string;
  readonly userData: Uint8Array;
  readonly measure: Uint8Array;
  readonly reserved: Uint8Array;
  readonly sigUsage: number;
  readonly sigAlgo: number;
}

/** A guest has at most as many devices as a machine. */
const MOST_REPORTS = 64;

/** Reads `{"attestation_reports": [{"body": {…}, "sig": {"r": […], "s": […]}}]}`. @throws MemberFault */
export function readDcuReports(value: JsonValue): readonly DcuReport[] {
  const evidence = memberObject(value, 'evidence');
  const list: ByteMember = own(evidence.value, 'attestation_reports');
  if (list === undefined || !isJsonArray(list)) {
    throw new MemberFault('attestation_reports', describe(list), 'a list of reports is due');
  }
  if (list.length === 0 || list.length > MOST_REPORTS) {
    throw new MemberFault('attestation_reports', `${list.length} long`, `1 to ${MOST_REPORTS} reports are due`);
  }
  return list.map((report, index) => readReport(report, `attestation_reports[${index}]`));
}

function readReport(value: JsonValue, path: string): DcuReport {
  const report = memberObject(value, path);
  const body = objectAt(report, 'body');
  const signature = objectAt(report, 'sig');
  const chipId = byteList(own(body.value, 'chip_id'), 16, `${body.path}.chip_id`);
  const userData = byteList(own(body.value, 'user_data'), 64, `${body.path}.user_data`);
  const measure = byteList(own(body.value, 'measure'), 32, `${body.path}.measure`);
  const reserved = byteList(own(body.value, 'reserved'), 128, `${body.path}.reserved`);
  const [version, sigUsage, sigAlgo] = ['version', 'sig_usage', 'sig_algo'].map((name) => member(body, name, 4)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  return {
    signed: Uint8Array.from(Buffer.concat([version, chipId, userData, measure, reserved, sigUsage, sigAlgo])),
    signature: { r: number(member(signature, 'r', 72)), s: number(member(signature, 's', 72)) },
    version: word(version),
    chipId,
    serial: readSerial(chipId),
    userData,
    measure,
    reserved,
    sigUsage: word(sigUsage),
    sigAlgo: word(sigAlgo),
  };
}

function word(bytes: Uint8Array): number {
  return Buffer.from(bytes).readUInt32LE(0);
}

function number(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}
