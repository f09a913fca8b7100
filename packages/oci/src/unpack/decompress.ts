/** Decompression of layers by their media type. */
import { type Duplex, PassThrough } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { assayError } from '@assay/bytes/findings';
import { zstdDecompression } from './zstd.js';

/** @throws AssayError `image.layer.type` */
export function decompressor(mediaType: string, layer: string): Duplex {
  if (/(?:\.|\+)tar$/.test(mediaType)) return new PassThrough();
  if (/[.+]gzip$/.test(mediaType)) return createGunzip();
  if (/[.+]zstd$/.test(mediaType)) return zstdDecompression();
  const what = 'unpacked';
  throw assayError('image.layer.type', { params: { layer, actual: mediaType, what }, actual: mediaType });
}
