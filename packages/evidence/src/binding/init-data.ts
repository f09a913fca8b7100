/** Whether a TEE's register holds the digest of the init-data that came with the request. */
import { constantTimeEqual, encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed } from '@assay/bytes/findings';
import type { ExpectedInitData } from '../verifier.js';
import { type FieldSize, fit, likeness } from './report-data.js';

export interface InitDataComparison {
  readonly finding: FindingDraft;
  /** Nothing speaks against the evidence: equal, or not asked. */
  readonly holds: boolean;
}

/**
 * Compares a register with the digest, which is zero-padded on the right, or cut, to the register's size.
 *
 * @param register name of the register: `MRCONFIGID`, `HOST_DATA`
 */
export function compareInitData(
  actual: Uint8Array,
  expected: ExpectedInitData | undefined,
  size: FieldSize,
  register: string,
): InitDataComparison {
  if (expected === undefined) {
    const why = 'not compared: no init-data was given';
    const finding = notChecked('binding.init-data.match', why, { subject: register, actual: encodeHex(actual) });
    return { finding, holds: true };
  }
  const wanted = fit(expected.digest, size);
  if (constantTimeEqual(wanted, actual)) return { finding: passed('binding.init-data.match', register), holds: true };
  const also = likeness(actual, wanted).map((text) => text.replace(/^report data/, register));
  const [actualHex, expectedHex] = [encodeHex(actual), encodeHex(wanted)];
  const finding = failed('binding.init-data.match', {
    subject: register,
    params: { register, actual: actualHex, expected: expectedHex, alg: expected.algorithm ?? 'digest as given' },
    expected: expectedHex,
    actual: actualHex,
    compare: { relation: 'equal', type: 'digest', ...(also.length > 0 ? { also } : {}) },
    source: 'init-data given with this request',
    origin: { kind: 'request', what: 'init-data' },
  });
  return { finding, holds: false };
}
