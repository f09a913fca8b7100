/** Init-data in a TPM: PCR 8 is extended once with the digest (guest-components, `bind_init_data`). */
import { createHash } from 'node:crypto';
import { type FindingDraft, failed, notChecked } from '@assay/bytes/findings';
import { compareInitData } from '../binding/init-data.js';
import type { ExpectedInitData } from '../verifier.js';

export const INIT_DATA_PCR = 8;
const SIZE = 32;

/** Value of the register after the one extension: SHA-256(32 zero bytes ‖ digest). */
export function initDataPcr(digest: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(new Uint8Array(SIZE)).update(digest).digest());
}

/**
 * Compares the quoted register with what the init-data lead to.
 *
 * @param value of PCR 8; undefined when it was not quoted, which another finding refuses
 */
export function compareInitDataPcr(
  value: Uint8Array | undefined,
  expected: ExpectedInitData | undefined,
): FindingDraft {
  const subject = `PCR ${INIT_DATA_PCR}`;
  if (value === undefined) {
    const why = expected === undefined ? 'no init-data was given' : `${subject} was not quoted`;
    return notChecked('binding.init-data.match', `not compared: ${why}`, { subject, causedBy: ['tpm.pcr.selection'] });
  }
  if (expected === undefined || expected.digest.length === SIZE) {
    const wanted = expected === undefined ? undefined : { ...expected, digest: initDataPcr(expected.digest) };
    return compareInitData(value, wanted, SIZE, subject).finding;
  }
  // A register of the SHA-256 bank is extended with 32 bytes: a digest of another size is neither cut nor padded.
  const { digest } = expected;
  return failed('binding.init-data.match', {
    subject,
    params: {
      register: subject,
      actual: Buffer.from(value).toString('hex'),
      expected: `an extension with ${SIZE} bytes`,
      alg: expected.algorithm ?? 'digest as given',
    },
    expected: `digest of ${SIZE} bytes`,
    actual: `digest of ${digest.length} bytes`,
    compare: { relation: 'equal', type: 'digest' },
    source: 'init-data given with this request',
    origin: { kind: 'request', what: 'init-data' },
    remedy: 'Use init-data with `algorithm = "sha256"` for a TPM.',
  });
}
