import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Client, credentials, loadPackageDefinition, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** Clients that share no code with the services: another protobuf library, and ttrpc frames put together by hand. */

const protos = fileURLToPath(new URL('../../../protocol/proto', import.meta.url));
const definitions = loadSync(
  [
    'attestation_agent/attestation_agent.proto',
    'confidential_data_hub/confidential_data_hub.proto',
    'enclave_cc/image.proto',
    'getresource/getresource.proto',
    'keyprovider/keyprovider.proto',
  ],
  { includeDirs: [protos], keepCase: true, defaults: true, longs: String },
);

export interface Answer {
  readonly code: number;
  /** Text of an error. */
  readonly message: string;
  /** Decoded response; empty for an error. */
  readonly response: Readonly<Record<string, unknown>>;
}

export type Call = (service: string, method: string, request?: object, timeoutNano?: bigint) => Promise<Answer>;

/** Calls over gRPC. */
export function grpcCaller(address: string): { readonly call: Call; readonly close: () => void } {
  const root = loadPackageDefinition(definitions);
  const clients = new Map<string, Client>();
  const clientOf = (service: string): Client => {
    const known = clients.get(service);
    if (known !== undefined) return known;
    const Service = service
      .split('.')
      .reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], root) as new (
      address: string,
      credentials: unknown,
    ) => Client;
    const client = new Service(address, credentials.createInsecure());
    clients.set(service, client);
    return client;
  };
  return {
    call: (service, method, request = {}) =>
      new Promise((resolve) => {
        const client = clientOf(service) as unknown as Record<
          string,
          (request: object, answer: (error: ServiceError | null, response?: Record<string, unknown>) => void) => void
        >;
        client[method]?.(request, (error, response = {}) =>
          resolve({ code: error?.code ?? 0, message: error?.details ?? '', response }),
        );
      }),
    close: () => {
      for (const client of clients.values()) client.close();
    },
  };
}

interface MethodCodec {
  readonly requestSerialize: (request: object) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Record<string, unknown>;
}

/** Calls over ttrpc, all on one connection: frames written and read byte by byte. */
export async function ttrpcCaller(path: string): Promise<{ readonly call: Call; readonly close: () => void }> {
  const socket = connect({ path });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject);
  });
  const waiting = new Map<number, (payload: Buffer) => void>();
  let chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    let bytes = Buffer.concat(chunks);
    while (bytes.length >= 10 && bytes.length >= 10 + bytes.readUInt32BE(0)) {
      const end = 10 + bytes.readUInt32BE(0);
      const stream = bytes.readUInt32BE(4);
      waiting.get(stream)?.(Buffer.from(bytes.subarray(10, end)));
      waiting.delete(stream);
      bytes = bytes.subarray(end);
    }
    chunks = [bytes];
  });
  let next = 1;
  return {
    call: (service, method, request = {}, timeoutNano) =>
      new Promise((resolve) => {
        const codec = (definitions[service] as unknown as Record<string, MethodCodec>)?.[method];
        const payload = Buffer.concat([
          field(1, Buffer.from(service)),
          field(2, Buffer.from(method)),
          field(3, codec?.requestSerialize(request) ?? Buffer.alloc(0)),
          ...(timeoutNano === undefined ? [] : [Buffer.from([0x20]), varint(timeoutNano)]),
        ]);
        const head = Buffer.alloc(10);
        head.writeUInt32BE(payload.length, 0);
        head.writeUInt32BE(next, 4);
        head.writeUInt8(1, 8);
        waiting.set(next, (bytes) => resolve(decodeAnswer(bytes, codec)));
        next += 2;
        socket.write(Buffer.concat([head, payload]));
      }),
    close: () => socket.destroy(),
  };
}

function decodeAnswer(bytes: Buffer, codec: MethodCodec | undefined): Answer {
  let code = 0;
  let message = '';
  let payload: Buffer = Buffer.alloc(0);
  for (const [number, value] of fieldsOf(bytes)) {
    if (number === 2) payload = value as Buffer;
    if (number !== 1) continue;
    for (const [inner, part] of fieldsOf(value as Buffer)) {
      if (inner === 1) code = Number(part);
      if (inner === 2) message = (part as Buffer).toString('utf8');
    }
  }
  return { code, message, response: code === 0 ? (codec?.responseDeserialize(payload) ?? {}) : {} };
}

function* fieldsOf(bytes: Buffer): Generator<readonly [number, Buffer | bigint]> {
  for (let at = 0; at < bytes.length; ) {
    const [tag, afterTag] = readVarint(bytes, at);
    const [value, afterValue] = readVarint(bytes, afterTag);
    if ((tag & 7n) === 0n) {
      yield [Number(tag >> 3n), value];
      at = afterValue;
    } else {
      yield [Number(tag >> 3n), bytes.subarray(afterValue, afterValue + Number(value))];
      at = afterValue + Number(value);
    }
  }
}

function readVarint(bytes: Buffer, from: number): readonly [bigint, number] {
  let value = 0n;
  for (let at = from, shift = 0n; ; at += 1, shift += 7n) {
    const byte = bytes[at] ?? 0;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return [value, at + 1];
  }
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(BigInt(content.length)), content]);
}
