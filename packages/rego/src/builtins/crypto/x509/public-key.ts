import { normalizeInteger, type Value } from '../../../value/index.js';
import { encodeBase64 } from '../base64.js';
import { DerError, DerReader, readBitString, readInteger, readOid, TAG } from '../der.js';
import { CURVES, KEY_OIDS } from './oids.js';

/** SubjectPublicKeyInfo: Go's number for the algorithm and the key in Go's JSON form (null when not understood). */
export interface PublicKeyInfo {
  readonly algorithm: number;
  readonly value: Value;
  readonly raw: Uint8Array;
}

export function readPublicKey(reader: DerReader): PublicKeyInfo {
  const element = reader.read(TAG.sequence);
  const info = new DerReader(element.content);
  const identifier = info.enter(TAG.sequence);
  const oid = readOid(identifier.read(TAG.oid)).join('.');
  const { bytes } = readBitString(info.read(TAG.bitString));
  info.end();
  const algorithm = KEY_OIDS.get(oid) ?? 0;
  return { algorithm, value: keyValue(algorithm, identifier, bytes), raw: element.whole };
}

function keyValue(algorithm: number, parameters: DerReader, bytes: Uint8Array): Value {
  switch (algorithm) {
    case 1: {
      const key = new DerReader(bytes).enter(TAG.sequence);
      const n = readInteger(key.read(TAG.integer));
      const e = readInteger(key.read(TAG.integer));
      if (n <= 0n || e <= 0n || e > 0x7fffffffn) throw new DerError('x509: invalid RSA public key');
      return { N: normalizeInteger(n), E: Number(e) };
    }
    case 2: {
      const domain = parameters.enter(TAG.sequence);
      const [p, q, g] = [1, 2, 3].map(() => normalizeInteger(readInteger(domain.read(TAG.integer))));
      const y = readInteger(new DerReader(bytes).read(TAG.integer));
      return { P: p as Value, Q: q as Value, G: g as Value, Y: normalizeInteger(y) };
    }
    case 3: {
      const size = CURVES.get(readOid(parameters.read(TAG.oid)).join('.'));
      if (size === undefined) throw new DerError('x509: unsupported elliptic curve');
      if (bytes[0] !== 4 || bytes.length !== 1 + 2 * size) {
        throw new DerError('x509: failed to unmarshal elliptic curve point');
      }
      return { Curve: {}, X: coordinate(bytes.subarray(1, 1 + size)), Y: coordinate(bytes.subarray(1 + size)) };
    }
    case 4:
      if (bytes.length !== 32) throw new DerError('x509: wrong Ed25519 public key size');
      return encodeBase64(bytes);
    default:
      return null;
  }
}

function coordinate(bytes: Uint8Array): Value {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return normalizeInteger(BigInt(`0x${text === '' ? '0' : text}`));
}
