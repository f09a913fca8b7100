/** Header of a Secure Execution image: the digests and the tag that a measurement covers. */
import { ByteReader, concatBytes, DecodeError } from '@assay/bytes';

/** Page list, address list and tweak list digest, 64 bytes each, and the header's tag of 16. */
export const IMAGE_TAGS_SIZE = 208;

const MAGIC = 'IBMSecEx';
const IMAGE_MAGIC = 'SeImgLnx';
const FORMAT = 'Secure Execution header';
const PAGE = 4096;
/** Where an image may have its header when it does not say so. */
const PAGES_SEARCHED = 0x15;
const METADATA_AT = 0xc000;
const HEAD = 416;
const SLOT = 80;
const TAG = 16;
const LARGEST_HEADER = 2 * PAGE;

/** Reads the tags out of a header (`hdr.bin`), or of an image that holds one. @throws DecodeError */
export function imageTags(file: Uint8Array): Uint8Array {
  const start = findHeader(file);
  if (start === undefined) throw new DecodeError(FORMAT, `${MAGIC} is nowhere in it`, 0);
  const reader = new ByteReader(file.subarray(start), FORMAT, start);
  reader.skip(8, 'magic');
  const version = reader.u32be('version');
  if (version !== 0x100) throw new DecodeError(FORMAT, `version ${version.toString(16)}; 100 is known`, start + 8);
  const size = reader.u32be('size');
  reader.skip(16, 'IV');
  const slots = reader.u64be('number of key slots');
  const encrypted = reader.u64be('size of the encrypted part');
  // The size is what the parts add up to; it says where the tag is.
  if (size > LARGEST_HEADER || BigInt(size) !== BigInt(HEAD + TAG) + slots * BigInt(SLOT) + encrypted) {
    throw new DecodeError(FORMAT, `size ${size} is not that of its parts`, start + 12);
  }
  reader.skip(HEAD - 192 - reader.position, 'keys');
  const digests = reader.bytes(192, 'digests');
  reader.skip(size - HEAD - TAG, 'slots');
  return concatBytes(digests, reader.bytes(TAG, 'tag'));
}

function findHeader(file: Uint8Array): number | undefined {
  const metadata = metadataHeader(file);
  if (metadata !== undefined) return startsWith(file, metadata, MAGIC) ? metadata : undefined;
  for (let page = 0; page < PAGES_SEARCHED; page += 1) {
    if (startsWith(file, page * PAGE, MAGIC)) return page * PAGE;
  }
  return undefined;
}

/** Newer images say where their header is. */
function metadataHeader(file: Uint8Array): number | undefined {
  if (!startsWith(file, METADATA_AT, IMAGE_MAGIC) || file.length < METADATA_AT + 28) return undefined;
  const at = new ByteReader(file.subarray(METADATA_AT + 8), FORMAT, METADATA_AT + 8).u64be('offset of the header');
  return at < BigInt(file.length) ? Number(at) : file.length;
}

function startsWith(file: Uint8Array, at: number, text: string): boolean {
  return Buffer.from(file.subarray(at, at + text.length)).toString('latin1') === text;
}
