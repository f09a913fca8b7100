/** Checkpoints: signed notes in which a log says how large its tree is, and what its root (C2SP tlog-checkpoint, signed-note). */
import { DecodeError, decodeBase64, encodeHex, encodeUtf8 } from '@assay/bytes';
import { badCheckpoint } from './failure.js';
import { idsOf, type LogKey, verifiesUnder } from './log-key.js';

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  /** The signed bytes. */
  readonly note: Uint8Array;
  readonly signatures: readonly NoteSignature[];
}

interface NoteSignature {
  readonly name: string;
  /** First four bytes of a key id, hex. */
  readonly hint: string;
  readonly signature: Uint8Array;
}

const LONGEST = 64 * 1024;
const MOST_SIGNATURES = 32;
const HINT_SIZE = 4;
const ROOT_SIZE = 32;

/** @throws AssayError `signature.log.checkpoint` */
export function readCheckpoint(text: string): Checkpoint {
  const end = text.length > LONGEST ? -1 : text.indexOf('\n\n');
  if (end < 0 || !text.endsWith('\n')) throw badCheckpoint('it is no signed note');
  const note = text.slice(0, end + 1);
  // Further lines are for extensions, and signed with the others.
  const [origin = '', size = '', root = ''] = note.split('\n');
  const lines = text.slice(end + 2, -1).split('\n');
  if (origin === '') throw badCheckpoint('it names no log');
  if (!/^(0|[1-9]\d{0,15})$/.test(size) || !Number.isSafeInteger(Number(size)))
    throw badCheckpoint('no size of a tree');
  const hash = fromBase64(root);
  if (hash?.length !== ROOT_SIZE) throw badCheckpoint('no root of a tree');
  if (lines.length > MOST_SIGNATURES) throw badCheckpoint(`more than ${MOST_SIGNATURES} signatures`);
  return { origin, size: Number(size), root: hash, note: encodeUtf8(note), signatures: lines.map(readSignature) };
}

/** Signatures of witnesses, and of others, do no harm. @throws AssayError `signature.log.checkpoint` unless one is the log's own */
export function checkSigned({ origin, note, signatures }: Checkpoint, key: LogKey): void {
  // Rekor 1 has a number behind its name: `rekor.example - 1193050959916656506`.
  const own = signatures.filter(({ name }) => name === origin || origin.startsWith(`${name} - `));
  const fitting = own.filter(({ name, hint }) => idsOf(key, name).some((id) => id.startsWith(hint)));
  if (fitting.length === 0) throw badCheckpoint(`no signature of ${origin.slice(0, 60)} with the key of the policy`);
  if (!fitting.some(({ signature }) => verifiesUnder(key, note, signature))) {
    throw badCheckpoint(`the signature of ${origin.slice(0, 60)} does not verify`);
  }
}

/** `— NAME BASE64(HINT SIGNATURE)` */
function readSignature(line: string): NoteSignature {
  const [, name = '', text = ''] = /^\u2014 ([^ ]+) ([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
  const bytes = name === '' ? undefined : fromBase64(text);
  if (bytes === undefined || bytes.length <= HINT_SIZE) throw badCheckpoint('a line of it is no signature');
  return { name, hint: encodeHex(bytes.subarray(0, HINT_SIZE)), signature: bytes.subarray(HINT_SIZE) };
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return decodeBase64(text);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
