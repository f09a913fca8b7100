import { concatBytes } from '@assay/bytes';

/** Bytes of a header: payload length (u32), stream id (u32), message type (u8), flags (u8); big-endian. */
export const HEADER_LENGTH = 10;

/** Largest payload in either direction; exactly so many bytes are still allowed. */
export const MAX_MESSAGE_LENGTH = 4 * 1024 * 1024;

export const FRAME_TYPE = { request: 1, response: 2, data: 3 } as const;

export const FRAME_FLAG = { remoteClosed: 1, remoteOpen: 2, noData: 4 } as const;

export interface FrameHeader {
  /** Payload bytes, header not counted. */
  readonly length: number;
  readonly streamId: number;
  /** One of {@link FRAME_TYPE}, or what else a peer sends: such frames are skipped. */
  readonly type: number;
  readonly flags: number;
}

export interface Frame extends Omit<FrameHeader, 'length'> {
  readonly payload: Uint8Array;
}

/** A frame as it is sent. @throws RangeError when the payload is too large for a peer */
export function encodeFrame({ streamId, type, flags, payload }: Frame): Uint8Array {
  if (payload.length > MAX_MESSAGE_LENGTH) throw new RangeError(oversizeText(payload.length));
  const frame = new Uint8Array(HEADER_LENGTH + payload.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, payload.length);
  view.setUint32(4, streamId);
  view.setUint8(8, type);
  view.setUint8(9, flags);
  frame.set(payload, HEADER_LENGTH);
  return frame;
}

/** What peers say about a message beyond the limit. */
export function oversizeText(length: number): string {
  return `message length ${length} exceed maximum message size of ${MAX_MESSAGE_LENGTH}`;
}

/** What a reader gives: a frame, or the header of one whose payload is too large and is passed over. */
export type FrameEvent = { readonly frame: Frame } | { readonly oversize: FrameHeader };

/**
 * Cuts a byte stream into frames. Never more is kept than one payload within the limit; a larger one is passed over byte by byte,
 * after which the stream is in step again.
 */
export class FrameReader {
  readonly #head = new Uint8Array(HEADER_LENGTH);
  #headFilled = 0;
  #header: FrameHeader | undefined;
  #parts: Uint8Array[] = [];
  /** Payload bytes that are still to come. */
  #missing = 0;

  /** Whether a frame has begun and is not whole. */
  get isInside(): boolean {
    return this.#headFilled > 0;
  }

  /** The frames that these bytes complete, in order. An oversize frame is told as soon as its header is there. */
  push(chunk: Uint8Array): FrameEvent[] {
    const events: FrameEvent[] = [];
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#header === undefined) {
        rest = this.#takeHead(rest);
        if (this.#headFilled < HEADER_LENGTH) break;
        const header = readHeader(this.#head);
        this.#header = header;
        this.#missing = header.length;
        if (header.length > MAX_MESSAGE_LENGTH) events.push({ oversize: header });
      }
      rest = this.#takePayload(rest);
      if (this.#missing === 0) this.#complete(events);
    }
    return events;
  }

  #takeHead(bytes: Uint8Array): Uint8Array {
    const taken = bytes.subarray(0, HEADER_LENGTH - this.#headFilled);
    this.#head.set(taken, this.#headFilled);
    this.#headFilled += taken.length;
    return bytes.subarray(taken.length);
  }

  #takePayload(bytes: Uint8Array): Uint8Array {
    const taken = bytes.subarray(0, this.#missing);
    this.#missing -= taken.length;
    if ((this.#header?.length ?? 0) <= MAX_MESSAGE_LENGTH && taken.length > 0) this.#parts.push(taken);
    return bytes.subarray(taken.length);
  }

  #complete(events: FrameEvent[]): void {
    const header = this.#header;
    if (header !== undefined && header.length <= MAX_MESSAGE_LENGTH) {
      const { streamId, type, flags } = header;
      events.push({ frame: { streamId, type, flags, payload: concatBytes(...this.#parts) } });
    }
    this.#header = undefined;
    this.#headFilled = 0;
    this.#parts = [];
  }
}

function readHeader(bytes: Uint8Array): FrameHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_LENGTH);
  return { length: view.getUint32(0), streamId: view.getUint32(4), type: view.getUint8(8), flags: view.getUint8(9) };
}
