/** COSE_Sign1 (RFC 9052 section 4.2): read strictly, verified over the bytes as they stand. */
import { verify } from 'node:crypto';
import { DecodeError } from '@assay/bytes';
import { type CoseAlgorithm, coseAlgorithm } from './algorithm.js';
import {
  type CborMap,
  CborTagged,
  type CborValue,
  decodeCbor,
  describeCbor,
  encodeCborArray,
  isCborArray,
  isCborMap,
} from './cbor.js';
import type { CoseKey } from './key.js';

/** Tag of COSE_Sign1. */
const TAG = 18;
const ALG = 1;
const CRIT = 2;
const FORMAT = 'COSE_Sign1';

/** A message that was read; nothing about its signature is known. */
export interface Sign1 {
  readonly tagged: boolean;
  /** The protected header as it stands, which is what was signed. */
  readonly protectedBytes: Uint8Array;
  readonly protectedHeader: CborMap;
  /** `alg` of the protected header: the unprotected one is never looked at. */
  readonly algorithmLabel: CborValue | undefined;
  /** Undefined where the label is not served. */
  readonly algorithm: CoseAlgorithm | undefined;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

export interface Sign1Limits {
  readonly maxBytes: number;
  /** Default `optional`. */
  readonly tag?: 'required' | 'optional';
}

/**
 * Reads a message with its payload inside.
 *
 * @throws DecodeError also for a detached payload, and for `crit`: no critical header is understood here
 */
export function parseSign1(bytes: Uint8Array, limits: Sign1Limits): Sign1 {
  const whole = decodeCbor(bytes, { maxBytes: limits.maxBytes, tag: TAG });
  const tagged = whole instanceof CborTagged;
  if (limits.tag === 'required' && !tagged) throw new DecodeError(FORMAT, `without tag ${TAG}`);
  const parts = tagged ? whole.value : whole;
  if (!isCborArray(parts) || parts.length !== 4) {
    throw new DecodeError(FORMAT, `${describeCbor(parts)} instead of a list of 4`);
  }
  const [header, unprotected, payload, signature] = parts;
  if (!isCborMap(unprotected)) {
    throw new DecodeError(FORMAT, `unprotected header is ${describeCbor(unprotected)}; a map is due`);
  }
  const protectedBytes = bytesOf(header, 'protected header');
  const protectedHeader = readHeader(protectedBytes);
  const algorithmLabel = protectedHeader.get(ALG);
  return {
    tagged,
    protectedBytes,
    protectedHeader,
    algorithmLabel,
    algorithm: coseAlgorithm(algorithmLabel),
    payload: bytesOf(payload, 'payload'),
    signature: bytesOf(signature, 'signature'),
  };
}

/** Whether the message verifies: the key is of the algorithm's curve, `r ‖ s` has exactly its size. Never throws. */
export function verifySign1(message: Sign1, { curve, key }: CoseKey): boolean {
  const { algorithm, signature } = message;
  if (algorithm === undefined || algorithm.curve !== curve) return false;
  if (signature.length !== algorithm.signatureSize) return false;
  try {
    return verify(algorithm.hash, toBeSigned(message), { key, dsaEncoding: 'ieee-p1363' }, signature);
  } catch {
    return false;
  }
}

/** Sig_structure without external data (RFC 9052 section 4.4). */
function toBeSigned({ payload, protectedBytes }: Sign1): Uint8Array {
  return encodeCborArray(['Signature1', protectedBytes, new Uint8Array(), payload]);
}

/** An empty byte string is an empty header (RFC 9052 section 3). */
function readHeader(bytes: Uint8Array): CborMap {
  if (bytes.length === 0) return new Map();
  const header = decodeCbor(bytes, { maxBytes: 1024, maxDepth: 4 });
  if (!isCborMap(header)) throw new DecodeError(FORMAT, `protected header is ${describeCbor(header)}; a map is due`);
  if (header.has(CRIT)) throw new DecodeError(FORMAT, 'protected header names critical members');
  return header;
}

function bytesOf(value: CborValue | undefined, part: string): Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw new DecodeError(FORMAT, `${part} is ${describeCbor(value)}; a byte string is due`);
  }
  return value;
}
