/** Members of evidence JSON that become bytes again. */
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
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

/** A value, or nothing where the member is absent. */
export type ByteMember = JsonValue | undefined;

/** An object with the path that leads to it. */
export interface ObjectAt {
  readonly value: JsonObject;
  readonly path: string;
}

/** @throws MemberFault when it is no object */
export function memberObject(value: ByteMember, path: string): ObjectAt {
  if (!isJsonObject(value ?? null)) throw new MemberFault(path, describe(value), 'an object is due');
  return { value: value as JsonObject, path };
}

export function objectAt(object: ObjectAt, name: string): ObjectAt {
  return memberObject(own(object.value, name), `${object.path}.${name}`);
}

/** A number (little-endian) or a list of bytes, of exactly `size` bytes. @throws MemberFault */
export function member(object: ObjectAt, name: string, size: number): Uint8Array {
  const path = `${object.path}.${name}`;
  const value = own(object.value, name);
  return typeof value === 'number' ? numberBytes(value, size, path) : byteList(value, size, path);
}

/** @throws MemberFault */
export function byteList(value: ByteMember, size: number, path: string): Uint8Array {
  if (value === undefined || !isJsonArray(value))
    throw new MemberFault(path, describe(value), 'a list of bytes is due');
  if (value.length !== size) throw new MemberFault(path, `${value.length} long`, `${size} bytes are due`);
  return Uint8Array.from(value, (byte) => {
    if (typeof byte !== 'number' || !Number.isInteger(byte) || byte < 0 || byte > 255) {
      throw new MemberFault(path, 'not bytes', 'numbers from 0 to 255 are due');
    }
    return byte;
  });
}

function numberBytes(value: number, size: number, path: string): Uint8Array {
  if (size > 4 || !Number.isInteger(value) || value < 0 || value >= 2 ** (8 * size)) {
    throw new MemberFault(
      path,
      String(value),
      size > 4 ? 'a list of bytes is due' : `a number of ${size} bytes is due`,
    );
  }
  return Uint8Array.from({ length: size }, (_, index) => Math.floor(value / 2 ** (8 * index)) & 0xff);
}

export function own(object: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

export function describe(value: ByteMember): string {
  if (value === undefined) return 'absent';
  if (value === null) return 'null';
  return isJsonArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

export function malformed({ member: name, actual, expected }: MemberFault, subject: string): FindingDraft {
  return failed('evidence.json.form', {
    subject,
    params: { member: name, actual, expected },
    expected,
    actual,
    compare: { relation: 'well-formed', type: 'json' },
    source: `evidence format of the ${subject} attester`,
  });
}
