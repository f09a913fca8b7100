import { execFileSync } from 'node:child_process';
import { openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, describe, expect, test } from 'vitest';
import { openTransport } from './open.js';

const folder = temporaryFolder('tpm-');
const servers: Server[] = [];
let made = 0;

afterAll(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A server that does with each piece it gets what a test wants. */
async function serving(answer: (socket: Socket, piece: Buffer) => void, port?: number): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (piece) => answer(socket, piece));
  });
  servers.push(server);
  made += 1;
  const path = join(folder, `${made}.sock`);
  await new Promise<void>((resolve) =>
    port === undefined ? server.listen(path, resolve) : server.listen(port, '127.0.0.1', resolve),
  );
  const address = server.address();
  return typeof address === 'string' ? `unix:${address}` : `tcp:127.0.0.1:${address?.port}`;
}

const COMMAND = Uint8Array.of(0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x7b);
const OK = Buffer.from('80010000000c000000000102', 'hex');

describe('a stream', () => {
  test.each(['unix', 'tcp'])('over %s carries commands and responses', async (scheme) => {
    const got: Buffer[] = [];
    const address = await serving(
      (socket, piece) => {
        got.push(piece);
        socket.write(OK);
      },
      scheme === 'tcp' ? 0 : undefined,
    );
    const transport = await openTransport(address);
    expect(transport.name).toBe(address);
    expect(await transport.transmit(COMMAND)).toEqual(Uint8Array.from(OK));
    expect(await transport.transmit(COMMAND)).toEqual(Uint8Array.from(OK));
    expect(got.map((piece) => piece.toString('hex'))).toEqual(
      [...Array(2)].map(() => Buffer.from(COMMAND).toString('hex')),
    );
    await transport.close();
    await transport.close();
    await expect(transport.transmit(COMMAND)).rejects.toMatchObject({ reason: 'transport' });
  });

  test('waits for a response that comes in pieces', async () => {
    const address = await serving((socket) => {
      socket.write(OK.subarray(0, 3));
      setTimeout(() => socket.write(OK.subarray(3, 11)), 20);
      setTimeout(() => socket.write(OK.subarray(11)), 40);
    });
    const transport = await openTransport(address);
    expect(await transport.transmit(COMMAND)).toEqual(Uint8Array.from(OK));
    await transport.close();
  });

  test.each<[string, string, (socket: Socket) => void]>([
    ['is longer than it says', 'says that it has 12', (socket) => socket.write(Buffer.concat([OK, Buffer.of(0)]))],
    [
      'says less than a header',
      'says that it has 9',
      (socket) => socket.write(Buffer.from('80010000000900000000', 'hex')),
    ],
    [
      'says more than any has',
      'says that it has 8193',
      (socket) => socket.write(Buffer.from('80010000200100000000', 'hex')),
    ],
    ['does not come', 'no answer in 300 ms', () => undefined],
    ['does not come to an end', 'no answer in 300 ms', (socket) => socket.write(OK.subarray(0, 11))],
    ['breaks off', 'closed', (socket) => socket.end(OK.subarray(0, 11))],
  ])('ends at a response that %s', async (_, why, answer) => {
    const transport = await openTransport(await serving(answer), 300);
    await expect(transport.transmit(COMMAND)).rejects.toMatchObject({
      reason: 'transport',
      message: expect.stringContaining(why),
      remedy: expect.stringContaining('swtpm socket --tpm2'),
    });
    await expect(transport.transmit(COMMAND)).rejects.toMatchObject({ reason: 'transport' });
    await transport.close();
  });

  test('ends where something comes that nobody asked for', async () => {
    const address = await serving((socket) => {
      socket.write(OK);
      setTimeout(() => socket.write(OK), 20);
    });
    const transport = await openTransport(address);
    await transport.transmit(COMMAND);
    await new Promise((resolve) => setTimeout(resolve, 80));
    await expect(transport.transmit(COMMAND)).rejects.toThrow('nobody asked for');
    await transport.close();
  });
});

describe('an address', () => {
  test.each(['', 'tpm0', 'tcp:', 'tcp:host', 'tcp:host:0', 'tcp:host:65536', 'tcp:::1:80', 'unix:', 'http://x'])(
    '`%s` is none',
    async (address) => {
      await expect(openTransport(address)).rejects.toMatchObject({
        reason: 'transport',
        message: expect.stringContaining('is not the address of a TPM'),
      });
    },
  );

  test.each([`unix:${join(folder, 'none')}`, 'tcp:127.0.0.1:1', 'tcp:[::1]:1'])(
    '%s where nobody is',
    async (address) => {
      await expect(openTransport(address, 2000)).rejects.toMatchObject({
        reason: 'transport',
        message: expect.stringContaining('cannot be reached'),
      });
    },
  );
});

describe('a device', () => {
  test('takes a command in one write and gives its response in one read', async () => {
    // What is written into a pipe comes out of it again: an echo.
    const path = join(folder, 'fifo');
    execFileSync('/usr/bin/mkfifo', [path]);
    openSync(path, 'r+');
    for (const address of [path, `device:${path}`]) {
      const transport = await openTransport(address);
      expect(await transport.transmit(COMMAND)).toEqual(COMMAND);
      await transport.close();
    }
  });

  test('that answers nothing, or is closed, is of no use', async () => {
    const path = join(folder, 'empty');
    writeFileSync(path, '');
    const transport = await openTransport(path);
    // A regular file is at its end after the write.
    expect(await transport.transmit(COMMAND)).toEqual(new Uint8Array());
    await transport.close();
    await expect(transport.transmit(COMMAND)).rejects.toMatchObject({ reason: 'transport' });
  });

  test.each([
    [join(folder, 'no-device'), 'ENOENT', 'Switch the TPM on'],
    [folder, 'EISDIR', 'dmesg'],
  ])('%s cannot be opened', async (path, code, remedy) => {
    await expect(openTransport(path)).rejects.toMatchObject({
      reason: 'transport',
      message: expect.stringContaining(code),
      remedy: expect.stringContaining(remedy),
    });
  });
});
