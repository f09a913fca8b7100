import type { Socket } from 'node:net';
import { DecodeError } from '@assay/bytes';
import { decodeRequest, encodeResponse, type RequestEnvelope } from './envelope.js';
import {
  encodeFrame,
  FRAME_FLAG,
  FRAME_TYPE,
  type Frame,
  FrameReader,
  HEADER_LENGTH,
  MAX_MESSAGE_LENGTH,
  oversizeText,
} from './frame.js';
import type { CallContext, ServiceTable } from './server.js';
import { STATUS, StatusError } from './status.js';

export interface ConnectionLimits {
  /** Calls under way on one connection; beyond, nothing more is read until one ends. */
  readonly maxCalls: number;
  /** Bytes of requests under way and of answers not yet taken by the peer; beyond, nothing more is read. */
  readonly maxBytes: number;
  /** A frame that has begun must be whole in this time. */
  readonly frameTimeoutMs: number;
}

const NOTHING = new Uint8Array();
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** One peer: reads its frames, runs its calls side by side, answers each on its stream. */
export class ServerConnection {
  readonly #socket: Socket;
  readonly #services: ServiceTable;
  readonly #limits: ConnectionLimits;
  readonly #onDefect: (error: unknown) => void;
  readonly #reader = new FrameReader();
  /** Calls under way by stream id. */
  readonly #calls = new Map<number, AbortController>();
  #callBytes = 0;
  #ending = false;
  #frameTimer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, services: ServiceTable, limits: ConnectionLimits, onDefect: (error: unknown) => void) {
    this.#socket = socket;
    this.#services = services;
    this.#limits = limits;
    this.#onDefect = onDefect;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('drain', () => this.#balance());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#closed());
  }

  /** Takes no further request; the socket closes when the last call is answered. */
  end(): void {
    this.#ending = true;
    this.#finishIfIdle();
  }

  /** Closes at once; calls under way are aborted. */
  cut(): void {
    this.#socket.destroy();
  }

  #take(chunk: Uint8Array): void {
    const events = this.#reader.push(chunk);
    // The time is that of one frame: it begins anew where another one has been whole.
    if (events.length > 0) this.#endWatch();
    for (const event of events) {
      if ('oversize' in event) {
        const { streamId, length } = event.oversize;
        this.#refuse(streamId, STATUS.invalidArgument, oversizeText(length));
      } else {
        this.#frame(event.frame);
      }
    }
    this.#balance();
  }

  #frame(frame: Frame): void {
    if (this.#ending) return;
    const { streamId, type } = frame;
    if (type === FRAME_TYPE.request) this.#request(frame);
    // Nothing here takes streamed messages, so no stream that data could belong to is known.
    else if (type === FRAME_TYPE.data) this.#refuse(streamId, STATUS.invalidArgument, 'stream is not known');
  }

  #request({ streamId, flags, payload }: Frame): void {
    try {
      if (streamId % 2 === 0) throw new StatusError(STATUS.invalidArgument, 'stream id must be odd');
      if (this.#calls.has(streamId)) throw new StatusError(STATUS.invalidArgument, 'stream id is in use');
      const request = decodeRequest(payload);
      if ((flags & (FRAME_FLAG.remoteOpen | FRAME_FLAG.noData)) !== 0)
        throw new StatusError(STATUS.unimplemented, `${request.method} takes one message, not a stream`);
      void this.#run(streamId, request, payload.length);
    } catch (error) {
      if (error instanceof StatusError) this.#refuse(streamId, error.code, error.message);
      else if (error instanceof DecodeError) this.#refuse(streamId, STATUS.invalidArgument, error.message);
      else throw error;
    }
  }

  async #run(streamId: number, request: RequestEnvelope, size: number): Promise<void> {
    const abort = new AbortController();
    this.#calls.set(streamId, abort);
    this.#callBytes += size;
    const deadline = this.#deadline(request.timeoutNano, abort);
    try {
      const answer = await Promise.race([this.#handle(request, abort.signal), aborted(abort.signal)]);
      this.#answer(streamId, STATUS.ok, '', answer);
    } catch (error) {
      if (!(error instanceof StatusError)) this.#onDefect(error);
      const told = error instanceof StatusError ? error : new StatusError(STATUS.unknown, 'internal error');
      this.#answer(streamId, told.code, told.message, NOTHING);
    } finally {
      clearTimeout(deadline);
      this.#calls.delete(streamId);
      this.#callBytes -= size;
      this.#balance();
      this.#finishIfIdle();
    }
  }

  #handle(request: RequestEnvelope, signal: AbortSignal): Promise<Uint8Array> {
    const service = this.#services.get(request.service);
    if (service === undefined)
      throw new StatusError(STATUS.invalidArgument, `${request.service} service does not exist`);
    const handler = service.get(request.method);
    if (handler === undefined) throw new StatusError(STATUS.unimplemented, `${request.method} method`);
    if (handler === 'unserved')
      throw new StatusError(STATUS.notFound, `/${request.service}/${request.method} is not supported`);
    const context: CallContext = { metadata: request.metadata, signal };
    return handler(request.payload, context);
  }

  #deadline(timeoutNano: bigint, abort: AbortController): NodeJS.Timeout | undefined {
    if (timeoutNano === 0n) return undefined;
    const milliseconds = timeoutNano < 0n ? 0 : Number(timeoutNano / 1_000_000n);
    const over = (): void => abort.abort(new StatusError(STATUS.deadlineExceeded, 'timeout'));
    return setTimeout(over, Math.min(milliseconds, LONGEST_TIMEOUT_MS));
  }

  #answer(streamId: number, code: number, message: string, payload: Uint8Array): void {
    const envelope = encodeResponse({ code, message, payload });
    if (envelope.length > MAX_MESSAGE_LENGTH) {
      this.#refuse(streamId, STATUS.invalidArgument, oversizeText(envelope.length));
    } else if (this.#socket.writable) {
      this.#socket.write(encodeFrame({ streamId, type: FRAME_TYPE.response, flags: 0, payload: envelope }));
    }
  }

  #refuse(streamId: number, code: number, message: string): void {
    this.#answer(streamId, code, message, NOTHING);
  }

  /** Reads on, or waits: a peer that asks faster than it can be answered waits in its own buffers, not in these. */
  #balance(): void {
    const { maxCalls, maxBytes } = this.#limits;
    const full = this.#calls.size >= maxCalls || this.#callBytes + this.#socket.writableLength >= maxBytes;
    if (full && !this.#socket.isPaused()) this.#socket.pause();
    else if (!full && this.#socket.isPaused()) this.#socket.resume();
    // What is not read is not late.
    if (full || !this.#reader.isInside) this.#endWatch();
    else this.#frameTimer ??= setTimeout(() => this.cut(), this.#limits.frameTimeoutMs).unref();
  }

  #endWatch(): void {
    clearTimeout(this.#frameTimer);
    this.#frameTimer = undefined;
  }

  #finishIfIdle(): void {
    if (this.#ending && this.#calls.size === 0) this.#socket.destroySoon();
  }

  #closed(): void {
    this.#endWatch();
    for (const call of this.#calls.values()) call.abort(new StatusError(STATUS.cancelled, 'the caller is gone'));
  }
}

/** Least that limits may allow: one message. */
export const LEAST_BYTES = HEADER_LENGTH + MAX_MESSAGE_LENGTH;

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
