/** Claims of one of the two tokens, each asked for once; what is not as it has to be is collected. */
import { type FindingDraft, failed } from '@assay/bytes/findings';
import { type CborMap, type CborValue, describeCbor, isCborArray } from '../../cose/index.js';

export type TokenPart = 'platform' | 'realm';

/** Sizes of SHA-256, SHA-384 and SHA-512. */
export const DIGEST_SIZES = [32, 48, 64];

/** Names of hash algorithms (IANA), with those of Node. */
export const HASHES: ReadonlyMap<string, string> = new Map([
  ['sha-256', 'sha256'],
  ['sha-384', 'sha384'],
  ['sha-512', 'sha512'],
]);

const LONGEST_TEXT = 512;

export class ClaimReader {
  readonly findings: FindingDraft[] = [];
  readonly #part: string;
  readonly #map: CborMap;

  constructor(part: string, map: CborMap) {
    this.#part = part;
    this.#map = map;
  }

  /** A byte string of one of the sizes. */
  bytes(key: number, name: string, sizes: readonly number[]): Uint8Array | undefined {
    const value = this.#map.get(key);
    if (value instanceof Uint8Array && sizes.includes(value.length)) return value;
    return this.wrong(name, value, `${sizes.join(', ')} bytes are due`);
  }

  /** A byte string of 1 to `limit` bytes. */
  atMost(key: number, name: string, limit: number): Uint8Array | undefined {
    const value = this.#map.get(key);
    if (value instanceof Uint8Array && value.length > 0 && value.length <= limit) return value;
    return this.wrong(name, value, `1 to ${limit} bytes are due`);
  }

  /** A list of byte strings of one of the sizes each. */
  digests(key: number, name: string, count: number): readonly Uint8Array[] | undefined {
    const value = this.#map.get(key);
    if (!isCborArray(value) || value.length !== count) return this.wrong(name, value, `a list of ${count} is due`);
    const found: Uint8Array[] = [];
    for (const [index, one] of value.entries()) {
      if (one instanceof Uint8Array && DIGEST_SIZES.includes(one.length)) found.push(one);
      else this.wrong(`${name}[${index}]`, one, `${DIGEST_SIZES.join(', ')} bytes are due`);
    }
    return found.length === count ? found : undefined;
  }

  number(key: number, name: string, largest: number): number | undefined {
    const value = this.#map.get(key);
    if (typeof value === 'number' && value >= 0 && value <= largest) return value;
    return this.wrong(name, value, `a number up to ${largest} is due`);
  }

  text(key: number, name: string): string | undefined {
    const value = this.#map.get(key);
    if (typeof value === 'string' && value.length > 0 && value.length <= LONGEST_TEXT) return value;
    return this.wrong(name, value, `a text of at most ${LONGEST_TEXT} is due`);
  }

  /** A text that may be absent. */
  optionalText(key: number, name: string): string | undefined {
    return this.#map.has(key) ? this.text(key, name) : undefined;
  }

  /** A hash algorithm that is known here. */
  hash(key: number, name: string): string | undefined {
    const value = this.#map.get(key);
    if (typeof value === 'string' && HASHES.has(value)) return value;
    const actual = typeof value === 'string' ? value : describeCbor(value);
    this.findings.push(malformed(`${this.#part} ${name}`, actual, `${[...HASHES.keys()].join(', ')} are known`));
    return undefined;
  }

  list(key: number, name: string, most: number): readonly CborValue[] | undefined {
    const value = this.#map.get(key);
    if (isCborArray(value) && value.length > 0 && value.length <= most) return value;
    return this.wrong(name, value, `a list of 1 to ${most} is due`);
  }

  wrong(name: string, value: CborValue | undefined, expected: string): undefined {
    this.findings.push(malformed(`${this.#part} ${name}`, describeCbor(value), expected));
  }
}

export function malformed(claim: string, actual: string, expected: string): FindingDraft {
  return failed('cca.token.form', {
    subject: 'token',
    params: { claim, actual, expected },
    expected,
    actual,
    compare: { relation: 'well-formed', type: 'bytes' },
    source: 'Arm DEN0137, A7.2: attestation token',
    origin: { kind: 'spec', document: 'Arm DEN0137', clause: 'A7.2' },
  });
}
