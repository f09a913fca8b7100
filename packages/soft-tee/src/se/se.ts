import type { KeyStore } from '../keys/key-store.js';
import { imageHeader, type SeImage } from './image.js';
import { SePki } from './pki.js';
import type { SeGuest, SeMachine } from './ultravisor.js';

/** Emulated IBM Z with Secure Execution: machines, images and the certificates above them. */
export class EmulatedSe {
  readonly pki: SePki;
  readonly #keys: KeyStore;

  constructor(keys: KeyStore, now: () => Date) {
    this.#keys = keys;
    this.pki = new SePki(keys, now);
  }

  /** A machine. The same id gives the same one. */
  machine(id = 'machine-1'): SeMachine {
    const hostKey = this.#keys.bytes(`se/host-key/${id}`, 66);
    // Below the order of the curve, whose first octet is 01.
    hostKey[0] = 0;
    return { id, hostKey };
  }

  image(id = 'image-1'): SeImage {
    const part = (name: string, length: number): Uint8Array => this.#keys.bytes(`se/image/${id}/${name}`, length);
    return {
      pageListDigest: part('pld', 64),
      addressListDigest: part('ald', 64),
      tweakListDigest: part('tld', 64),
      tag: part('tag', 16),
    };
  }

  /** `hdr.bin` of an image. */
  header(id = 'image-1'): Uint8Array {
    let drawn = 0;
    return imageHeader(this.image(id), (length) => {
      drawn += 1;
      return this.#keys.bytes(`se/image/${id}/noise/${drawn}`, length);
    });
  }

  guest(id = 'guest-1', image: SeImage = this.image()): SeGuest {
    return { image, configUid: this.#keys.bytes(`se/guest/${id}`, 16) };
  }
}
