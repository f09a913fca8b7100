/** Events of the guest's attestation agent (AAEL): `<domain> <operation> <content>`, tagged inside EV_EVENT_TAG. */
import { ByteReader, DecodeError, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { EVENT } from './event-type.js';
import type { EventRecord } from './parse.js';
import { utf8 } from './text.js';

/** `LEAA` in memory: the tag of an agent's event. */
export const AAEL_TAG = 0x4141454c;

/** What an agent measured. */
export interface AgentEvent {
  readonly domain: string;
  readonly operation: string;
  readonly content: string;
}

/** Data of EV_EVENT_TAG (TCG_PCClientTaggedEvent). Bytes after the event are tolerated: shims write them. @throws DecodeError */
export function readTaggedEvent(data: Uint8Array): {
  readonly tag: number;
  readonly event: Uint8Array;
  readonly trailing: number;
} {
  const reader = new ByteReader(data, 'tagged event');
  const tag = reader.u32le('tag');
  const event = reader.bytes(reader.u32le('size'), 'event');
  return { tag, event, trailing: reader.remaining };
}

/** Whether a record is an agent's event by its tag, well formed or not. */
export function isAgentEvent(record: EventRecord): boolean {
  if (record.type !== EVENT.eventTag || record.data.length < 4) return false;
  return new ByteReader(record.data, 'tagged event').u32le('tag') === AAEL_TAG;
}

/** Reads an agent's event: strict, as its only writer is the agent. @throws DecodeError */
export function readAgentEvent(record: EventRecord): AgentEvent {
  const { event, trailing } = readTaggedEvent(record.data);
  if (trailing !== 0) throw new DecodeError('agent event', `${trailing} bytes after its text`);
  const text = utf8(event);
  if (text === undefined) throw new DecodeError('agent event', 'a text that is not UTF-8');
  return splitAgentEvent(text);
}

/** The three fields of an event's line. @throws DecodeError */
export function splitAgentEvent(line: string): AgentEvent {
  const first = line.indexOf(' ');
  const second = first < 0 ? -1 : line.indexOf(' ', first + 1);
  if (second < 0) throw new DecodeError('agent event', 'fewer than three fields');
  if (first === 0 || second === first + 1) throw new DecodeError('agent event', 'an empty domain or operation');
  if (/[\r\n]/.test(line)) throw new DecodeError('agent event', 'a line break');
  return { domain: line.slice(0, first), operation: line.slice(first + 1, second), content: line.slice(second + 1) };
}

/** The content as policies see it: JSON where it is JSON, else the text. */
export function contentValue(content: string): JsonValue {
  try {
    return parseJsonStrict(content);
  } catch (error) {
    if (error instanceof DecodeError) return content;
    throw error;
  }
}
