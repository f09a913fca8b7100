import { constantTimeEqual, encodeHex } from '@assay/bytes';
import type { Attester } from '../attester/attester.js';
import { InitDataError } from '../attester/init-data-error.js';

/**
 * Compares the digest of init-data with what the hardware was launched with: cut, or filled with zeros on the right, to the field; or
 * extends the register that is there for it.
 *
 * @returns whether it is bound to the hardware at all
 * @throws InitDataError when it differs
 */
export async function checkInitData(attester: Attester, digest: Uint8Array): Promise<boolean> {
  if (attester.bindInitData !== undefined) {
    await attester.bindInitData(digest);
    return true;
  }
  if (attester.initDataField === undefined) return false;
  const field = await attester.initDataField();
  const expected = new Uint8Array(field.length);
  expected.set(digest.subarray(0, field.length));
  if (!constantTimeEqual(expected, field)) {
    throw new InitDataError(
      `init-data has the digest ${encodeHex(expected)}, and the guest was launched with ${encodeHex(field)}`,
    );
  }
  return true;
}
