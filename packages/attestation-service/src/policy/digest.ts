import { encodeHex } from '@assay/bytes';
import { digest } from '@assay/protocol';

/** Name of a policy text in verdicts: SHA-384 of its UTF-8 bytes, lower-case hex. */
export function policyDigest(text: string): string {
  return encodeHex(digest('sha384', text));
}
