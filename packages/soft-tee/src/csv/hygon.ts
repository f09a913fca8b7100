import { concatBytes, encodeUtf8 } from '@assay/bytes';
import type { KeyStore } from '../keys/key-store.js';
import { caCertificate, csvCertificate, type HygonCertificateEdit } from './certificate.js';
import { type Sm2Key, sm2Key } from './sm2-key.js';

/** One emulated Hygon processor, or accelerator. */
export interface HygonChip {
  readonly id: string;
  /** Letters and digits; at most 16 for accelerators. */
  readonly serial: string;
}

/** What the emulated vendor shall do otherwise. */
export interface HygonOrders {
  readonly hsk?: HygonCertificateEdit;
  readonly cek?: HygonCertificateEdit;
  readonly pek?: HygonCertificateEdit;
}

const USAGE = { hrk: 0, hsk: 0x13, pek: 0x1002, cek: 0x1004 } as const;

/** The emulated Hygon: a root key of its own, and the certificates below it. */
export class EmulatedHygon {
  readonly #keys: KeyStore;
  readonly #chips = new Map<string, HygonChip>();
  /** Orders that hold for every answer until they are replaced. */
  orders: HygonOrders = {};

  constructor(keys: KeyStore) {
    this.#keys = keys;
  }

  /** A processor. The same id gives the same one. */
  chip(id = 'machine-1'): HygonChip {
    const digits = Buffer.from(this.#keys.bytes(`hygon/chip/${id}`, 5))
      .toString('hex')
      .toUpperCase();
    const chip = { id, serial: `EMU${digits}` };
    this.#chips.set(id, chip);
    return chip;
  }

  /** Processors made so far: those the emulated service knows. */
  chips(): readonly HygonChip[] {
    return [...this.#chips.values()];
  }

  /** The root certificate, 832 bytes: what an owner adds by name. */
  hrk(): Uint8Array {
    const key = this.#key('hrk', 'HRK');
    return caCertificate(key, USAGE.hrk, this.#id('hrk'), key, this.#id('hrk'));
  }

  hsk(orders: HygonOrders = this.orders): Uint8Array {
    const key = this.#key('hsk', 'HSK');
    return caCertificate(key, USAGE.hsk, this.#id('hsk'), this.#key('hrk', 'HRK'), this.#id('hrk'), orders.hsk);
  }

  cek(chip: HygonChip, orders: HygonOrders = this.orders): Uint8Array {
    return csvCertificate(this.cekKey(chip), USAGE.cek, this.#key('hsk', 'HSK'), USAGE.hsk, orders.cek);
  }

  pek(chip: HygonChip, orders: HygonOrders = this.orders): Uint8Array {
    return csvCertificate(this.pekKey(chip), USAGE.pek, this.cekKey(chip), USAGE.cek, orders.pek);
  }

  /** HSK then CEK, as the vendor's service answers. */
  hskCek(chip: HygonChip, orders: HygonOrders = this.orders): Uint8Array {
    return concatBytes(this.hsk(orders), this.cek(chip, orders));
  }

  cekKey({ id }: HygonChip): Sm2Key {
    return this.#key(`cek/${id}`, 'CEK');
  }

  pekKey({ id }: HygonChip): Sm2Key {
    return this.#key(`pek/${id}`, 'PEK');
  }

  /** A key that nobody vouches for. */
  stranger(): Sm2Key {
    return this.#key('stranger', 'PEK');
  }

  /** Bytes that follow from the seed. */
  bytes(label: string, length: number): Uint8Array {
    return this.#keys.bytes(`hygon/${label}`, length);
  }

  #key(label: string, name: string): Sm2Key {
    return sm2Key(this.#keys, `hygon/${label}`, `HYGON-SSD-${name}`);
  }

  #id(label: string): Uint8Array {
    return this.#keys.bytes(`hygon/id/${label}`, 16);
  }
}

/** Text with NULs behind it. */
export function nulPadded(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(encodeUtf8(text));
  return bytes;
}
