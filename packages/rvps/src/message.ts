import {
  DecodeError,
  decodeBase64,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import { checkName } from './name.js';

/** A message after its envelope was read: what it says, and in which form. */
export interface ParsedMessage {
  readonly type: string;
  readonly payload: string;
}

/** One reference value that a message states. */
export interface StatedValue {
  readonly name: string;
  readonly value: JsonValue;
}

const MESSAGE_VERSION = '0.1.0';
const LARGEST_MESSAGE = 4 * 1024 * 1024;
/** Nesting of a value; what is stored around it adds less than as much again. */
export const DEEPEST_VALUE = 32;
/** One message is one transaction of the storage, with two writes per value. */
const MOST_VALUES = 500;

/**
 * Reads a message `{version?, type, payload}`. Members beside these are ignored, as by every RVPS.
 *
 * @throws AssayError `rv.message.form`
 */
export function parseMessage(text: string): ParsedMessage {
  const message = jsonOf(text, 'text');
  if (!isJsonObject(message)) throw wrongMessage('text', 'not a JSON object');
  // Another version may mean anything by the other members, so it is refused before they are looked at.
  const version = message['version'] ?? MESSAGE_VERSION;
  if (version !== MESSAGE_VERSION) throw wrongMessage('version', `not ${MESSAGE_VERSION}`);
  return { type: member(message, 'type'), payload: member(message, 'payload') };
}

/**
 * Values of a `sample` payload: padded standard base64 of a JSON object, name to any value. Nothing in it is signed, so
 * whoever calls this vouches for it.
 *
 * @throws AssayError `rv.message.form`, `rv.name.form`
 */
export function extractSample(payload: string): readonly StatedValue[] {
  let bytes: Uint8Array;
  try {
    bytes = decodeBase64(payload);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw wrongMessage('payload', `not padded standard base64 (${error.reason})`, error);
  }
  const values = jsonOf(bytes, 'payload');
  if (!isJsonObject(values)) throw wrongMessage('payload', 'not an object of name to value');
  const stated = Object.entries(values).map(([name, value]) => ({ name, value }));
  if (stated.length > MOST_VALUES)
    throw wrongMessage('payload', `${stated.length} values, at most ${MOST_VALUES} at a time`);
  for (const { name } of stated) checkName(name);
  return stated;
}

function jsonOf(text: string | Uint8Array, where: string): JsonValue {
  try {
    return parseJsonStrict(text, { maxBytes: LARGEST_MESSAGE, maxDepth: DEEPEST_VALUE });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const at = error.offset === undefined ? '' : ` at ${error.offset}`;
    throw wrongMessage(where, `not JSON as wanted: ${error.reason}${at}`, error);
  }
}

function member(message: JsonObject, name: string): string {
  const value = message[name];
  if (typeof value === 'string') return value;
  const hint =
    name === 'payload' && message['provenance'] !== undefined ? ' (it is called payload, not provenance)' : '';
  throw wrongMessage(name, value === undefined ? `missing${hint}` : 'not a text');
}

function wrongMessage(what: string, fault: string, cause?: unknown): Error {
  return assayError('rv.message.form', { params: { member: what, what: fault }, cause });
}
