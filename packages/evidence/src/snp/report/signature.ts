/** SIGNATURE of a report: R and S little-endian, each zero-extended to 72 bytes, the rest of the 512 bytes zero. */
import { encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';
import { hexNumber } from './policy.js';
import { type ReportFields, SIGNED_SIZE } from './report.js';

const FIELD = 72;
/** Bytes of a P-384 number. */
const NUMBER = 48;

/** The octets that the signature covers. */
export function signedPart({ bytes }: ReportFields): Uint8Array {
  return bytes.subarray(0, SIGNED_SIZE);
}

/** `r ‖ s`, big-endian, 48 bytes each (IEEE P1363). */
export function fixedWidthSignature({ bytes }: ReportFields): Uint8Array {
  const signature = new Uint8Array(2 * NUMBER);
  signature.set(bytes.subarray(SIGNED_SIZE, SIGNED_SIZE + NUMBER), 0);
  signature.set(bytes.subarray(SIGNED_SIZE + FIELD, SIGNED_SIZE + FIELD + NUMBER), NUMBER);
  signature.subarray(0, NUMBER).reverse();
  signature.subarray(NUMBER).reverse();
  return signature;
}

/** The same numbers taken as big-endian: a common mistake of programs that rebuild reports. */
export function bigEndianReading({ bytes }: ReportFields): Uint8Array {
  const signature = new Uint8Array(2 * NUMBER);
  signature.set(bytes.subarray(SIGNED_SIZE, SIGNED_SIZE + NUMBER), 0);
  signature.set(bytes.subarray(SIGNED_SIZE + FIELD, SIGNED_SIZE + FIELD + NUMBER), NUMBER);
  return signature;
}

/** Bytes that do not count must be zero: dropping them would make one signature into many. */
export function checkEncoding({ bytes }: ReportFields): FindingDraft {
  const ranges = [
    [SIGNED_SIZE + NUMBER, SIGNED_SIZE + FIELD],
    [SIGNED_SIZE + FIELD + NUMBER, SIGNED_SIZE + 2 * FIELD],
    [SIGNED_SIZE + 2 * FIELD, bytes.length],
  ] as const;
  for (const [from, to] of ranges) {
    const within = bytes.subarray(from, to).findIndex((byte) => byte !== 0);
    if (within < 0) continue;
    const offset = from + within;
    const actual = encodeHex(bytes.subarray(offset, offset + 1));
    return failed('snp.signature.encoding', {
      subject: 'report',
      params: { offset: hexNumber(offset), actual },
      expected: '00',
      actual,
      compare: { relation: 'equal', type: 'bytes', first_difference: { offset, expected: '00', actual } },
      source: 'AMD 56860, ATTESTATION_REPORT: SIGNATURE',
      origin: { kind: 'spec', document: 'AMD 56860', clause: 'SIGNATURE' },
    });
  }
  return passed('snp.signature.encoding', 'report');
}
