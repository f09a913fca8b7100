/** Whether a device's report was made for this handshake: its request nonce is the report data, cut or padded to 32 bytes. */
import { constantTimeEqual, encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed } from '@assay/bytes/findings';
import { fit, likeness } from '../binding/report-data.js';
import type { ExpectedReportData } from '../verifier.js';
import type { ParsedReport } from './report/report.js';

export const NONCE_SIZE = 32;

export interface NonceComparison {
  readonly finding: FindingDraft;
  /** Alternatives that the nonce is; empty when none is, or none was asked. */
  readonly matching: ReadonlySet<number>;
}

/** @param expected undefined: not asked */
export function compareNonce(
  { requestNonce }: ParsedReport,
  gpu: string,
  expected: readonly ExpectedReportData[] | undefined,
): NonceComparison {
  const actual = encodeHex(requestNonce);
  if (expected === undefined) {
    const finding = notChecked('nvidia.report.nonce', 'not compared: no report data was asked for', {
      subject: gpu,
      actual,
    });
    return { finding, matching: new Set() };
  }
  const wanted = expected.map(({ bytes }) => fit(bytes, NONCE_SIZE));
  // Every alternative is compared, so that the time tells nothing about which one matched.
  const matching = new Set(wanted.flatMap((nonce, index) => (constantTimeEqual(nonce, requestNonce) ? [index] : [])));
  if (matching.size > 0) return { finding: passed('nvidia.report.nonce', gpu), matching };
  const also = wanted.flatMap((nonce) => likeness(requestNonce, nonce));
  const finding = failed('nvidia.report.nonce', {
    subject: gpu,
    params: { gpu, actual, expected: encodeHex(wanted[0] ?? new Uint8Array(0)) },
    expected: wanted.map(encodeHex),
    actual,
    compare: { relation: 'one-of', type: 'bytes', ...(also.length === 0 ? {} : { also }) },
    source: 'runtime data of this handshake: nonce and tee-pubkey',
    origin: { kind: 'request', what: 'runtime-data' },
  });
  return { finding, matching };
}

/** Evidence of devices says nothing without a nonce: a swapped device could not be told. */
export function nonceMissing(): FindingDraft {
  return failed('nvidia.report.nonce', {
    subject: 'nvidia',
    params: { gpu: 'the devices', actual: 'any', expected: 'the report data of a request' },
    expected: 'report data',
    actual: null,
    compare: { relation: 'present', type: 'bytes' },
    source: 'request: runtime data',
    origin: { kind: 'request', what: 'runtime-data' },
  });
}
