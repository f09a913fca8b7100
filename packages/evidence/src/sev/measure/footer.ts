/** The table of GUIDed entries at the end of an OVMF image, which is read backwards. */
import { DecodeError } from '@assay/bytes';
import { guidText } from '../guid.js';

const FOOTER = '96b582de-1fb2-45f7-baea-a366c55a082d';
/** Bytes of the image after the table. */
const AFTER = 32;
/** GUID and length of an entry. */
const ENTRY_TAIL = 18;

/**
 * Entries by GUID; empty for an image without the table.
 *
 * @throws DecodeError for lengths that leave the table or the image
 */
export function readFirmwareTable(firmware: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const entries = new Map<string, Uint8Array>();
  let end = firmware.length - AFTER;
  if (end < ENTRY_TAIL || guidAt(firmware, end) !== FOOTER) return entries;
  const whole = sizeAt(firmware, end);
  const start = end - whole;
  if (start < 0) throw new DecodeError('firmware table', `${whole} bytes are more than the image has`);
  end -= ENTRY_TAIL;
  while (end > start) {
    if (end - start < ENTRY_TAIL) throw new DecodeError('firmware table', 'bytes before its first entry', start);
    const size = sizeAt(firmware, end);
    if (size > end - start) throw new DecodeError('firmware table', 'an entry leaves the table', end);
    const guid = guidAt(firmware, end);
    // The entry that is read first, the last one of the file, counts.
    if (!entries.has(guid)) entries.set(guid, firmware.subarray(end - size, end - ENTRY_TAIL));
    end -= size;
  }
  return entries;
}

function guidAt(firmware: Uint8Array, end: number): string {
  return guidText(firmware.subarray(end - 16, end));
}

function sizeAt(firmware: Uint8Array, end: number): number {
  const size = (firmware[end - ENTRY_TAIL] ?? 0) | ((firmware[end - ENTRY_TAIL + 1] ?? 0) << 8);
  if (size < ENTRY_TAIL) throw new DecodeError('firmware table', `entry of ${size} bytes`, end - ENTRY_TAIL);
  return size;
}
