/** Report data in the HCL report: what the guest wrote to NV index 0x01400002 before it read the report. */
import { constantTimeEqual, encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed } from '@assay/bytes/findings';
import type { ExpectedReportData } from '../verifier.js';
import type { RuntimeData } from './hcl/runtime-data.js';

const SUBJECT = 'HCL report';

/**
 * Compares the first bytes of user-data with the report data, as many as that has.
 *
 * @param runtime undefined when it was not read
 * @param expected alternatives: the one that the TPM's nonce is equal to, or all of them where none is
 * @param demanded evidence of version 2
 */
export function compareUserData(
  runtime: RuntimeData | undefined,
  expected: readonly ExpectedReportData[] | undefined,
  demanded: boolean,
): FindingDraft {
  const facts = { subject: SUBJECT };
  if (!demanded) {
    return notChecked('az.hcl.user-data', 'not compared: evidence before version 2 does not write it', facts);
  }
  if (runtime === undefined) {
    return notChecked('az.hcl.user-data', 'not compared: the runtime data were not read', facts);
  }
  const { userData } = runtime;
  const [first] = expected ?? [];
  if (expected === undefined || first === undefined) {
    return notChecked('az.hcl.user-data', 'not compared: no report data was asked for', facts);
  }
  const matches = expected.map(
    ({ bytes }) =>
      bytes.length > 0 && userData !== undefined && constantTimeEqual(userData.subarray(0, bytes.length), bytes),
  );
  if (matches.includes(true)) return passed('az.hcl.user-data', SUBJECT);
  const actual = userData === undefined ? 'absent' : encodeHex(userData);
  return failed('az.hcl.user-data', {
    ...facts,
    params: { actual, expected: encodeHex(first.bytes) },
    expected: encodeHex(first.bytes),
    actual,
    compare: { relation: 'prefix', type: 'bytes' },
    source: 'runtime data of this handshake: nonce and tee-pubkey',
    origin: { kind: 'request', what: 'runtime-data' },
  });
}
