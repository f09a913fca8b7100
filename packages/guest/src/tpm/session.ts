import { type ByteReader, DecodeError } from '@assay/bytes';
import { TpmWriter } from '@assay/evidence/tpm';
import { RH } from './constants.js';

/**
 * An authorisation of a command: a password, or a session that was started before. Sessions here have no key, so their
 * HMAC is empty (part 1, section 19.4): whoever can read the wire to the TPM reads passwords as well.
 */
export type Authorization =
  | { readonly kind: 'password'; readonly value: Uint8Array }
  /** A policy session; it stays for the next command when `keep` is set. */
  | { readonly kind: 'policy'; readonly handle: number; readonly keep: boolean };

const CONTINUE_SESSION = 1;
/** Digests and nonces are no longer than this. */
const LONGEST = 64;

/** Authorisation by the empty password, which keys and hierarchies have unless their owner set one. */
export const NO_PASSWORD: Authorization = { kind: 'password', value: new Uint8Array() };

/** The authorisation area of a command, without its size. */
export function writeAuthorizations(authorizations: readonly Authorization[]): Uint8Array {
  const area = new TpmWriter();
  for (const one of authorizations) {
    if (one.kind === 'password') {
      area.u32(RH.password).u16(0).u8(CONTINUE_SESSION).sized(one.value);
    } else {
      area
        .u32(one.handle)
        .u16(0)
        .u8(one.keep ? CONTINUE_SESSION : 0)
        .u16(0);
    }
  }
  return area.finish();
}

/** The authorisation area of a response: one for each of the command, with a nonce, attributes and no HMAC. */
export function readAuthorizations(reader: ByteReader, count: number): void {
  for (let n = 1; n <= count; n += 1) {
    const at = reader.offset;
    const nonce = reader.u16be('session nonce size');
    if (nonce > LONGEST) throw new DecodeError('response', `session nonce of ${nonce} bytes`, at);
    reader.skip(nonce, 'session nonce');
    reader.skip(1, 'session attributes');
    if (reader.u16be('session HMAC size') !== 0) throw new DecodeError('response', 'HMAC of a session without key', at);
  }
}
