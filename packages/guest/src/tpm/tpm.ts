import { ByteReader, DecodeError } from '@assay/bytes';
import { readSized, TpmWriter } from '@assay/evidence/tpm';
import { LARGEST_MESSAGE, ST } from './constants.js';
import { mayRetry } from './response-code.js';
import { type Authorization, readAuthorizations, writeAuthorizations } from './session.js';
import { refusal, TpmError } from './tpm-error.js';
import { HEADER_SIZE, type TpmTransport } from './transport/transport.js';

/** One command, without the parts that are the same for all. */
export interface TpmCommand {
  /** `TPM2_Quote`, for errors. */
  readonly name: string;
  readonly code: number;
  readonly handles?: readonly number[];
  /** One for each handle that needs an authorisation, in their order. */
  readonly authorizations?: readonly Authorization[];
  readonly parameters?: Uint8Array;
  /** Whether the response begins with a handle. */
  readonly answersHandle?: boolean;
}

export interface TpmAnswer {
  /** Present where the command said that there is one. */
  readonly handle: number | undefined;
  readonly parameters: Uint8Array;
}

/** Times that a busy TPM is asked again, and the wait before the first of them, which doubles. */
const RETRIES = 8;
const FIRST_WAIT_MS = 20;

/** A TPM 2.0 over some transport. Commands are sent one after the other, in the order of the calls. */
export class Tpm {
  readonly #transport: TpmTransport;
  #last: Promise<unknown> = Promise.resolve();

  constructor(transport: TpmTransport) {
    this.#transport = transport;
  }

  get name(): string {
    return this.#transport.name;
  }

  /**
   * Sends a command and reads its response strictly; a busy TPM is asked again.
   *
   * @throws TpmError `refused` with the response code, `response`, `transport`
   */
  execute(command: TpmCommand): Promise<TpmAnswer> {
    const bytes = encodeCommand(command);
    const answer = this.#last.then(() => this.#sent(command, bytes));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  /** Waits for commands under way, then lets go of the transport. */
  async close(): Promise<void> {
    await this.#last;
    await this.#transport.close();
  }

  async #sent(command: TpmCommand, bytes: Uint8Array): Promise<TpmAnswer> {
    for (let n = 0, wait = FIRST_WAIT_MS; ; n += 1, wait *= 2) {
      const response = await this.#transport.transmit(bytes);
      const decoded = decodeResponse(command, response);
      if (!('refused' in decoded)) return decoded;
      if (!mayRetry(decoded.refused) || n >= RETRIES) throw refusal(command.name, decoded.refused);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

/** A command as bytes (part 1, section 16.2). */
export function encodeCommand(command: TpmCommand): Uint8Array {
  const { handles = [], authorizations = [], parameters = new Uint8Array() } = command;
  const writer = new TpmWriter();
  for (const handle of handles) writer.u32(handle);
  if (authorizations.length > 0) {
    const area = writeAuthorizations(authorizations);
    writer.u32(area.length).bytes(area);
  }
  const body = writer.bytes(parameters).finish();
  const size = HEADER_SIZE + body.length;
  if (size > LARGEST_MESSAGE) throw new RangeError(`${command.name} of ${size} bytes is too long`);
  return new TpmWriter()
    .u16(authorizations.length > 0 ? ST.sessions : ST.noSessions)
    .u32(size)
    .u32(command.code)
    .bytes(body)
    .finish();
}

/**
 * Reads a response (part 1, section 16.3): its size must be that of the bytes, its tag that of the command, and nothing
 * may follow.
 *
 * @returns `refused` with the response code when the TPM did not do it
 * @throws TpmError `response`
 */
export function decodeResponse(command: TpmCommand, response: Uint8Array): TpmAnswer | { readonly refused: number } {
  return readingResponse(command.name, response, (reader) => {
    const tag = reader.u16be('tag');
    const size = reader.u32be('size');
    if (size !== response.length) throw new DecodeError('response', `size ${size} of ${response.length} bytes`, 2);
    const refused = reader.u32be('response code');
    if (refused !== 0) {
      reader.end();
      return { refused };
    }
    const sessions = command.authorizations?.length ?? 0;
    const wanted = sessions > 0 ? ST.sessions : ST.noSessions;
    if (tag !== wanted) throw new DecodeError('response', `tag ${tag}; ${wanted} is wanted`, 0);
    const handle = command.answersHandle === true ? reader.u32be('handle') : undefined;
    if (sessions === 0) return { handle, parameters: reader.rest() };
    const parameters = reader.bytes(reader.u32be('parameter size'), 'parameters');
    readAuthorizations(reader, sessions);
    reader.end();
    return { handle, parameters };
  });
}

/**
 * Runs a reader over bytes of a TPM, to their end or as far as it goes.
 *
 * @throws TpmError `response` where they are not what they should be
 */
export function readingResponse<T>(name: string, bytes: Uint8Array, read: (reader: ByteReader) => T): T {
  try {
    return read(new ByteReader(bytes, name));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const remedy =
      'Check that the address is that of a TPM 2.0, and that no other program talks to it at the same time.';
    throw new TpmError('response', `the TPM's answer is malformed: ${error.message}`, remedy, { cause: error });
  }
}

/** Reads all parameters of an answer; nothing may follow. @throws TpmError `response` */
export function parametersOf<T>(name: string, answer: TpmAnswer, read: (reader: ByteReader) => T): T {
  return readingResponse(name, answer.parameters, (reader) => {
    const value = read(reader);
    reader.end();
    return value;
  });
}

/** The handle of an answer to a command that said there is one. */
export function handleOf(answer: TpmAnswer): number {
  if (answer.handle === undefined) throw new Error('the command asked for no handle');
  return answer.handle;
}

/** TPM2B: two bytes of size, then the bytes; a copy. @throws DecodeError */
export function sized(reader: ByteReader, field: string, most: number = LARGEST_MESSAGE): Uint8Array {
  return Uint8Array.from(readSized(reader, field, most));
}
