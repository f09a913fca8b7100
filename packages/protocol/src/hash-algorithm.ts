import { createHash } from 'node:crypto';

/** Hash algorithms of the KBS protocol and of init-data, with their digest lengths in bytes. */
export const HASH_ALGORITHMS = { sha256: 32, sha384: 48, sha512: 64, sm3: 32 } as const;

export type HashAlgorithm = keyof typeof HASH_ALGORITHMS;

/** What a client uses when the challenge selects nothing. */
export const DEFAULT_HASH_ALGORITHM: HashAlgorithm = 'sha384';

/** The algorithm of a name in any case (`SHA384`), as `extra-params` and the attestation service's API take it; undefined for others. */
export function findHashAlgorithm(name: string): HashAlgorithm | undefined {
  const lower = name.toLowerCase();
  return Object.hasOwn(HASH_ALGORITHMS, lower) ? (lower as HashAlgorithm) : undefined;
}

export function digest(algorithm: HashAlgorithm, bytes: Uint8Array | string): Uint8Array {
  return Uint8Array.from(createHash(algorithm).update(bytes).digest());
}
