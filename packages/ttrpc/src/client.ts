import { connect, type Socket } from 'node:net';
import { DecodeError } from '@assay/bytes';
import { type Address, netOptions, parseAddress } from './address.js';
import { decodeResponse, encodeRequest, type Metadata } from './envelope.js';
import { encodeFrame, FRAME_TYPE, type Frame, FrameReader, MAX_MESSAGE_LENGTH, oversizeText } from './frame.js';
import { STATUS, StatusError } from './status.js';

export interface TtrpcClientOptions {
  readonly connectTimeoutMs?: number;
  /** Of calls that say nothing else; default 50 000 ms, as the guest's services use among themselves. */
  readonly timeoutMs?: number;
}

export interface TtrpcCall {
  readonly service: string;
  readonly method: string;
  /** The encoded request message. */
  readonly payload: Uint8Array;
  /** Sent to the server too, and kept here whatever it does. 0: wait for ever. */
  readonly timeoutMs?: number;
  readonly metadata?: readonly Metadata[];
}

interface Waiting {
  readonly resolve: (payload: Uint8Array) => void;
  readonly reject: (error: StatusError) => void;
  readonly timer: NodeJS.Timeout | undefined;
}

const HIGHEST_STREAM = 2 ** 32 - 1;

/** Calls over one connection, side by side. It connects at the first call, and again at the next one after the peer has closed. */
export class TtrpcClient {
  readonly #address: Address;
  readonly #options: TtrpcClientOptions;
  #connection: Promise<Connection> | undefined;
  #closed = false;

  /** @throws RangeError for an address that is none */
  constructor(address: string, options: TtrpcClientOptions = {}) {
    this.#address = parseAddress(address);
    this.#options = options;
  }

  /** Connects now, which calls do by themselves. @throws StatusError UNAVAILABLE */
  async connect(): Promise<void> {
    await this.#connected();
  }

  /** The encoded response message. @throws StatusError; UNAVAILABLE when the peer cannot be reached or is gone */
  async call(call: TtrpcCall): Promise<Uint8Array> {
    const timeoutMs = call.timeoutMs ?? this.#options.timeoutMs ?? 50_000;
    const payload = encodeRequest({
      service: call.service,
      method: call.method,
      payload: call.payload,
      timeoutNano: BigInt(Math.round(timeoutMs)) * 1_000_000n,
      metadata: call.metadata ?? [],
    });
    if (payload.length > MAX_MESSAGE_LENGTH)
      throw new StatusError(STATUS.resourceExhausted, oversizeText(payload.length));
    return (await this.#connected()).send(payload, timeoutMs);
  }

  /** Fails the calls under way. */
  close(): void {
    this.#closed = true;
    void this.#connection?.then(
      (connection) => connection.close(),
      () => undefined,
    );
  }

  #connected(): Promise<Connection> {
    if (this.#closed) return Promise.reject(new StatusError(STATUS.unavailable, 'the client is closed'));
    if (this.#connection === undefined) {
      const forget = (): void => {
        if (this.#connection === made) this.#connection = undefined;
      };
      const made = openConnection(this.#address, this.#options.connectTimeoutMs ?? 10_000, forget);
      made.catch(forget);
      this.#connection = made;
    }
    return this.#connection;
  }
}

function openConnection(address: Address, timeoutMs: number, onClose: () => void): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect(netOptions(address));
    const fail = (reason: string): void => {
      socket.destroy();
      reject(new StatusError(STATUS.unavailable, `cannot connect: ${reason}`));
    };
    const timer = setTimeout(() => fail('no answer in time'), timeoutMs);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      fail(error.code ?? 'socket error');
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(new Connection(socket, onClose));
    });
  });
}

class Connection {
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #waiting = new Map<number, Waiting>();
  #nextStream = 1;

  constructor(socket: Socket, onClose: () => void) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('end', onClose);
    socket.on('close', () => {
      onClose();
      for (const id of [...this.#waiting.keys()])
        this.#settle(id)?.reject(new StatusError(STATUS.unavailable, 'connection closed'));
      socket.unref();
    });
    // A client that waits for nothing keeps no process alive.
    socket.unref();
  }

  send(payload: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const streamId = this.#nextStream;
    this.#nextStream += 2;
    // Ids cannot be used again on a connection: the next call opens another one.
    if (this.#nextStream > HIGHEST_STREAM) this.#socket.end();
    return new Promise((resolve, reject) => {
      const late = (): void =>
        this.#settle(streamId)?.reject(new StatusError(STATUS.deadlineExceeded, 'no answer in time'));
      const timer = timeoutMs === 0 ? undefined : setTimeout(late, Math.min(timeoutMs, 2 ** 31 - 1));
      if (this.#socket.destroyed) {
        clearTimeout(timer);
        reject(new StatusError(STATUS.unavailable, 'connection closed'));
        return;
      }
      this.#waiting.set(streamId, { resolve, reject, timer });
      this.#socket.ref();
      this.#socket.write(encodeFrame({ streamId, type: FRAME_TYPE.request, flags: 0, payload }));
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Uint8Array): void {
    for (const event of this.#reader.push(chunk)) {
      if ('oversize' in event) {
        const { streamId, length } = event.oversize;
        this.#settle(streamId)?.reject(new StatusError(STATUS.resourceExhausted, oversizeText(length)));
      } else {
        this.#frame(event.frame);
      }
    }
  }

  /** Answers that nobody waits for any more are dropped. */
  #frame({ streamId, type, payload }: Frame): void {
    if (type !== FRAME_TYPE.response) return;
    const waiting = this.#settle(streamId);
    if (waiting === undefined) return;
    try {
      const answer = decodeResponse(payload);
      if (answer.code === STATUS.ok) waiting.resolve(answer.payload);
      else waiting.reject(new StatusError(answer.code, answer.message));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      waiting.reject(new StatusError(STATUS.internal, error.message, { cause: error }));
    }
  }

  #settle(streamId: number): Waiting | undefined {
    const waiting = this.#waiting.get(streamId);
    if (waiting === undefined) return undefined;
    clearTimeout(waiting.timer);
    this.#waiting.delete(streamId);
    if (this.#waiting.size === 0) this.#socket.unref();
    return waiting;
  }
}
