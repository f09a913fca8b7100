import { createHash, getHashes } from 'node:crypto';

/** Banks of measurement registers that a log may serve. */
export type Bank = 'sha1' | 'sha256' | 'sha384' | 'sha512' | 'sm3';

export interface BankAlgorithm {
  /** TPM_ALG_ID (TCG Algorithm Registry). */
  readonly id: number;
  readonly bank: Bank;
  /** Digest size in bytes. */
  readonly size: number;
  /** Name in the claims of Confidential Containers. */
  readonly claimName: string;
}

const ALGORITHMS: readonly BankAlgorithm[] = [
  { id: 0x0004, bank: 'sha1', size: 20, claimName: 'SHA-1' },
  { id: 0x000b, bank: 'sha256', size: 32, claimName: 'SHA-256' },
  { id: 0x000c, bank: 'sha384', size: 48, claimName: 'SHA-384' },
  { id: 0x000d, bank: 'sha512', size: 64, claimName: 'SHA-512' },
  { id: 0x0012, bank: 'sm3', size: 32, claimName: 'SM3' },
];

export const SHA1_SIZE = 20;

export function algorithmById(id: number): BankAlgorithm | undefined {
  return ALGORITHMS.find((algorithm) => algorithm.id === id);
}

export function algorithmOf(bank: Bank): BankAlgorithm {
  const found = ALGORITHMS.find((algorithm) => algorithm.bank === bank);
  if (found === undefined) throw new RangeError(`no bank ${bank}`);
  return found;
}

/** OpenSSL builds without SM3 (FIPS providers) exist: a bank that cannot be computed is never taken as replayed. */
const AVAILABLE: ReadonlySet<string> = new Set(getHashes());

export function bankAvailable(bank: Bank): boolean {
  return AVAILABLE.has(bank);
}

/** Digest of the parts in order. */
export function bankDigest(bank: Bank, ...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash(bank);
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
