/** Whether the evidence binds the init-data that the guest was launched with. */
import { constantTimeEqual, encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed } from '@assay/bytes/findings';
import type { ExpectedInitData } from '../verifier.js';
import { fit } from './report-data.js';

export interface InitDataComparison {
  readonly finding: FindingDraft;
  /** Nothing speaks against the evidence: bound, or not asked. */
  readonly holds: boolean;
}

/**
 * Compares a launch register with the init-data digest, which is zero-padded on the right, or cut, to the register's size.
 *
 * @param register its name, e.g. `HOST_DATA`
 */
export function compareInitData(
  actual: Uint8Array,
  expected: ExpectedInitData | undefined,
  register: string,
): InitDataComparison {
  if (expected === undefined) {
    const why = 'not compared: no init-data was given';
    const finding = notChecked('binding.init-data.match', why, { subject: register, actual: encodeHex(actual) });
    return { finding, holds: true };
  }
  const wanted = fit(expected.digest, actual.length);
  if (constantTimeEqual(wanted, actual)) return { finding: passed('binding.init-data.match', register), holds: true };
  const unset = actual.every((byte) => byte === 0);
  const finding = failed('binding.init-data.match', {
    subject: register,
    params: {
      register,
      actual: encodeHex(actual),
      expected: encodeHex(wanted),
      alg: expected.algorithm ?? 'digest given',
    },
    expected: encodeHex(wanted),
    actual: encodeHex(actual),
    compare: { relation: 'equal', type: 'digest' },
    ...(unset ? { causes: [{ text: 'register all zero: launched without init-data', confirmed: true as const }] } : {}),
    source: 'init-data of this request',
    origin: { kind: 'request', what: 'init-data' },
  });
  return { finding, holds: false };
}
