import type { KeyObject } from 'node:crypto';
import { derInteger } from '@assay/bytes';
import type { KeyStore } from '../keys/key-store.js';
import { type CertificateFields, type EmulatedCertificate, makeCertificate } from '../x509/certificate.js';
import { EMULATED_ORGANIZATION, EMULATED_UNIT } from '../x509/emulated-name.js';
import {
  authorityKeyIdentifier,
  basicConstraints,
  crlDistributionPoint,
  type EmulatedExtension,
  keyUsage,
  subjectKeyIdentifier,
} from '../x509/extension.js';
import { derIa5String, type EmulatedName } from '../x509/name.js';
import { type AmdProduct, type AmdTcb, tcbLabel } from './tcb.js';

export type AmdCertificateEdit = Partial<CertificateFields>;
/** Signs VCEKs (ASK) or VLEKs (ASVK). */
export type AmdIntermediate = 'ask' | 'asvk';

/** What a leaf certificate says beside its key. */
export interface AmdLeafFields {
  readonly product: AmdProduct;
  readonly tcb: AmdTcb;
  /** VCEK: the chip. 64 bytes; Turin 8. */
  readonly hwId?: Uint8Array;
  /** VLEK: the cloud provider. */
  readonly cspId?: string;
  /** Text of the product extension; the default is the genuine one. */
  readonly productName?: string;
}

const AMD = '1.3.6.1.4.1.3704.1';
const FROM = new Date('2020-10-22T17:23:05Z');
const TO = new Date('2045-10-22T17:23:05Z');
const DAY = 86_400_000;

/** Emulated counterpart of AMD's SEV-SNP certificate hierarchy. RSA keys are made at first use. */
export class AmdPki {
  readonly #keys: KeyStore;

  constructor(keys: KeyStore) {
    this.#keys = keys;
  }

  arkKey(product: AmdProduct): KeyObject {
    return this.#keys.rsa(label('ark', product));
  }

  intermediateKey(kind: AmdIntermediate, product: AmdProduct): KeyObject {
    return this.#keys.rsa(label(kind, product));
  }

  /** Key of a leaf: a function of what the leaf is for, as on hardware. */
  leafKey(fields: AmdLeafFields): KeyObject {
    const who = fields.cspId === undefined ? `vcek/${hex(fields.hwId)}` : `vlek/${fields.cspId}`;
    return this.#keys.ec(`amd/${who}/${fields.product}/${tcbLabel(fields.tcb)}`, 'P-384');
  }

  /** Makes the RSA keys of some products side by side, without blocking. */
  async prepare(products: readonly AmdProduct[], kinds: readonly AmdIntermediate[] = ['ask']): Promise<void> {
    await this.#keys.prepareRsa(
      products.flatMap((product) => [label('ark', product), ...kinds.map((kind) => label(kind, product))]),
    );
  }

  ark(product: AmdProduct, edit: AmdCertificateEdit = {}): EmulatedCertificate {
    const key = edit.key ?? this.arkKey(product);
    return makeCertificate({
      serial: 0x1_0000n,
      issuer: arkName(product),
      subject: arkName(product),
      notBefore: FROM,
      notAfter: TO,
      key,
      extensions: [
        keyUsage('keyCertSign', 'cRLSign'),
        subjectKeyIdentifier(key),
        basicConstraints(true),
        crlDistributionPoint(`https://kdsintf.amd.com/vcek/v1/${product}/crl`),
      ],
      signer: key,
      algorithm: 'rsa-pss-sha384',
      ...edit,
    });
  }

  intermediate(kind: AmdIntermediate, product: AmdProduct, edit: AmdCertificateEdit = {}): EmulatedCertificate {
    const key = edit.key ?? this.intermediateKey(kind, product);
    const path = kind === 'ask' ? 'vcek' : 'vlek';
    return makeCertificate({
      serial: intermediateSerial(kind),
      issuer: arkName(product),
      subject: intermediateName(kind, product),
      notBefore: FROM,
      notAfter: TO,
      key,
      extensions: [
        subjectKeyIdentifier(key),
        authorityKeyIdentifier(this.arkKey(product)),
        basicConstraints(true, 0),
        keyUsage('keyCertSign'),
        crlDistributionPoint(`https://kdsintf.amd.com/${path}/v1/${product}/crl`),
      ],
      signer: this.arkKey(product),
      algorithm: 'rsa-pss-sha384',
      ...edit,
    });
  }

  /** VCEK (with `hwId`, seven years) or VLEK (with `cspId`, one year), valid from the day of `now` on. */
  leaf(fields: AmdLeafFields, now: Date, edit: AmdCertificateEdit = {}): EmulatedCertificate {
    const kind: AmdIntermediate = fields.cspId === undefined ? 'ask' : 'asvk';
    const from = new Date(Math.floor(now.getTime() / DAY) * DAY);
    const to = new Date(from);
    to.setUTCFullYear(from.getUTCFullYear() + (kind === 'ask' ? 7 : 1));
    return makeCertificate({
      serial: 0n,
      issuer: intermediateName(kind, fields.product),
      subject: name(kind === 'ask' ? 'SEV-VCEK' : 'SEV-VLEK'),
      notBefore: from,
      notAfter: to,
      key: edit.key ?? this.leafKey(fields),
      extensions: leafExtensions(fields),
      signer: edit.signer ?? this.intermediateKey(kind, fields.product),
      algorithm: 'rsa-pss-sha384',
      ...edit,
    });
  }
}

export function intermediateSerial(kind: AmdIntermediate): bigint {
  return kind === 'ask' ? 0x1_0001n : 0x1_0002n;
}

export function arkName(product: AmdProduct): EmulatedName {
  return name(`ARK-${product}`);
}

/** KDS extensions of a leaf, in the order of AMD's certificates (AMD 57230, table 8). */
function leafExtensions(fields: AmdLeafFields): readonly EmulatedExtension[] {
  const turin = fields.product === 'Turin';
  const vlek = fields.cspId !== undefined;
  const product = fields.productName ?? (fields.product === 'Milan' && !vlek ? 'Milan-B0' : fields.product);
  const { fmc = 0, bootloader, tee, snp, microcode } = fields.tcb;
  const spl = (suffix: number, value: number): EmulatedExtension => ({
    oid: `${AMD}.3.${suffix}`,
    value: derInteger(value),
  });
  const layout = turin
    ? [spl(9, fmc), spl(1, bootloader), spl(2, tee), spl(3, snp), spl(5, 0), spl(6, 0), spl(7, 0)]
    : [spl(1, bootloader), spl(2, tee), spl(4, 0), spl(5, 0), spl(6, 0), spl(7, 0), spl(3, snp)];
  return [
    { oid: `${AMD}.1`, value: derInteger(turin ? 1 : 0) },
    { oid: `${AMD}.2`, value: derIa5String(product) },
    ...layout,
    spl(8, microcode),
    ...(fields.hwId === undefined ? [] : [{ oid: `${AMD}.4`, value: fields.hwId }]),
    ...(fields.cspId === undefined ? [] : [{ oid: `${AMD}.5`, value: derIa5String(fields.cspId) }]),
  ];
}

function intermediateName(kind: AmdIntermediate, product: AmdProduct): EmulatedName {
  return name(kind === 'ask' ? `SEV-${product}` : `SEV-VLEK-${product}`);
}

/** The common names are AMD's, because verifiers look at them; the organisation tells the truth. */
function name(commonName: string): EmulatedName {
  return [
    ['OU', EMULATED_UNIT],
    ['C', 'US'],
    ['L', 'Santa Clara'],
    ['ST', 'CA'],
    ['O', EMULATED_ORGANIZATION],
    ['CN', commonName],
  ];
}

function label(kind: 'ark' | AmdIntermediate, product: AmdProduct): string {
  return `amd/${kind}/${product}`;
}

function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex');
}
