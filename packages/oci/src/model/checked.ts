/** The check of a blob's own digest, made together with the other digests of its encryption or decryption: one reading for all. */
import type { CountDigests, Counted, Digests } from '@assay/ocicrypt';
import { algorithmOf, type Digest, differing, digestFrom } from './digest.js';

/** What comes in is the first stream that encryptions and decryptions count. */
const INPUT = 0;

/**
 * Counts as another does, and fails as {@link DigestCheck} would unless the input has this digest and size: with
 * AssayError `image.manifest.digest`, at its end, or as soon as it is too long.
 */
export function countChecked(
  { digest, size }: { readonly digest: Digest; readonly size: number },
  count: CountDigests,
): CountDigests {
  return (streams) => new CheckedDigests(digest, size, streams, count);
}

class CheckedDigests implements Digests {
  readonly #expected: Digest;
  readonly #size: number;
  readonly #counting: Digests;
  /** Place of the input's digest among its digests: one that is asked for anyway serves, and another comes last. */
  readonly #place: number;
  readonly #added: boolean;
  #seen = 0;

  constructor(expected: Digest, size: number, streams: readonly (readonly Counted[])[], count: CountDigests) {
    const algorithm = algorithmOf(expected);
    const input = streams[INPUT] ?? [];
    const asked = input.findIndex((counted) => counted.algorithm === algorithm && counted.key === undefined);
    this.#expected = expected;
    this.#size = size;
    this.#added = asked < 0;
    this.#place = this.#added ? input.length : asked;
    this.#counting = count(this.#added ? [[...input, { algorithm }], ...streams.slice(1)] : streams);
  }

  update(stream: number, bytes: Uint8Array): Promise<void> | undefined {
    if (stream === INPUT) {
      this.#seen += bytes.length;
      if (this.#seen > this.#size) throw differing(this.#expected, `more than ${this.#size} bytes`);
    }
    return this.#counting.update(stream, bytes);
  }

  async finish(): Promise<readonly (readonly Uint8Array[])[]> {
    if (this.#seen !== this.#size) throw differing(this.#expected, `${this.#seen} bytes instead of ${this.#size}`);
    const [input = [], ...others] = await this.#counting.finish();
    const actual = digestFrom(this.#expected, input[this.#place] ?? new Uint8Array());
    if (actual !== this.#expected) throw differing(this.#expected, actual);
    return [this.#added ? input.slice(0, this.#place) : input, ...others];
  }

  close(): void {
    this.#counting.close();
  }
}
