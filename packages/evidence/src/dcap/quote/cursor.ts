import { type FindingDraft, failed } from '@assay/bytes/findings';

/** The quote cannot be read further; carries the finding that says why. Never leaves this folder. */
export class QuoteFault extends Error {
  readonly finding: FindingDraft;

  constructor(finding: FindingDraft) {
    super(finding.title ?? finding.id);
    this.finding = finding;
  }
}

/** Walks through a quote, or through a region inside it whose size the quote declares. */
export class QuoteCursor {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #limit: number;
  readonly #region: string | undefined;
  #at: number;

  /** @param region name of the region; undefined: the quote itself */
  constructor(bytes: Uint8Array, at: number, limit: number, region: string | undefined) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
    this.#limit = limit;
    this.#region = region;
  }

  /** Offset of the next byte in the quote. */
  get at(): number {
    return this.#at;
  }

  take(size: number, part: string): Uint8Array {
    const from = this.#at;
    const to = from + size;
    if (to > this.#limit) throw this.#tooShort(part, from, to);
    this.#at = to;
    return this.bytes.subarray(from, to);
  }

  u16(part: string): number {
    this.take(2, part);
    return this.#view.getUint16(this.#at - 2, true);
  }

  u32(part: string): number {
    this.take(4, part);
    return this.#view.getUint32(this.#at - 4, true);
  }

  /** The next bytes as a region of their own. */
  region(size: number, part: string): QuoteCursor {
    const from = this.#at;
    this.take(size, part);
    return new QuoteCursor(this.bytes, from, this.#at, part);
  }

  /** Nothing may be left over inside a declared region. */
  end(part: string): void {
    const left = this.#limit - this.#at;
    if (left !== 0) throw nesting(part, `${left} bytes more than its parts`, 0, left);
  }

  #tooShort(part: string, from: number, to: number): QuoteFault {
    if (this.#region !== undefined) {
      return nesting(part, to - from, this.#limit - from, to - from);
    }
    const { length } = this.bytes;
    const finding = failed('dcap.quote.length', {
      subject: 'quote',
      params: { length, part, from, to },
      expected: to,
      actual: length,
      compare: { relation: 'at-least', type: 'integer', unit: 'bytes' },
      source: 'Intel DCAP quote format',
    });
    return new QuoteFault(finding);
  }
}

function nesting(part: string, declared: string | number, remaining: number, actual: number): QuoteFault {
  const finding = failed('dcap.quote.nesting', {
    subject: 'quote',
    params: { part, actual: declared, expected: remaining },
    expected: remaining,
    actual,
    compare: { relation: 'equal', type: 'integer', unit: 'bytes' },
    source: 'Intel DCAP quote format',
  });
  return new QuoteFault(typeof declared === 'number' ? finding : { ...finding, title: `${part} declares ${declared}` });
}
