import { DecodeError, decodePem, decodeUtf8, encodeUtf8, isJsonObject, parseJsonStrict } from '@assay/bytes';
import { normaliseCrl, parseCrl } from '@assay/evidence/x509';
import { time } from '../item/record.js';

/** What an answer brought, with the dates it states. */
export interface Answer {
  readonly pieces: { readonly [name: string]: Uint8Array };
  readonly issued?: Date;
  readonly nextUpdate?: Date;
}

const LONGEST_CHAIN = 64 * 1024;
const MOST_CERTIFICATES = 4;
const JSON_LIMITS = { maxBytes: 4 * 1024 * 1024, maxDepth: 16 };

/**
 * A chain header of PCS: percent-encoded PEM, in which a plus sign is a plus sign.
 *
 * @returns the PEM text as bytes
 * @throws DecodeError
 */
export function decodeChainHeader(header: string | undefined): Uint8Array {
  if (header === undefined) throw new DecodeError('chain header', 'absent');
  if (header.length > LONGEST_CHAIN) throw new DecodeError('chain header', 'longer than 64 KiB');
  if (!/^(?:%[0-9A-Fa-f]{2}|[!-$&-~ ])*$/.test(header))
    throw new DecodeError('chain header', 'not percent-encoded text');
  let text: string;
  try {
    text = decodeURIComponent(header);
  } catch (cause) {
    throw new DecodeError('chain header', 'not percent-encoded UTF-8', undefined, { cause });
  }
  return checkChain(text);
}

/** PEM text of a chain. @throws DecodeError */
export function checkChain(text: string): Uint8Array {
  const blocks = decodePem(text);
  if (blocks.length > MOST_CERTIFICATES) throw new DecodeError('chain', `${blocks.length} certificates are too many`);
  if (blocks.some(({ label }) => label !== 'CERTIFICATE'))
    throw new DecodeError('chain', 'holds other than certificates');
  return encodeUtf8(text);
}

/** The outer members of a signed answer, by what its inner object is called. */
const SIGNED = {
  tcbInfo: ['tcb_info', 'tcb_info_signature', 'tcb_info_issuer_chain'],
  enclaveIdentity: ['qe_identity', 'qe_identity_signature', 'qe_identity_issuer_chain'],
  // So called in version 1.
  qeIdentity: ['qe_identity', 'qe_identity_signature', 'qe_identity_issuer_chain'],
  tcbEvaluationDataNumbers: ['tcb_numbers', 'tcb_numbers_signature', 'tcb_numbers_issuer_chain'],
} as const;

/**
 * A signed document: the inner object is kept exactly as it was served, because the signature covers its bytes.
 *
 * @param members names that the inner object may have; the first one that is there counts
 * @throws DecodeError
 */
export function readSignedAnswer(
  body: Uint8Array,
  members: readonly [keyof typeof SIGNED, ...(keyof typeof SIGNED)[]],
  chain: string | undefined,
): Answer {
  const text = decodeUtf8(body);
  const whole = parseJsonStrict(text, JSON_LIMITS);
  if (!isJsonObject(whole)) throw new DecodeError('signed answer', 'not an object');
  const { signature } = whole;
  const member = members.find((name) => Object.hasOwn(whole, name)) ?? members[0];
  const inner = Object.hasOwn(whole, member) ? whole[member] : undefined;
  if (inner === undefined || !isJsonObject(inner)) throw new DecodeError('signed answer', `${member} is not an object`);
  if (typeof signature !== 'string' || !/^[0-9a-fA-F]{128}$/.test(signature)) {
    throw new DecodeError('signed answer', 'signature is not 128 hexadecimal digits');
  }
  const [document, signatureName, chainName] = SIGNED[member];
  return {
    pieces: {
      [document]: encodeUtf8(exactText(text, member)),
      [signatureName]: encodeUtf8(signature.toLowerCase()),
      [chainName]: decodeChainHeader(chain),
    },
    issued: dateOf(inner['issueDate']),
    nextUpdate: dateOf(inner['nextUpdate']),
  };
}

/** A CRL in any encoding that servers use, kept as DER. @throws DecodeError */
export function readCrl(body: Uint8Array, piece: string): Answer {
  const der = normaliseCrl(body);
  const { thisUpdate, nextUpdate } = parseCrl(der);
  return { pieces: { [piece]: der }, issued: thisUpdate, ...(nextUpdate === undefined ? {} : { nextUpdate }) };
}

/** Text of the member from its `{` to the matching `}`. The whole is known to be well-formed JSON. */
function exactText(text: string, member: string): string {
  const scan = new Scanner(text);
  scan.expect('{');
  for (;;) {
    const name = JSON.parse(scan.string()) as string;
    scan.expect(':');
    const value = scan.value();
    if (name === member) return value;
    scan.expect(',');
  }
}

/** Steps over JSON that was parsed before; only extents are of interest. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  expect(character: string): void {
    this.#space();
    if (this.#text[this.#at] !== character) throw new DecodeError('signed answer', `"${character}" is due`, this.#at);
    this.#at += 1;
  }

  string(): string {
    this.#space();
    const start = this.#at;
    this.#at += 1;
    while (this.#at < this.#text.length && this.#text[this.#at] !== '"')
      this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
    this.#at += 1;
    return this.#text.slice(start, this.#at);
  }

  value(): string {
    this.#space();
    const start = this.#at;
    let depth = 0;
    do {
      const character = this.#text[this.#at];
      if (character === undefined) throw new DecodeError('signed answer', 'text ends inside a value', this.#at);
      if (character === '"') {
        this.string();
        continue;
      }
      if (character === '{' || character === '[') depth += 1;
      if (character === '}' || character === ']') depth -= 1;
      this.#at += 1;
    } while (depth > 0 || !/[,}\s]/.test(this.#text[this.#at] ?? '}'));
    return this.#text.slice(start, this.#at);
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at += 1;
  }
}

function dateOf(value: unknown): Date {
  if (typeof value !== 'string') throw new DecodeError('signed answer', 'a date is due');
  return time(value);
}
