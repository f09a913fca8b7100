/**
 * Options of layers whose digest is that of the archive. buildah and podman compress a layer while they encrypt it, and keep the digest that
 * it had before: the same that the image's configuration has. It says as much about the layer as the digest of the blob would.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Transform } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type CountDigests, type Counted, countHere, type Digests } from '@assay/ocicrypt';
import { decompressor } from './decompress.js';

/** The second stream of a decryption, as `LayerDecryption` counts them. */
const PLAIN = 1;

/** Counts what comes out of the decompressor, where others count what goes in. @param mediaType of the layer without its encryption */
export function countArchive(mediaType: string, layer: string): CountDigests {
  return (streams) => new ArchiveDigests(streams, decompressor(mediaType, layer));
}

class ArchiveDigests implements Digests {
  readonly #others: Digests;
  readonly #archive: Transform;
  readonly #hash: Hash;
  readonly #end: Promise<boolean>;

  constructor(streams: readonly (readonly Counted[])[], archive: Transform) {
    this.#others = countHere(streams);
    this.#archive = archive;
    this.#hash = createHash(streams[PLAIN]?.[0]?.algorithm ?? 'sha256');
    archive.on('data', (chunk: Uint8Array) => this.#hash.update(chunk));
    this.#end = finished(archive).then(
      () => true,
      // What cannot be decompressed has no digest; what the layer's HMAC says of it is told first.
      () => false,
    );
  }

  update(stream: number, bytes: Uint8Array): Promise<void> | undefined {
    if (stream !== PLAIN) return this.#others.update(stream, bytes);
    // A copy: the bytes may be overwritten while they wait. One that is being written when the decompressor fails is never answered.
    const written = new Promise<void>((resolve) => {
      this.#archive.write(Uint8Array.from(bytes), () => resolve());
    });
    return Promise.race([written, this.#end.then(() => undefined)]);
  }

  async finish(): Promise<readonly (readonly Uint8Array[])[]> {
    this.#archive.end();
    const whole = await this.#end;
    const counted = await this.#others.finish();
    const digest = whole ? this.#hash.digest() : new Uint8Array(0);
    return counted.map((digests, stream) => (stream === PLAIN ? [digest] : digests));
  }

  close(): void {
    this.#others.close();
    this.#archive.destroy();
  }
}
