import { isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { ProtocolError } from '../protocol-error.js';
import { kindOf } from '../shape.js';

/**
 * The guest's public key as it came. The texts stay as sent, because they are what the evidence binds; whether the numbers make a usable
 * key is asked by `importTeePubkey`.
 */
export type TeePubkey = RsaTeePubkey | EcTeePubkey | AkpTeePubkey;

export interface RsaTeePubkey {
  readonly kind: 'RSA';
  readonly alg: string;
  /** Modulus as sent: base64url, or padded standard base64 from clients that send no `kty`. */
  readonly n: string;
  /** Public exponent as sent. */
  readonly e: string;
  /** Which spelling: a JWK; `{alg, n, e}` without `kty` (attestation-agent v0.6); `{alg, k-mod, k-exp}` (v0.5). */
  readonly spelling: 'jwk' | 'without-kty' | 'k-mod';
  readonly asReceived: JsonObject;
}

export interface EcTeePubkey {
  readonly kind: 'EC';
  readonly alg: string;
  readonly crv: string;
  readonly x: string;
  readonly y: string;
  readonly asReceived: JsonObject;
}

export interface AkpTeePubkey {
  readonly kind: 'AKP';
  readonly alg: string;
  readonly pub: string;
  readonly asReceived: JsonObject;
}

/** Longest member text: an 8192-bit modulus or an ML-KEM-1024 key stay below. */
const MAX_TEXT = 4096;

/**
 * Reads a `tee-pubkey` in every form that clients have sent.
 *
 * @param path JSON pointer of the key in its message, for errors
 * @throws ProtocolError `request.key.supported` for another `kty`, `request.body.form` for missing or wrong members.
 */
export function parseTeePubkey(value: JsonValue | undefined, path = '/tee-pubkey'): TeePubkey {
  if (!isJsonObject(value)) {
    throw new ProtocolError('request.body.form', `member ${path} must be an object; it is ${kindOf(value)}`, { path });
  }
  const text = (member: string): string => {
    const found = Object.hasOwn(value, member) ? value[member] : undefined;
    if (typeof found !== 'string' || found === '' || found.length > MAX_TEXT) {
      const actual = typeof found === 'string' ? `a string of ${found.length} characters` : kindOf(found);
      throw new ProtocolError(
        'request.body.form',
        `member ${path}/${member} must be a non-empty string; it is ${actual}`,
        {
          path: `${path}/${member}`,
          actual,
        },
      );
    }
    return found;
  };
  const alg = text('alg');
  if (!Object.hasOwn(value, 'kty')) {
    return Object.hasOwn(value, 'k-mod')
      ? { kind: 'RSA', alg, n: text('k-mod'), e: text('k-exp'), spelling: 'k-mod', asReceived: value }
      : { kind: 'RSA', alg, n: text('n'), e: text('e'), spelling: 'without-kty', asReceived: value };
  }
  const kty = text('kty');
  switch (kty) {
    case 'RSA':
      return { kind: 'RSA', alg, n: text('n'), e: text('e'), spelling: 'jwk', asReceived: value };
    case 'EC':
      return { kind: 'EC', alg, crv: text('crv'), x: text('x'), y: text('y'), asReceived: value };
    case 'AKP':
      return { kind: 'AKP', alg, pub: text('pub'), asReceived: value };
    default:
      throw new ProtocolError('request.key.supported', `${path} is of another type than RSA, EC and AKP`, {
        path: `${path}/kty`,
        expected: 'RSA, EC, AKP',
      });
  }
}
