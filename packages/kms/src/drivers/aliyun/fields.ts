import { ByteReader, concatBytes, DecodeError, encodeUtf8 } from '@assay/bytes';

/** Fields of a flat protobuf message by their numbers: texts and bytes, or whole numbers. */
export type Fields = ReadonlyMap<number, Uint8Array | bigint>;

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const MOST_FIELDS = 256;

/** Encodes a message of texts, bytes and flags; as proto3 wants it, what is empty or false is left out. */
export function encodeFields(fields: readonly (readonly [number, string | Uint8Array | boolean])[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [number, value] of fields) {
    if (typeof value === 'boolean') {
      if (value) parts.push(varint((number << 3) | VARINT), varint(1));
      continue;
    }
    const bytes = typeof value === 'string' ? encodeUtf8(value) : value;
    if (bytes.length > 0) parts.push(varint((number << 3) | LENGTH_DELIMITED), varint(bytes.length), bytes);
  }
  return concatBytes(...parts);
}

/** Reads a flat message; of a field that is there several times the last counts. @throws DecodeError */
export function decodeFields(message: Uint8Array): Fields {
  const fields = new Map<number, Uint8Array | bigint>();
  const reader = new ByteReader(message, 'message');
  for (let count = 0; reader.remaining > 0; count += 1) {
    if (count === MOST_FIELDS) throw new DecodeError('message', 'too many fields', reader.offset);
    const tag = readVarint(reader);
    const number = Number(tag >> 3n);
    if (number < 1 || number > 0x1fff_ffff) throw new DecodeError('message', 'a field without a number', reader.offset);
    switch (Number(tag & 7n)) {
      case VARINT:
        fields.set(number, readVarint(reader));
        break;
      case LENGTH_DELIMITED: {
        const length = readVarint(reader);
        if (length > BigInt(reader.remaining)) throw new DecodeError('message', 'a field is cut', reader.offset);
        fields.set(number, reader.bytes(Number(length), 'field'));
        break;
      }
      default:
        throw new DecodeError('message', 'a field of another kind', reader.offset);
    }
  }
  return fields;
}

/** Text or bytes of a field; empty where it is not there. */
export function bytesOf(fields: Fields, number: number): Uint8Array {
  const value = fields.get(number);
  return value instanceof Uint8Array ? value : new Uint8Array();
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  for (; left > 0x7f; left = Math.floor(left / 128)) bytes.push((left % 128) | 0x80);
  return Uint8Array.from([...bytes, left]);
}

function readVarint(reader: ByteReader): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.u8('varint');
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (value >= 1n << 64n) break;
      return value;
    }
  }
  throw new DecodeError('message', 'a number of more than 64 bits', reader.offset);
}
