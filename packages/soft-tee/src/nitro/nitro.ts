import type { KeyStore } from '../keys/key-store.js';
import { NitroPki } from './pki.js';

/** Emulated Nitro Enclaves: certificates under a test root. */
export class EmulatedNitro {
  readonly pki: NitroPki;

  constructor(keys: KeyStore) {
    this.pki = new NitroPki(keys);
  }
}
