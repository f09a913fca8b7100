/**
 * Options of layers whose digest is that of the archive. buildah and podman compress a layer while they encrypt it, and keep the digest that
 * it had before: the same that the image's configuration has. It says as much about the layer as the digest of the blob would.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type CountDigests, type Counted, countHere, type Digests } from '@assay/ocicrypt';
import { decompressor } from './decompress.js';
import { isTooLarge } from './limits.js';

/** The second stream of a decryption, as `LayerDecryption` counts them. */
const PLAIN = 1;

/** Whether the options of a layer hold the digest of its archive, and not that of its blob. @param mediaType of the layer without its encryption */
export function isOfArchive(digest: string, diffId: string | undefined, mediaType: string): boolean {
  return digest === diffId && !mediaType.endsWith('.tar');
}

/**
 * Counts what comes out of the decompressor, where others count what goes in.
 *
 * @param mediaType of the layer without its encryption
 * @param size bytes of the layer: an archive that is too large for it has no digest
 * @param blob takes in what goes in, for those who need that digest as well
 */
export function countArchive(mediaType: string, layer: string, size: number, blob?: Hash): CountDigests {
  return (streams) => new ArchiveDigests(streams, decompressor(mediaType, layer), size, blob);
}

class ArchiveDigests implements Digests {
  readonly #others: Digests;
  readonly #archive: Duplex;
  readonly #hash: Hash;
  readonly #blob: Hash | undefined;
  readonly #end: Promise<boolean>;
  #seen = 0;

  constructor(streams: readonly (readonly Counted[])[], archive: Duplex, size: number, blob: Hash | undefined) {
    this.#others = countHere(streams);
    this.#archive = archive;
    this.#hash = createHash(streams[PLAIN]?.[0]?.algorithm ?? 'sha256');
    this.#blob = blob;
    archive.on('data', (chunk: Uint8Array) => {
      this.#seen += chunk.length;
      if (isTooLarge(this.#seen, size)) archive.destroy();
      this.#hash.update(chunk);
    });
    this.#end = finished(archive).then(
      () => true,
      // What cannot be decompressed has no digest; what the layer's HMAC says of it is told first.
      () => false,
    );
  }

  update(stream: number, bytes: Uint8Array): Promise<void> | undefined {
    if (stream !== PLAIN) return this.#others.update(stream, bytes);
    this.#blob?.update(bytes);
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
