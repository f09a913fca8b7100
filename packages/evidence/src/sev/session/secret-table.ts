/** The table that is injected into guest memory: entries by GUID, which the guest's kernel shows as files. */
import { ByteReader, concatBytes, DecodeError } from '@assay/bytes';
import { guidBytes, guidText } from '../guid.js';
import { word } from './kdf.js';

export const SECRET_TABLE_GUID = '1e74f542-71dd-4d66-963e-ef4287ff173b';
/** Entry with the connection of an online key broker client. */
export const CONNECTION_GUID = '1ee27366-0c87-43a6-af48-28543eaf7cb0';
/** Entry with the keys of an offline key broker client. */
export const BUNDLE_GUID = 'e6f5a162-d67f-4750-a67c-5d065f2a9910';

const HEADER = 20;
const BLOCK = 16;

export interface SecretEntry {
  readonly guid: string;
  readonly payload: Uint8Array;
}

/** The padded table. Of two entries with one GUID the guest would see one, so that is refused. @throws DecodeError */
export function encodeSecretTable(entries: readonly SecretEntry[]): Uint8Array {
  const seen = new Set<string>();
  const parts = entries.map(({ guid, payload }) => {
    const id = guid.toLowerCase();
    if (seen.has(id) || id === SECRET_TABLE_GUID) throw new DecodeError('secret table', 'a GUID is used twice');
    seen.add(id);
    return concatBytes(guidBytes(guid), word(HEADER + payload.length), payload);
  });
  const body = concatBytes(...parts);
  const length = HEADER + body.length;
  const padding = new Uint8Array((BLOCK - (length % BLOCK)) % BLOCK);
  return concatBytes(guidBytes(SECRET_TABLE_GUID), word(length), body, padding);
}

/** Reads a padded table: exact lengths, no entry twice, zeros after the last. @throws DecodeError */
export function parseSecretTable(bytes: Uint8Array): readonly SecretEntry[] {
  const reader = new ByteReader(bytes, 'secret table');
  const guid = guidText(reader.bytes(16, 'GUID'));
  if (guid !== SECRET_TABLE_GUID) throw new DecodeError('secret table', 'it begins with another GUID', 0);
  const length = reader.u32le('length');
  if (length < HEADER) throw new DecodeError('secret table', `length ${length} is less than its header`, 16);
  const body = reader.sub(length - HEADER, 'entries');
  const entries: SecretEntry[] = [];
  while (body.remaining > 0) {
    const id = guidText(body.bytes(16, 'entry GUID'));
    const size = body.u32le('entry length');
    if (size < HEADER) throw new DecodeError('secret table', `entry of ${size} bytes`, body.offset);
    if (entries.some((entry) => entry.guid === id)) throw new DecodeError('secret table', 'a GUID is used twice');
    entries.push({ guid: id, payload: body.bytes(size - HEADER, 'entry') });
  }
  if (reader.remaining >= BLOCK) throw new DecodeError('secret table', 'more padding than a block', reader.offset);
  reader.zeros(reader.remaining, 'padding');
  return entries;
}
