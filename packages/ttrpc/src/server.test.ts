import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TtrpcClient } from './client.js';
import { RawPeer, requestHex } from './raw-peer.test.helper.js';
import { type Handler, type MethodTable, serveTtrpc, type TtrpcServer, type TtrpcServerOptions } from './server.js';
import { STATUS, StatusError } from './status.js';

let folder: string;
let server: TtrpcServer | undefined;
const peers: RawPeer[] = [];
beforeEach(() => {
  folder = temporaryFolder('ttrpc-');
});
afterEach(() => {
  for (const peer of peers.splice(0)) peer.destroy();
  server?.cut();
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const path = (): string => join(folder, 's.sock');
const open = async (): Promise<RawPeer> => {
  const peer = await RawPeer.open(path());
  peers.push(peer);
  return peer;
};

async function serve(
  methods: Readonly<Record<string, Handler | 'unserved'>>,
  options: Partial<TtrpcServerOptions> = {},
): Promise<void> {
  const table: MethodTable = new Map(Object.entries(methods));
  server = await serveTtrpc(`unix://${path()}`, { services: new Map([['t.S', table]]), ...options });
}

const echo: Handler = async (request) => request;

test('an answer stands on the stream of its request, with an empty status before the payload', async () => {
  await serve({ Echo: echo });
  const peer = await open();
  peer.send(requestHex(1, 't.S', 'Echo', '1a020aff'));
  expect(await peer.frame()).toBe('00000006' + '00000001' + '0200' + '0a00' + '12020aff');
  peer.send(requestHex(3, 't.S', 'Echo'));
  expect(await peer.frame()).toBe('00000002' + '00000003' + '0200' + '0a00');
  peer.send(requestHex(5, 't.S', 'Echo', '1a0161', 1));
  expect(await peer.frame()).toBe('00000005' + '00000005' + '0200' + '0a00' + '120161');
});

test.each([
  ['a service that is not there', requestHex(1, 't.T', 'Echo'), [1, 3, 't.T service does not exist']],
  ['a method that is not there', requestHex(1, 't.S', 'Nope'), [1, 12, 'Nope method']],
  ['a method declared and not served', requestHex(1, 't.S', 'Later'), [1, 5, '/t.S/Later is not supported']],
  ['an even stream id', requestHex(2, 't.S', 'Echo'), [2, 3, 'stream id must be odd']],
  ['data for no stream', '00000001 00000009 03 00 61', [9, 3, 'stream is not known']],
  [
    'a request that opens a stream',
    requestHex(1, 't.S', 'Echo', '', 2),
    [1, 12, 'Echo takes one message, not a stream'],
  ],
  [
    'an empty first message of a stream',
    requestHex(1, 't.S', 'Echo', '', 6),
    [1, 12, 'Echo takes one message, not a stream'],
  ],
] as const)('%s is refused, and the connection goes on', async (_, bytes, refusal) => {
  await serve({ Echo: echo, Later: 'unserved' });
  const peer = await open();
  peer.send(bytes);
  expect(await peer.refusal()).toEqual(refusal);
  peer.send(requestHex(11, 't.S', 'Echo'));
  expect(await peer.frame()).toBe('00000002' + '0000000b' + '0200' + '0a00');
});

test('an envelope that is no protobuf is INVALID_ARGUMENT', async () => {
  await serve({ Echo: echo });
  const peer = await open();
  peer.send('00000002 00000001 01 00 0aff');
  expect((await peer.refusal()).slice(0, 2)).toEqual([1, STATUS.invalidArgument]);
});

test('frames of unknown type are passed over', async () => {
  await serve({ Echo: echo });
  const peer = await open();
  peer.send(`00000003 00000001 09 00 616263 00000001 00000001 02 00 61 ${requestHex(1, 't.S', 'Echo')}`);
  expect(await peer.frame()).toBe('00000002' + '00000001' + '0200' + '0a00');
});

test('a frame beyond 4 MiB is refused and passed over', async () => {
  await serve({ Echo: echo });
  const peer = await open();
  peer.send('00400001 00000001 01 00');
  expect(await peer.refusal()).toEqual([1, 3, 'message length 4194305 exceed maximum message size of 4194304']);
  peer.sendBytes(new Uint8Array(4_194_305));
  peer.send(requestHex(3, 't.S', 'Echo'));
  expect(await peer.frame()).toBe('00000002' + '00000003' + '0200' + '0a00');
});

test('an answer beyond 4 MiB becomes INVALID_ARGUMENT', async () => {
  await serve({ Large: async () => new Uint8Array(4 * 1024 * 1024) });
  const peer = await open();
  peer.send(requestHex(1, 't.S', 'Large'));
  expect(await peer.refusal()).toEqual([1, 3, 'message length 4194311 exceed maximum message size of 4194304']);
});

test('a handler’s status is answered as it is; another error is UNKNOWN, tells nothing, and is reported', async () => {
  const defects: unknown[] = [];
  const failure = new Error('secret');
  await serve(
    {
      Status: async () => {
        throw new StatusError(STATUS.internal, 'why');
      },
      Defect: async () => {
        throw failure;
      },
    },
    { onDefect: (error) => defects.push(error) },
  );
  const peer = await open();
  peer.send(requestHex(1, 't.S', 'Status'));
  expect(await peer.refusal()).toEqual([1, 13, 'why']);
  peer.send(requestHex(3, 't.S', 'Defect'));
  expect(await peer.refusal()).toEqual([3, 2, 'internal error']);
  expect(defects).toEqual([failure]);
});

test('calls run side by side and are answered as they end; a stream in use is not taken twice', async () => {
  const waiting = new Map<string, () => void>();
  await serve({
    Wait: (request) =>
      new Promise((resolve) => waiting.set(Buffer.from(request).toString('hex'), () => resolve(request))),
  });
  const peer = await open();
  peer.send(
    requestHex(1, 't.S', 'Wait', '1a0101') +
      requestHex(3, 't.S', 'Wait', '1a0102') +
      requestHex(1, 't.S', 'Wait', '1a0103'),
  );
  expect(await peer.refusal()).toEqual([1, 3, 'stream id is in use']);
  expect([...waiting.keys()]).toEqual(['01', '02']);
  waiting.get('02')?.();
  expect(await peer.frame()).toBe('00000005' + '00000003' + '0200' + '0a00120102');
  waiting.get('01')?.();
  expect(await peer.frame()).toBe('00000005' + '00000001' + '0200' + '0a00120101');
});

test('the caller’s deadline ends the call with DEADLINE_EXCEEDED, and the handler hears of it', async () => {
  let heard: unknown;
  await serve({
    Never: (_, { signal }) =>
      new Promise(() => {
        signal.addEventListener('abort', () => {
          heard = signal.reason;
        });
      }),
  });
  const peer = await open();
  peer.send(requestHex(1, 't.S', 'Never', '20 c0843d')); // 1 000 000 ns
  expect(await peer.refusal()).toEqual([1, 4, 'timeout']);
  expect(heard).toMatchObject({ code: STATUS.deadlineExceeded });
  // A time that is over already.
  peer.send(requestHex(3, 't.S', 'Never', '20 ffffffffffffffffff01'));
  expect(await peer.refusal()).toEqual([3, 4, 'timeout']);
});

test('a caller that goes away ends its calls', async () => {
  const gone = new Promise<unknown>((resolve) => {
    void serve({
      Never: (_, { signal }) =>
        new Promise(() => {
          signal.addEventListener('abort', () => resolve(signal.reason));
        }),
    }).then(async () => {
      const peer = await open();
      peer.send(requestHex(1, 't.S', 'Never'));
      setTimeout(() => peer.destroy(), 20);
    });
  });
  expect(await gone).toMatchObject({ code: STATUS.cancelled });
});

test('metadata reaches the handler', async () => {
  let seen: unknown;
  await serve({
    Meta: async (request, { metadata }) => {
      seen = metadata;
      return request;
    },
  });
  const peer = await open();
  peer.send(requestHex(1, 't.S', 'Meta', '2a06 0a016b 120176'));
  await peer.frame();
  expect(seen).toEqual([['k', 'v']]);
});

test('with as many calls under way as are taken, nothing more is read until one ends', async () => {
  const waiting: (() => void)[] = [];
  await serve(
    { Wait: (request) => new Promise((resolve) => waiting.push(() => resolve(request))) },
    { limits: { maxCalls: 2 } },
  );
  const peer = await open();
  for (const stream of [1, 3]) peer.send(requestHex(stream, 't.S', 'Wait'));
  await until(() => waiting.length === 2);
  for (const stream of [5, 7]) peer.send(requestHex(stream, 't.S', 'Wait'));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(waiting).toHaveLength(2);
  waiting[0]?.();
  await until(() => waiting.length === 4);
});

test('a peer that does not take its answers is not read from either', async () => {
  let calls = 0;
  await serve(
    {
      Big: async () => {
        calls += 1;
        return new Uint8Array(2 * 1024 * 1024);
      },
    },
    { limits: { maxBytes: 5 * 1024 * 1024 } },
  );
  const peer = await open();
  peer.pause();
  for (let stream = 1; stream < 81; stream += 2) {
    peer.send(requestHex(stream, 't.S', 'Big'));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  expect(calls).toBeLessThan(40);
  peer.resume();
  for (let answers = 0; answers < 40; answers += 1) expect((await peer.frame())?.length).toBeGreaterThan(4_000_000);
  expect(calls).toBe(40);
});

test('a frame that is never finished costs the connection; a quiet one between frames does not', async () => {
  await serve({ Echo: echo }, { limits: { frameTimeoutMs: 40 } });
  const quiet = await open();
  const slow = await open();
  slow.send('00000044 0000');
  expect(await slow.frame()).toBeUndefined();
  quiet.send(requestHex(1, 't.S', 'Echo'));
  expect(await quiet.frame()).toBeDefined();
});

test('frames that are finished in time cost nothing, however closely they follow each other', async () => {
  await serve({ Echo: echo }, { limits: { frameTimeoutMs: 200 } });
  const busy = await open();
  const frames = Array.from({ length: 8 }, (_, n) => Buffer.from(requestHex(2 * n + 1, 't.S', 'Echo'), 'hex'));
  const stream = Buffer.concat(frames);
  const size = stream.length / frames.length;
  // Each piece ends in the middle of a frame.
  for (let n = 0; n < frames.length; n += 1) {
    busy.sendBytes(stream.subarray(Math.max(0, (n - 0.5) * size), (n + 0.5) * size));
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  busy.sendBytes(stream.subarray((frames.length - 0.5) * size));
  for (const _ of frames) expect(await busy.frame()).toBeDefined();
});

test('a frame that the server itself does not read on waits as long', async () => {
  let finish = (): void => undefined;
  const wait: Handler = (request) =>
    new Promise((resolve) => {
      finish = () => resolve(request);
    });
  await serve({ Wait: wait, Echo: echo }, { limits: { frameTimeoutMs: 40, maxCalls: 1 } });
  const peer = await open();
  const second = Buffer.from(requestHex(3, 't.S', 'Echo'), 'hex');
  peer.sendBytes(Buffer.concat([Buffer.from(requestHex(1, 't.S', 'Wait'), 'hex'), second.subarray(0, 15)]));
  await new Promise((resolve) => setTimeout(resolve, 20));
  peer.sendBytes(second.subarray(15));
  await new Promise((resolve) => setTimeout(resolve, 150));
  finish();
  expect([await peer.frame(), await peer.frame()]).not.toContain(undefined);
});

test('beyond the connections that are taken, another is closed at once', async () => {
  await serve({ Echo: echo }, { maxConnections: 1 });
  const first = await open();
  first.send(requestHex(1, 't.S', 'Echo'));
  await first.frame();
  const second = await open();
  expect(await second.frame()).toBeUndefined();
});

test('closing answers what is under way, takes nothing new, and ends', async () => {
  let finish = (): void => undefined;
  await serve({
    Wait: (request) =>
      new Promise((resolve) => {
        finish = () => resolve(request);
      }),
  });
  const peer = await open();
  peer.send(requestHex(1, 't.S', 'Wait'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  let ended = false;
  const closing = server?.close().then(() => {
    ended = true;
  });
  peer.send(requestHex(3, 't.S', 'Wait'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(ended).toBe(false);
  finish();
  expect(await peer.frame()).toBe('00000002' + '00000001' + '0200' + '0a00');
  expect(await peer.frame()).toBeUndefined();
  await closing;
  expect(existsSync(path())).toBe(false);
});

test('the socket is its owner’s alone, a dead one is replaced, a living one and other files stay', async () => {
  await serve({ Echo: echo });
  expect(statSync(path()).mode & 0o777).toBe(0o600);
  await expect(serveTtrpc(`unix://${path()}`, { services: new Map() })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  const dead = join(folder, 'dead.sock');
  await leaveDeadSocket(dead);
  const again = await serveTtrpc(`unix://${dead}`, { services: new Map() });
  await again.close();
  const file = join(folder, 'file');
  writeFileSync(file, 'mine');
  await expect(serveTtrpc(`unix://${file}`, { services: new Map() })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('abstract sockets and TCP', async () => {
  const services = new Map([['t.S', new Map([['Echo', echo]])]]);
  for (const address of [`unix://@assay-test-${process.pid}`, 'tcp://127.0.0.1:0']) {
    const other = await serveTtrpc(address, { services });
    const client = new TtrpcClient(other.address);
    expect(await client.call({ service: 't.S', method: 'Echo', payload: Uint8Array.of(7) })).toEqual(Uint8Array.of(7));
    client.close();
    await other.close();
  }
});

/** A socket file as a killed process leaves it. */
async function leaveDeadSocket(file: string): Promise<void> {
  const { renameSync } = await import('node:fs');
  const other = createServer().listen(`${file}.live`);
  await new Promise((resolve) => other.once('listening', resolve));
  renameSync(`${file}.live`, file);
  await new Promise((resolve) => other.close(resolve));
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}
