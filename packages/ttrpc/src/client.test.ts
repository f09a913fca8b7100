import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseAddress } from './address.js';
import { TtrpcClient, type TtrpcClientOptions } from './client.js';
import { STATUS } from './status.js';

let folder: string;
let server: Server | undefined;
let sockets: Socket[];
let clients: TtrpcClient[];
beforeEach(() => {
  folder = temporaryFolder('ttrpc-');
  sockets = [];
  clients = [];
});
afterEach(() => {
  for (const client of clients) client.close();
  for (const socket of sockets) socket.destroy();
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A server of bytes: answers each request frame with what `answer` makes of its stream id. */
async function rawServer(answer: (stream: number, frame: Buffer, socket: Socket) => string | undefined): Promise<void> {
  server = createServer((socket) => {
    sockets.push(socket);
    let bytes = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 10 && bytes.length >= 10 + bytes.readUInt32BE(0)) {
        const frame = bytes.subarray(0, 10 + bytes.readUInt32BE(0));
        bytes = bytes.subarray(frame.length);
        const hex = answer(frame.readUInt32BE(4), frame, socket);
        if (hex !== undefined) socket.write(Buffer.from(hex.replace(/\s/g, ''), 'hex'));
      }
    });
  });
  await new Promise<void>((resolve) => server?.listen(join(folder, 's.sock'), resolve));
}

function clientOf(options: TtrpcClientOptions = {}): TtrpcClient {
  const client = new TtrpcClient(`unix://${join(folder, 's.sock')}`, options);
  clients.push(client);
  return client;
}
const call = { service: 't.S', method: 'M', payload: Uint8Array.of(1) };
const u32 = (value: number): string => value.toString(16).padStart(8, '0');
/** Success in the form of the Go implementation: no status. */
const success = (stream: number, byte = '61'): string => `00000003 ${u32(stream)} 0200 1201${byte}`;

test('streams are 1, 3, 5 …; answers may come in any order, and those nobody waits for are dropped', async () => {
  const streams: number[] = [];
  await rawServer((stream) => {
    streams.push(stream);
    if (stream < 5) return undefined;
    return success(99) + success(5, '05') + success(3, '03') + success(1, '01') + success(1, 'ff');
  });
  const client = clientOf();
  expect(await Promise.all([client.call(call), client.call(call), client.call(call)])).toEqual(
    [1, 3, 5].map((byte) => Uint8Array.of(byte)),
  );
  expect(streams).toEqual([1, 3, 5]);
});

test('the request says how long the caller waits, and what it adds', async () => {
  let frame = '';
  await rawServer((stream, bytes) => {
    frame = bytes.toString('hex');
    return success(stream);
  });
  await clientOf().call({ ...call, metadata: [['k', 'v']] });
  // service "t.S", method "M", payload 01, 50 s, metadata k=v
  expect(frame).toBe(
    '0000001a' + '00000001' + '0100' + '0a03742e53' + '12014d' + '1a0101' + '2080e8eda1ba01' + '2a060a016b120176',
  );
  await clientOf().call({ ...call, timeoutMs: 0 });
  expect(frame).toBe('0000000b' + '00000001' + '0100' + '0a03742e53' + '12014d' + '1a0101');
});

test('frames that are no answers are passed over', async () => {
  await rawServer((stream) => {
    const payload = '00000003';
    return `${payload} ${u32(stream)} 0300 120162 ${payload} ${u32(stream)} 0100 120163 ${success(stream)}`;
  });
  expect(await clientOf().call(call)).toEqual(Uint8Array.of(0x61));
});

test('an error answer is a StatusError with its code and text', async () => {
  await rawServer((stream) => `00000009 ${u32(stream)} 0200 0a07 0805 1203 776879`);
  await expect(clientOf().call(call)).rejects.toMatchObject({ code: STATUS.notFound, message: 'why' });
});

test('without an answer in time the call ends here, whatever the server does', async () => {
  await rawServer(() => undefined);
  await expect(clientOf({ timeoutMs: 20 }).call(call)).rejects.toMatchObject({ code: STATUS.deadlineExceeded });
});

test('an answer that is no protobuf is INTERNAL, one beyond the limit RESOURCE_EXHAUSTED; the next call works', async () => {
  await rawServer((stream) => {
    if (stream === 1) return `00000002 ${u32(stream)} 0200 0aff`;
    if (stream === 3) return `00400001 ${u32(stream)} 0200 ${'00'.repeat(4_194_305)}`;
    return success(stream);
  });
  const client = clientOf();
  await expect(client.call(call)).rejects.toMatchObject({ code: STATUS.internal });
  await expect(client.call(call)).rejects.toMatchObject({ code: STATUS.resourceExhausted });
  expect(await client.call(call)).toEqual(Uint8Array.of(0x61));
});

test('a request beyond the limit is not sent', async () => {
  let frames = 0;
  await rawServer((stream) => {
    frames += 1;
    return success(stream);
  });
  const payload = new Uint8Array(4 * 1024 * 1024);
  await expect(clientOf().call({ ...call, payload })).rejects.toMatchObject({ code: STATUS.resourceExhausted });
  expect(frames).toBe(0);
});

test('a closed connection fails the calls under way; the next call opens another', async () => {
  let connections = 0;
  await rawServer((stream, _, socket) => {
    if (stream === 1 && connections++ === 0) {
      socket.destroy();
      return undefined;
    }
    return success(stream);
  });
  const client = clientOf();
  await expect(client.call(call)).rejects.toMatchObject({ code: STATUS.unavailable });
  expect(await client.call(call)).toEqual(Uint8Array.of(0x61));
  client.close();
  await expect(client.call(call)).rejects.toMatchObject({
    code: STATUS.unavailable,
    message: 'the client is closed',
  });
});

test('where nobody listens a call is UNAVAILABLE, and works once somebody does', async () => {
  const client = clientOf();
  await expect(client.call(call)).rejects.toMatchObject({
    code: STATUS.unavailable,
    message: 'cannot connect: ENOENT',
  });
  await rawServer((stream) => success(stream));
  expect(await client.call(call)).toEqual(Uint8Array.of(0x61));
});

test.each([
  ['unix:///run/a.sock', { kind: 'unix', path: '/run/a.sock' }],
  ['unix://@name', { kind: 'unix', path: '\0name' }],
  ['tcp://127.0.0.1:80', { kind: 'tcp', host: '127.0.0.1', port: 80 }],
])('%s is an address', (text, address) => {
  expect(parseAddress(text)).toEqual(address);
});

test.each([
  ['unix://relative', /absolute/],
  ['unix://', /not an address/],
  ['unix://@', /names no socket/],
  [`unix:///${'a'.repeat(107)}`, /107 bytes/],
  ['unix:///a\0b', /NUL/],
  ['vsock://2:1024', /cannot open vsock/],
  ['tcp://localhost:80', /not an address/],
  ['tcp://256.0.0.1:80', /not an address/],
  ['tcp://127.0.0.1:65536', /not an address/],
  ['http://127.0.0.1:80', /not an address/],
  ['127.0.0.1:80', /not an address/],
])('%s is none', (text, reason) => {
  expect(() => parseAddress(text)).toThrow(reason);
});
