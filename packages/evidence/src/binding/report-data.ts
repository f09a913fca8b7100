/** Whether the evidence binds what it was asked to bind, and what it looks like when it does not. */
import { constantTimeEqual, encodeBase64, encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed } from '@assay/bytes/findings';
import type { ExpectedReportData } from '../verifier.js';

export interface ReportDataComparison {
  readonly finding: FindingDraft;
  /** Index of the alternative that is bound; undefined when none is, or none was asked. */
  readonly matched: number | undefined;
  /** Nothing speaks against the evidence: bound, or not asked. */
  readonly holds: boolean;
}

/** `exact`, or the size of the TEE's field: the expected bytes are zero-padded on the right, or cut, to it. */
export type FieldSize = 'exact' | number;

/**
 * Compares the report data of evidence with the alternatives that were asked.
 *
 * @param actual the field's bytes
 * @param source who says what is expected
 */
export function compareReportData(
  actual: Uint8Array,
  expected: readonly ExpectedReportData[] | undefined,
  size: FieldSize,
  subject: string,
): ReportDataComparison {
  if (expected === undefined) {
    const finding = notChecked('binding.report-data.match', 'not compared: no report data was asked for', {
      subject,
      actual: encodeHex(actual),
    });
    return { finding, matched: undefined, holds: true };
  }
  // Every alternative is compared, so that the time tells nothing about which one matched.
  let matched: number | undefined;
  expected.forEach((alternative, index) => {
    if (constantTimeEqual(fit(alternative.bytes, size), actual) && matched === undefined) matched = index;
  });
  if (matched !== undefined) return { finding: passed('binding.report-data.match', subject), matched, holds: true };
  return { finding: unbound(actual, expected, size, subject), matched: undefined, holds: false };
}

/** Zero-pads on the right, or cuts, to the size of a TEE's field. */
export function fit(bytes: Uint8Array, size: FieldSize): Uint8Array {
  if (size === 'exact' || bytes.length === size) return bytes;
  const field = new Uint8Array(size);
  field.set(bytes.subarray(0, size));
  return field;
}

function unbound(
  actual: Uint8Array,
  expected: readonly ExpectedReportData[],
  size: FieldSize,
  subject: string,
): FindingDraft {
  const wanted = expected.map((alternative) => encodeHex(fit(alternative.bytes, size)));
  const [first] = expected;
  const also = [
    ...expected.flatMap((alternative) => likeness(actual, fit(alternative.bytes, size))),
    ...expected.slice(1).map((alternative) => `also tried: ${alternative.algorithm}(${alternative.members})`),
  ];
  return failed('binding.report-data.match', {
    subject,
    params: {
      actual: encodeHex(actual),
      expected: wanted[0] ?? '',
      alg: first?.algorithm ?? '',
      members: first?.members ?? '',
    },
    expected: wanted.length === 1 ? (wanted[0] ?? '') : wanted,
    actual: encodeHex(actual),
    compare: {
      relation: wanted.length === 1 ? 'equal' : 'one-of',
      type: 'digest',
      ...(also.length > 0 ? { also } : {}),
    },
    source: 'runtime data of this handshake: nonce and tee-pubkey',
    origin: { kind: 'request', what: 'runtime-data' },
  });
}

/** What the bytes look like beside the expected ones; nothing when they have nothing in common. */
export function likeness(actual: Uint8Array, expected: Uint8Array): string[] {
  if (actual.length === 0) return ['report data is empty'];
  if (actual.every((byte) => byte === 0)) return ['report data is all zero: it was not set'];
  const text = new TextDecoder('latin1').decode(actual);
  if (text.toLowerCase() === encodeHex(expected)) return ['equal-after-decoding: hex'];
  if (text === encodeBase64(expected)) return ['equal-after-decoding: base64'];
  const shorter = Math.min(actual.length, expected.length);
  if (shorter >= 16 && actual.length !== expected.length) {
    const prefix = constantTimeEqual(actual.subarray(0, shorter), expected.subarray(0, shorter));
    const rest = [...actual.subarray(shorter), ...expected.subarray(shorter)];
    if (prefix && rest.every((byte) => byte === 0))
      return [`equal but for zero padding: ${actual.length} and ${expected.length} bytes`];
    if (prefix) return [`the first ${shorter} bytes are equal, lengths are ${actual.length} and ${expected.length}`];
  }
  return [];
}
