import { createPublicKey, type KeyObject } from 'node:crypto';
import { encodeHex } from '@assay/bytes';
import type { KeyStore } from '../keys/key-store.js';

/** An emulated Arm machine with CCA. */
export interface CcaMachine {
  /** 32 bytes: which implementation it is. */
  readonly implementationId: Uint8Array;
  /** 33 bytes, the first one 01: which machine it is. */
  readonly instanceId: Uint8Array;
  /** Its platform key (CPAK). */
  readonly key: KeyObject;
}

/** Emulated Arm CCA: platform keys that an owner may enrol. There is no root: each machine has a key of its own. */
export class EmulatedCca {
  readonly #keys: KeyStore;

  constructor(keys: KeyStore) {
    this.#keys = keys;
  }

  machine(id = 'machine-1'): CcaMachine {
    return {
      implementationId: this.#keys.bytes('cca/implementation', 32),
      instanceId: Uint8Array.from([1, ...this.#keys.bytes(`cca/instance/${id}`, 32)]),
      key: this.#keys.ec(`cca/cpak/${id}`, 'P-384'),
    };
  }

  /** Key of a realm (RAK), made when the realm is. */
  realmKey(id = 'realm-1'): KeyObject {
    return this.#keys.ec(`cca/rak/${id}`, 'P-384');
  }

  /** Key of the emulated Veraison service, on P-256. */
  veraisonKey(): KeyObject {
    return this.#keys.ec('cca/veraison', 'P-256');
  }

  /** Its public half as a JWK, for an owner to pin. */
  veraisonJwk(): string {
    return `${JSON.stringify(createPublicKey(this.veraisonKey()).export({ format: 'jwk' }))}\n`;
  }

  /** Trust-anchor store with the keys of some machines, as JSON in the form of Trustee's `ta-store`. */
  trustAnchors(machines: readonly CcaMachine[] = [this.machine()]): string {
    const entries = machines.map(({ implementationId, instanceId, key }) => ({
      pkey: createPublicKey(key).export({ format: 'jwk' }),
      'implementation-id': encodeHex(implementationId),
      'instance-id': encodeHex(instanceId),
    }));
    return `${JSON.stringify(entries, undefined, 2)}\n`;
  }
}
