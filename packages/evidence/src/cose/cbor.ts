/** Strict reading of CBOR (RFC 8949) as evidence uses it: one item, nothing behind it, every length minimal. */
import { DecodeError, decodeUtf8 } from '@assay/bytes';
import { decode, encode, type Token, Tokenizer, Type } from 'cborg';

export type CborKey = number | string;
export type CborMap = ReadonlyMap<CborKey, CborValue>;
export type CborValue = number | string | boolean | null | Uint8Array | readonly CborValue[] | CborMap | CborTagged;

/** An item under a tag. */
export class CborTagged {
  readonly tag: number;
  readonly value: CborValue;

  constructor(tag: number, value: CborValue) {
    this.tag = tag;
    this.value = value;
  }
}

export interface CborLimits {
  /** Most bytes of the whole. */
  readonly maxBytes: number;
  /** Most arrays and maps inside each other; default 8. */
  readonly maxDepth?: number;
  /** Most items of the whole; default 4096. */
  readonly maxItems?: number;
  /** Tag that may stand around the whole; every other one is refused, and so is this one further inside. */
  readonly tag?: number;
  /** Arrays and maps of indefinite length are read; default false. Texts and byte strings of indefinite length never are. */
  readonly indefinite?: boolean;
}

const FORMAT = 'CBOR';

/**
 * Decodes one CBOR item.
 *
 * Refused beside what is not well-formed: bytes after the item, duplicate keys, keys that are neither numbers nor texts,
 * numbers beyond 2^53 or in more bytes than they need, floating-point numbers, `undefined`, other simple values, and texts that are not UTF-8.
 *
 * @throws DecodeError and nothing else
 */
export function decodeCbor(bytes: Uint8Array, limits: CborLimits): CborValue {
  if (bytes.length > limits.maxBytes) {
    throw new DecodeError(FORMAT, `${bytes.length} bytes; at most ${limits.maxBytes} are read`);
  }
  const options = {
    strict: true,
    useMaps: true,
    rejectDuplicateMapKeys: true,
    allowUndefined: false,
    allowBigInt: false,
    allowIndefinite: limits.indefinite === true,
    retainStringBytes: true,
    ...(limits.tag === undefined ? {} : { tags: tagDecoder(limits.tag) }),
  };
  // A Buffer would hand out views of its pool instead of copies.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  try {
    return decode(plain, { ...options, tokenizer: new StrictTokenizer(plain, options, limits) }) as CborValue;
  } catch (error) {
    if (error instanceof DecodeError) throw error;
    // The library's own errors say what is wrong in plain words; the prefix would be there twice.
    const reason = error instanceof Error ? error.message.replace(/^CBOR decode error: /, '') : 'not readable';
    throw new DecodeError(FORMAT, reason, undefined, { cause: error });
  }
}

/** Writes an array of byte strings and texts: what COSE signs. */
export function encodeCborArray(items: readonly (string | Uint8Array)[]): Uint8Array {
  return encode(items);
}

export function isCborMap(value: CborValue | undefined): value is CborMap {
  return value instanceof Map;
}

export function isCborArray(value: CborValue | undefined): value is readonly CborValue[] {
  return Array.isArray(value);
}

/** A value as findings describe it: what it is, never its content. */
export function describeCbor(value: CborValue | undefined): string {
  if (value === undefined) return 'absent';
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (isCborArray(value)) return `a list of ${value.length}`;
  if (isCborMap(value)) return `a map of ${value.size}`;
  if (value instanceof CborTagged) return `under tag ${value.tag}`;
  return typeof value === 'string' ? `a text of ${value.length}` : `${value}`;
}

/** An array or map that is being read. */
interface Open {
  /** Items that are still due; Infinity where a break ends it. */
  left: number;
  readonly map: boolean;
  /** The next item of a map is a key. */
  key: boolean;
}

const VALUES: readonly Type[] = [
  Type.uint,
  Type.negint,
  Type.string,
  Type.bytes,
  Type.array,
  Type.map,
  Type.true,
  Type.false,
  Type.null,
];
const KEYS: readonly Type[] = [Type.uint, Type.negint, Type.string];

/** Watches the tokens on their way to the library's decoder, which is lenient about depth, breaks, keys and UTF-8. */
class StrictTokenizer extends Tokenizer {
  readonly #limits: CborLimits;
  readonly #open: Open[] = [];
  #items = 0;

  constructor(bytes: Uint8Array, options: ConstructorParameters<typeof Tokenizer>[1], limits: CborLimits) {
    super(bytes, options);
    this.#limits = limits;
  }

  override next(): Token {
    const at = this.pos();
    const token = super.next();
    this.#items += 1;
    if (this.#items > (this.#limits.maxItems ?? 4096)) throw new DecodeError(FORMAT, 'too many items', at);
    const is = (type: Type): boolean => Type.equals(token.type, type);
    // A tag stands around the whole or nowhere, and is no item itself.
    if (is(Type.tag) && this.#items === 1) return token;
    if (is(Type.break)) this.#break(at);
    else if (VALUES.some(is)) this.#item(token, KEYS.some(is), at);
    else throw new DecodeError(FORMAT, `unexpected ${token.type.name}`, at);
    return token;
  }

  #item(token: Token, mayBeKey: boolean, at: number): void {
    const inside = this.#open.at(-1);
    if (inside !== undefined) {
      if (inside.key && !mayBeKey) throw new DecodeError(FORMAT, 'key is neither a number nor a text', at);
      inside.left -= 1;
      if (inside.map) inside.key = !inside.key;
    }
    if (token.byteValue !== undefined) decodeUtf8(token.byteValue);
    const map = Type.equals(token.type, Type.map);
    if (map || Type.equals(token.type, Type.array)) {
      const count = token.value as number;
      this.#open.push({ left: map ? 2 * count : count, map, key: map });
      if (this.#open.length > (this.#limits.maxDepth ?? 8)) throw new DecodeError(FORMAT, 'nested too deep', at);
    }
    while (this.#open.at(-1)?.left === 0) this.#open.pop();
  }

  #break(at: number): void {
    const ended = this.#open.pop();
    const whole = ended !== undefined && ended.left === Number.POSITIVE_INFINITY && (!ended.map || ended.key);
    if (!whole) throw new DecodeError(FORMAT, 'unexpected break', at);
    while (this.#open.at(-1)?.left === 0) this.#open.pop();
  }
}

function tagDecoder(tag: number): { readonly [tag: number]: (read: () => unknown) => CborTagged } {
  return { [tag]: (read) => new CborTagged(tag, read() as CborValue) };
}
