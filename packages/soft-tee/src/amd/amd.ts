import { concatBytes } from '@assay/bytes';
import type { KeyStore } from '../keys/key-store.js';
import type { EmulatedCertificate } from '../x509/certificate.js';
import { type CrlFields, makeCrl } from '../x509/crl.js';
import { type AmdCertificateEdit, type AmdIntermediate, type AmdLeafFields, AmdPki, arkName } from './pki.js';
import type { AmdProduct, AmdTcb } from './tcb.js';

/** One emulated EPYC machine. */
export interface AmdChip {
  readonly id: string;
  readonly product: AmdProduct;
  /** CHIP_ID of the report: 64 bytes, of which Turin uses the first eight. */
  readonly chipId: Uint8Array;
  readonly tcb: AmdTcb;
  /** Provider whose VLEK is loaded. */
  readonly cspId: string;
}

/** What the emulated vendor shall do otherwise. */
export interface AmdOrders {
  readonly ark?: AmdCertificateEdit;
  readonly intermediate?: AmdCertificateEdit;
  readonly leaf?: AmdCertificateEdit;
  readonly leafFields?: Partial<AmdLeafFields>;
  readonly crl?: Partial<CrlFields>;
  /** Serial numbers that the CRL lists. */
  readonly revoked?: readonly bigint[];
}

const DAY = 86_400_000;

/** The emulated AMD: certificates and CRLs under roots of its own, one per product. */
export class EmulatedAmd {
  readonly pki: AmdPki;
  readonly #keys: KeyStore;
  readonly #now: () => Date;
  readonly #chips = new Map<string, AmdChip>();
  /** Orders that hold for every answer until they are replaced. */
  orders: AmdOrders = {};

  constructor(keys: KeyStore, now: () => Date) {
    this.#keys = keys;
    this.#now = now;
    this.pki = new AmdPki(keys);
  }

  /** A machine of a product line. The same id gives the same machine. */
  chip(id = 'machine-1', product: AmdProduct = 'Milan', edit: Partial<Omit<AmdChip, 'id' | 'product'>> = {}): AmdChip {
    const hwId = this.#keys.bytes(`amd/chip/${product}/${id}`, product === 'Turin' ? 8 : 64);
    const chip: AmdChip = {
      id,
      product,
      chipId: concatBytes(hwId, new Uint8Array(64 - hwId.length)),
      tcb: { ...(product === 'Turin' ? { fmc: 1 } : {}), bootloader: 4, tee: 0, snp: 24, microcode: 219 },
      cspId: 'CN=emulated.assay.invalid',
      ...edit,
    };
    this.#chips.set(`${product}/${id}`, chip);
    return chip;
  }

  /** Machines made so far: those the emulated KDS knows. */
  chips(): readonly AmdChip[] {
    return [...this.#chips.values()];
  }

  ark(product: AmdProduct, orders: AmdOrders = this.orders): EmulatedCertificate {
    return this.pki.ark(product, orders.ark);
  }

  intermediate(kind: AmdIntermediate, product: AmdProduct, orders: AmdOrders = this.orders): EmulatedCertificate {
    return this.pki.intermediate(kind, product, orders.intermediate);
  }

  /** VCEK of a chip, for its TCB unless another is asked for. */
  vcek(chip: AmdChip, tcb: AmdTcb = chip.tcb, orders: AmdOrders = this.orders): EmulatedCertificate {
    return this.#leaf(this.vcekFields(chip, tcb), orders);
  }

  vlek(chip: AmdChip, tcb: AmdTcb = chip.tcb, orders: AmdOrders = this.orders): EmulatedCertificate {
    return this.#leaf(this.vlekFields(chip, tcb), orders);
  }

  vcekFields(chip: AmdChip, tcb: AmdTcb = chip.tcb): AmdLeafFields {
    return { product: chip.product, tcb, hwId: chip.chipId.subarray(0, chip.product === 'Turin' ? 8 : 64) };
  }

  vlekFields(chip: AmdChip, tcb: AmdTcb = chip.tcb): AmdLeafFields {
    return { product: chip.product, tcb, cspId: chip.cspId };
  }

  /** The key stays the chip's whatever the certificate is ordered to say. */
  #leaf(fields: AmdLeafFields, orders: AmdOrders): EmulatedCertificate {
    const edit = { key: this.pki.leafKey(fields), ...orders.leaf };
    return this.pki.leaf({ ...fields, ...orders.leafFields }, this.#now(), edit);
  }

  /** PEM of the intermediate and the ARK, as KDS's `cert_chain` answers. */
  certChain(kind: AmdIntermediate, product: AmdProduct, orders: AmdOrders = this.orders): string {
    return this.intermediate(kind, product, orders).pem + this.ark(product, orders).pem;
  }

  /** DER. */
  crl(product: AmdProduct, orders: AmdOrders = this.orders): Uint8Array {
    const today = new Date(Math.floor(this.#now().getTime() / DAY) * DAY);
    return makeCrl({
      issuer: arkName(product),
      thisUpdate: today,
      nextUpdate: new Date(today.getTime() + 365 * DAY),
      revoked: (orders.revoked ?? []).map((serial) => ({ serial, date: new Date(today.getTime() - 40 * DAY) })),
      number: 1,
      signer: this.pki.arkKey(product),
      algorithm: 'rsa-pss-sha384',
      ...orders.crl,
    });
  }
}
