/** TPMT_SIGNATURE (TPM 2.0 Library, Part 2, section 11.3.4): the schemes that quotes are signed with. */
import { ByteReader, DecodeError } from '@assay/bytes';
import { algorithmName, hashOf, TPM_ALG, type TpmHash } from './algorithm.js';
import { readHash, readSized, TpmWriter } from './marshal.js';

export interface RsaTpmSignature {
  readonly scheme: 'rsassa' | 'rsapss';
  readonly hash: TpmHash;
  /** As long as the modulus. */
  readonly signature: Uint8Array;
}

export interface EcdsaTpmSignature {
  readonly scheme: 'ecdsa';
  readonly hash: TpmHash;
  /** Unsigned, big-endian; a TPM may leave leading zeros out. */
  readonly r: Uint8Array;
  readonly s: Uint8Array;
}

export type TpmSignature = RsaTpmSignature | EcdsaTpmSignature;

/** A scheme that is not served, as distinct from bytes that are no signature. */
export class UnservedSchemeError extends DecodeError {
  /** `SM2`, `algorithm 0x99`. */
  readonly scheme: string;

  constructor(algorithm: number, offset: number) {
    super('TPMT_SIGNATURE', `scheme is ${algorithmName(algorithm)}; RSASSA, RSAPSS or ECDSA is due`, offset);
    this.scheme = algorithmName(algorithm);
  }
}

/** RSA of 4096 bits; ECDSA on P-521. */
const LARGEST_RSA = 512;
const LARGEST_INTEGER = 66;

/** @throws UnservedSchemeError, DecodeError */
export function readSignature(reader: ByteReader): TpmSignature {
  const at = reader.offset;
  const algorithm = reader.u16be('sigAlg');
  if (algorithm === TPM_ALG.rsassa || algorithm === TPM_ALG.rsapss) {
    const hash = readHash(reader, 'hash');
    const signature = readSized(reader, 'sig', LARGEST_RSA);
    return { scheme: algorithm === TPM_ALG.rsassa ? 'rsassa' : 'rsapss', hash, signature };
  }
  if (algorithm !== TPM_ALG.ecdsa) throw new UnservedSchemeError(algorithm, at);
  const hash = readHash(reader, 'hash');
  const r = readSized(reader, 'signatureR', LARGEST_INTEGER);
  return { scheme: 'ecdsa', hash, r, s: readSized(reader, 'signatureS', LARGEST_INTEGER) };
}

/** Reads a TPMT_SIGNATURE to its last byte. @throws UnservedSchemeError, DecodeError */
export function parseSignature(bytes: Uint8Array): TpmSignature {
  const reader = new ByteReader(bytes, 'TPMT_SIGNATURE');
  const signature = readSignature(reader);
  reader.end();
  return signature;
}

export function marshalSignature(signature: TpmSignature): Uint8Array {
  const writer = new TpmWriter().u16(TPM_ALG[signature.scheme]).u16(hashOf(signature.hash).id);
  if (signature.scheme === 'ecdsa') return writer.sized(signature.r).sized(signature.s).finish();
  return writer.sized(signature.signature).finish();
}
