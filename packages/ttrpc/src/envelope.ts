import { DecodeError, decodeUtf8 } from '@assay/bytes';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Payload of a request frame. */
export interface RequestEnvelope {
  /** `<proto package>.<Service>`. */
  readonly service: string;
  readonly method: string;
  /** The encoded request message. */
  readonly payload: Uint8Array;
  /** How long the caller waits, in nanoseconds; 0: for ever. */
  readonly timeoutNano: bigint;
  readonly metadata: readonly Metadata[];
}

export type Metadata = readonly [key: string, value: string];

/** Payload of a response frame. `status` absent and code 0 both mean success. */
export interface ResponseEnvelope {
  readonly code: number;
  readonly message: string;
  readonly payload: Uint8Array;
}

/** Most metadata pairs of one request: each costs far more here than its two bytes on the wire. */
const MAX_METADATA = 256;
const MAX_NAME = 1024;

export function encodeRequest(request: RequestEnvelope): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(request.service);
  writer.tag(2, WireType.LengthDelimited).string(request.method);
  if (request.payload.length > 0) writer.tag(3, WireType.LengthDelimited).bytes(request.payload);
  if (request.timeoutNano !== 0n) writer.tag(4, WireType.Varint).int64(request.timeoutNano);
  for (const [key, value] of request.metadata) {
    writer.tag(5, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(key);
    writer.tag(2, WireType.LengthDelimited).string(value).join();
  }
  return writer.finish();
}

/** @throws DecodeError */
export function decodeRequest(bytes: Uint8Array): RequestEnvelope {
  return decoding('ttrpc request', () => {
    let service = '';
    let method = '';
    let payload: Uint8Array = new Uint8Array();
    let timeoutNano = 0n;
    const metadata: Metadata[] = [];
    eachField(bytes, {
      1: delimited((reader) => {
        service = name(reader, 'service');
      }),
      2: delimited((reader) => {
        method = name(reader, 'method');
      }),
      3: delimited((reader) => {
        payload = reader.bytes();
      }),
      4: number((reader) => {
        timeoutNano = BigInt(reader.int64());
      }),
      5: delimited((reader) => {
        if (metadata.length >= MAX_METADATA)
          throw new DecodeError('ttrpc request', `more than ${MAX_METADATA} metadata`);
        metadata.push(metadataPair(reader.bytes()));
      }),
    });
    return { service, method, payload, timeoutNano, metadata };
  });
}

/** Success carries an empty status, as ttrpc-rust sends it. */
export function encodeResponse({ code, message, payload }: ResponseEnvelope): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).fork();
  if (code !== 0) writer.tag(1, WireType.Varint).int32(code);
  if (message !== '') writer.tag(2, WireType.LengthDelimited).string(message);
  writer.join();
  if (payload.length > 0) writer.tag(2, WireType.LengthDelimited).bytes(payload);
  return writer.finish();
}

/** @throws DecodeError */
export function decodeResponse(bytes: Uint8Array): ResponseEnvelope {
  return decoding('ttrpc response', () => {
    let code = 0;
    let message = '';
    let payload: Uint8Array = new Uint8Array();
    eachField(bytes, {
      1: delimited((reader) =>
        eachField(reader.bytes(), {
          1: number((status) => {
            code = status.int32();
          }),
          2: delimited((status) => {
            message = decodeUtf8(status.bytes());
          }),
        }),
      ),
      2: delimited((reader) => {
        payload = reader.bytes();
      }),
    });
    return { code, message, payload };
  });
}

interface Field {
  readonly wire: WireType;
  readonly read: (reader: BinaryReader) => void;
}
type Fields = Readonly<Record<number, Field>>;

function delimited(read: (reader: BinaryReader) => void): Field {
  return { wire: WireType.LengthDelimited, read };
}

function number(read: (reader: BinaryReader) => void): Field {
  return { wire: WireType.Varint, read };
}

function eachField(bytes: Uint8Array, fields: Fields): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    const known = fields[field];
    if (known === undefined) reader.skip(wire, field);
    else if (known.wire !== wire) throw new DecodeError('protobuf', `field ${field} has wire type ${wire}`);
    else known.read(reader);
  }
}

function metadataPair(bytes: Uint8Array): Metadata {
  let key = '';
  let value = '';
  eachField(bytes, {
    1: delimited((reader) => {
      key = decodeUtf8(reader.bytes());
    }),
    2: delimited((reader) => {
      value = decodeUtf8(reader.bytes());
    }),
  });
  return [key, value];
}

function name(reader: BinaryReader, what: string): string {
  const bytes = reader.bytes();
  if (bytes.length > MAX_NAME) throw new DecodeError('ttrpc request', `${what} is longer than ${MAX_NAME} bytes`);
  return decodeUtf8(bytes);
}

/** The wire reader's errors are of several kinds; callers see one. */
function decoding<T>(format: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError && error.format === format) throw error;
    throw new DecodeError(format, error instanceof Error ? error.message : 'not protobuf', undefined, { cause: error });
  }
}
