/** Claims of an authentic report, by the names that policies of Confidential Containers know. */
import { encodeHex, type JsonObject } from '@assay/bytes';
import type { FindingRef } from '@assay/bytes/findings';
import type { AuthenticCsvReport } from './authenticate.js';
import { hexWord } from './chain-findings.js';
import { readCsvPolicy } from './report/policy.js';
import type { CsvReport } from './report/report.js';

/** What policies see under `input.csv`, with `report_data`, which the service moves to the top. */
export function csvClaims({ report, chain }: AuthenticCsvReport): JsonObject {
  const policy = readCsvPolicy(report.policy);
  const { extension, anonce } = report;
  return {
    version: String(report.version),
    policy: {
      ...Object.fromEntries(Object.entries(policy.flags).map(([flag, on]) => [flag, on ? 1 : 0])),
      hsk_version: policy.hskVersion,
      cek_version: policy.cekVersion,
      api_major: policy.apiMajor,
      api_minor: policy.apiMinor,
    },
    user_pubkey_digest: encodeHex(report.userPubkeyDigest),
    vm_id: encodeHex(report.vmId),
    vm_version: encodeHex(report.vmVersion),
    report_data: encodeHex(report.reportData),
    mnonce: encodeHex(report.mnonce),
    measure: encodeHex(report.measure),
    sig_usage: littleEndian(report.sigUsage),
    sig_algo: littleEndian(report.sigAlgo),
    ...(anonce === undefined ? {} : { anonce: encodeHex(anonce) }),
    ...(extension === undefined
      ? {}
      : {
          build: extension.build,
          rtmr_version: extension.rtmrVersion,
          reserved0: encodeHex(extension.reserved0),
          ...Object.fromEntries(extension.rtmrs.map((rtmr, index) => [`rtmr${index}`, encodeHex(rtmr)])),
          reserved1: encodeHex(extension.reserved1),
        }),
    serial_number: report.serial,
    // Only there when it has to be: a policy of production refuses it by its presence.
    ...(chain.root.emulated === true ? { emulated: true } : {}),
  };
}

/** Which finding made a claim. */
export const CSV_CLAIM_ORIGINS: { readonly [path: string]: FindingRef } = {
  '': 'csv.report.signature',
  policy: 'csv.guest.policy',
  'policy.nodbg': 'csv.guest.debug',
  anonce: 'csv.report.mask',
  serial_number: 'csv.serial.bound',
  report_data: 'binding.report-data.match',
  uefi_event_logs: 'eventlog.register.replay',
};

/** Fields of a report for those who look at one: byte strings as hex, words as `0x` hex. */
export function reportMembers(report: CsvReport): JsonObject {
  const { anonce, extension } = report;
  return {
    user_pubkey_digest: encodeHex(report.userPubkeyDigest),
    vm_id: encodeHex(report.vmId),
    vm_version: encodeHex(report.vmVersion),
    report_data: encodeHex(report.reportData),
    mnonce: encodeHex(report.mnonce),
    measure: encodeHex(report.measure),
    policy: hexWord(report.policy),
    sig_usage: hexWord(report.sigUsage),
    sig_algo: hexWord(report.sigAlgo),
    ...(anonce === undefined ? {} : { anonce: hexWord(Buffer.from(anonce).readUInt32LE(0)) }),
    ...(extension === undefined
      ? {}
      : Object.fromEntries(extension.rtmrs.map((rtmr, index) => [`rtmr${index}`, encodeHex(rtmr)]))),
  };
}

/** As it stands in the report: `02100000`. */
function littleEndian(value: number): string {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return encodeHex(bytes);
}
