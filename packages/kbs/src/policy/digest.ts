import { createHash } from 'node:crypto';

/** SHA-384 of a policy's text, lower-case hex: what the audit and every decision name it by. */
export function policyDigest(text: string): string {
  return createHash('sha384').update(text).digest('hex');
}
