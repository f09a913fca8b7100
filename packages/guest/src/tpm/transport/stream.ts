import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { LARGEST_MESSAGE } from '../constants.js';
import { TpmError } from '../tpm-error.js';
import { DEFAULT_TIMEOUT_MS, HEADER_SIZE, type TpmTransport } from './transport.js';

const REMEDY =
  'Start the emulator: `swtpm socket --tpm2 --tpmstate dir=DIR --server type=unixio,path=PATH --flags not-need-init,startup-clear`.';

/**
 * A byte stream of commands and responses, as `swtpm socket --server` serves it (no framing around them). Each response
 * says its own size; more bytes than that, or bytes that nobody asked for, end the connection.
 *
 * @param timeoutMs for connecting, and for each command
 * @throws TpmError `transport`
 */
export async function openStream(
  where: NetConnectOpts,
  name: string,
  timeoutMs: number = DEFAULT_TIMEOUT_MS,
): Promise<TpmTransport> {
  const socket = await connected(where, name, timeoutMs);
  const responses = new Responses(socket, name);
  return {
    name,
    transmit: (command) => responses.exchange(command, timeoutMs),
    close: () =>
      new Promise((resolve) => {
        if (socket.destroyed) {
          resolve();
          return;
        }
        socket.once('close', () => resolve());
        socket.destroy();
      }),
  };
}

function connected(where: NetConnectOpts, name: string, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(where);
    const fail = (why: string, cause?: unknown): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new TpmError('transport', `${name} cannot be reached (${why})`, REMEDY, { cause }));
    };
    const timer = setTimeout(() => fail(`no connection in ${timeoutMs} ms`), timeoutMs);
    socket.once('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message, error));
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}

interface Waiting {
  readonly resolve: (response: Uint8Array) => void;
  readonly reject: (error: TpmError) => void;
}

/** Cuts the stream into responses, each to the command that waits for it. */
class Responses {
  readonly #socket: Socket;
  readonly #name: string;
  #received = Buffer.alloc(0);
  #waiting: Waiting | undefined;
  #broken: TpmError | undefined;

  constructor(socket: Socket, name: string) {
    this.#socket = socket;
    this.#name = name;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#break(error.code ?? error.message));
    socket.on('close', () => this.#break('the connection was closed'));
  }

  exchange(command: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#break(`no answer in ${timeoutMs} ms`), timeoutMs);
      this.#waiting = {
        resolve: (response) => {
          clearTimeout(timer);
          resolve(response);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#socket.write(command);
    });
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    const waiting = this.#waiting;
    if (waiting === undefined) {
      this.#break('it sent something that nobody asked for');
      return;
    }
    if (this.#received.length < HEADER_SIZE) return;
    const size = this.#received.readUInt32BE(2);
    if (size < HEADER_SIZE || size > LARGEST_MESSAGE || this.#received.length > size) {
      this.#break(`a response of ${this.#received.length} bytes says that it has ${size}`);
      return;
    }
    if (this.#received.length < size) return;
    const response = Uint8Array.from(this.#received);
    this.#received = Buffer.alloc(0);
    this.#waiting = undefined;
    waiting.resolve(response);
  }

  #break(why: string): void {
    this.#broken ??= new TpmError('transport', `${this.#name}: ${why}`, REMEDY);
    this.#socket.destroy();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(this.#broken);
  }
}
