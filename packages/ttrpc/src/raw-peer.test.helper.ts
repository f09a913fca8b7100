import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { decodeHex, encodeHex } from '@assay/bytes';

/** A peer that knows nothing of this package's codec: bytes in, bytes out. */
export class RawPeer {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake?.();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.#wake?.();
    });
  }

  static async open(path: string): Promise<RawPeer> {
    const socket = connect({ path });
    const peer = new RawPeer(socket);
    await once(socket, 'connect');
    return peer;
  }

  send(hex: string): void {
    this.#socket.write(decodeHex(hex.replace(/\s/g, '')));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** One frame, header and payload, as hex. Undefined when the other side closes first. */
  async frame(): Promise<string | undefined> {
    for (;;) {
      if (this.#received.length >= 10) {
        const whole = 10 + this.#received.readUInt32BE(0);
        if (this.#received.length >= whole) {
          const frame = this.#received.subarray(0, whole);
          this.#received = this.#received.subarray(whole);
          return encodeHex(frame);
        }
      }
      if (this.closed) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Code and text of an error answer, and the stream it is for. */
  async refusal(): Promise<readonly [stream: number, code: number, text: string]> {
    const frame = Buffer.from((await this.frame()) ?? '', 'hex');
    // 0a <status length> 08 <code> 12 <text length> <text>
    const status = frame.subarray(12, 12 + (frame[11] ?? 0));
    return [frame.readUInt32BE(4), status[1] ?? 0, status.subarray(4).toString('utf8')];
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** A request frame, in hex, for names shorter than 128 bytes. */
export function requestHex(stream: number, service: string, method: string, more = '', flags = 0): string {
  const text = (tag: string, value: string): string =>
    tag + value.length.toString(16).padStart(2, '0') + Buffer.from(value).toString('hex');
  const payload = `${text('0a', service)}${text('12', method)}${more}`.replace(/\s/g, '');
  const u32 = (value: number): string => value.toString(16).padStart(8, '0');
  return `${u32(payload.length / 2)}${u32(stream)}01${flags.toString(16).padStart(2, '0')}${payload}`;
}
