/** Signature algorithms of COSE (RFC 9053 section 2.1), each with the one curve that it is used with here. */
export type CoseCurve = 'P-256' | 'P-384' | 'P-521';

export interface CoseAlgorithm {
  readonly name: 'ES256' | 'ES384' | 'ES512';
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  readonly curve: CoseCurve;
  /** Bytes of `r ‖ s`. */
  readonly signatureSize: 64 | 96 | 132;
}

const ALGORITHMS: ReadonlyMap<unknown, CoseAlgorithm> = new Map<unknown, CoseAlgorithm>([
  [-7, { name: 'ES256', hash: 'sha256', curve: 'P-256', signatureSize: 64 }],
  [-35, { name: 'ES384', hash: 'sha384', curve: 'P-384', signatureSize: 96 }],
  [-36, { name: 'ES512', hash: 'sha512', curve: 'P-521', signatureSize: 132 }],
]);

/** The algorithm of a COSE label; undefined for every other one, EdDSA and `none` included. */
export function coseAlgorithm(label: unknown): CoseAlgorithm | undefined {
  return ALGORITHMS.get(label);
}
