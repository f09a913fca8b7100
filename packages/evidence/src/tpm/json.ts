/** Members of evidence JSON that hold bytes; shared by the evidence of TPMs and of Azure's vTPM. */
import {
  DecodeError,
  decodeBase64,
  decodeBase64url,
  decodeHex,
  isJsonArray,
  type JsonObject,
  type JsonValue,
} from '@assay/bytes';
import { type FindingDraft, failed } from '@assay/bytes/findings';

/** A member that is not as it has to be. */
export class MemberFault extends Error {
  readonly member: string;
  readonly actual: string;
  readonly expected: string;

  constructor(member: string, actual: string, expected: string) {
    super(`${member} is ${actual}`);
    this.member = member;
    this.actual = actual;
    this.expected = expected;
  }
}

/** The finding of a fault. */
export function malformedEvidence(tee: string, { member, actual, expected }: MemberFault): FindingDraft {
  return failed('evidence.json.form', {
    subject: tee,
    params: { member, actual, expected },
    expected,
    actual,
    compare: { relation: 'well-formed', type: 'json' },
    source: `evidence format of the ${tee} attester`,
  });
}

export type ByteForm = 'base64' | 'base64url' | 'hex' | 'octets';

/**
 * Bytes of a member in one of the forms; every form that is allowed is unlike the others.
 *
 * @param limit most bytes that it may hold
 */
export function memberBytes(value: JsonValue | undefined, member: string, form: ByteForm, limit: number): Uint8Array {
  if (form === 'octets') return octets(value, member, limit);
  const expected = `${form} of at most ${limit} bytes is due`;
  if (typeof value !== 'string') throw new MemberFault(member, describe(value), expected);
  if (value.length > 2 * limit + 4) throw new MemberFault(member, `${value.length} characters long`, expected);
  let bytes: Uint8Array;
  try {
    bytes =
      form === 'hex' ? decodeHex(value) : form === 'base64' ? decodeBase64(value) : decodeBase64url(unpadded(value));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new MemberFault(member, `not ${form}`, expected);
  }
  if (bytes.length === 0) throw new MemberFault(member, 'empty', expected);
  if (bytes.length > limit) throw new MemberFault(member, `${bytes.length} bytes long`, expected);
  return bytes;
}

/** Guests write base64url with padding; one or two signs at the end of a text of whole groups. */
function unpadded(text: string): string {
  return text.length % 4 === 0 ? text.replace(/={1,2}$/, '') : text;
}

function octets(value: JsonValue | undefined, member: string, limit: number): Uint8Array {
  const expected = `a list of at most ${limit} bytes is due`;
  if (!isJsonArray(value)) throw new MemberFault(member, describe(value), expected);
  if (value.length === 0) throw new MemberFault(member, 'empty', expected);
  if (value.length > limit) throw new MemberFault(member, `${value.length} bytes long`, expected);
  const bytes = new Uint8Array(value.length);
  for (const [index, octet] of value.entries()) {
    if (typeof octet !== 'number' || !Number.isInteger(octet) || octet < 0 || octet > 255) {
      throw new MemberFault(`${member}[${index}]`, describe(octet), 'a byte is due');
    }
    bytes[index] = octet;
  }
  return bytes;
}

/** Registers of a PC client; the index in the list is the number of the register. */
const MOST_PCRS = 24;
const PCR_SIZE = 32;

/** Values of the SHA-256 bank, from PCR 0. */
export function memberPcrs(value: JsonValue | undefined, member: string, form: 'hex' | 'octets'): Uint8Array[] {
  const expected = `a list of at most ${MOST_PCRS} values of ${PCR_SIZE} bytes is due`;
  if (!isJsonArray(value)) throw new MemberFault(member, describe(value), expected);
  if (value.length > MOST_PCRS) throw new MemberFault(member, `a list of ${value.length}`, expected);
  return value.map((entry, index) => {
    const bytes = memberBytes(entry, `${member}[${index}]`, form, PCR_SIZE);
    if (bytes.length === PCR_SIZE) return bytes;
    throw new MemberFault(`${member}[${index}]`, `${bytes.length} bytes long`, `${PCR_SIZE} bytes are due`);
  });
}

export function own(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

export function describe(value: JsonValue | undefined): string {
  if (value === undefined) return 'absent';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
