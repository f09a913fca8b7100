/** Proofs that a leaf is in a Merkle tree (RFC 9162). */
import { createHash } from 'node:crypto';
import { constantTimeEqual } from '@assay/bytes';
import { badProof } from './failure.js';

const [LEAF, NODE] = [Uint8Array.of(0), Uint8Array.of(1)];

export interface MerkleProof {
  /** From 0. */
  readonly index: number;
  /** Leaves of the tree. */
  readonly size: number;
  /** Up from the leaf, 32 bytes each. */
  readonly hashes: readonly Uint8Array[];
}

/**
 * The steps of RFC 9162 section 2.1.3.2, with SHA-256.
 *
 * @throws AssayError `signature.log.proof` unless the leaf at the index leads to the root of a tree of that size
 */
export function checkInclusion(leaf: Uint8Array, { index, size, hashes }: MerkleProof, root: Uint8Array): void {
  if (index >= size) throw badProof(`leaf ${index} is not in a tree of ${size}`);
  // Bits beyond 32 are shifted with BigInt.
  let [first, second] = [BigInt(index), BigInt(size - 1)];
  let node = hashOf(LEAF, leaf);
  for (const hash of hashes) {
    if (second === 0n) throw badProof('it has more hashes than its tree is high');
    if ((first & 1n) === 1n || first === second) {
      node = hashOf(NODE, hash, node);
      while ((first & 1n) === 0n && first !== 0n) {
        first >>= 1n;
        second >>= 1n;
      }
    } else {
      node = hashOf(NODE, node, hash);
    }
    first >>= 1n;
    second >>= 1n;
  }
  if (second !== 0n) throw badProof('it has fewer hashes than its tree is high');
  if (!constantTimeEqual(node, root)) throw badProof('the entry does not lead to the root of its tree');
}

function hashOf(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
