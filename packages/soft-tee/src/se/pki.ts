import { createPublicKey, type KeyObject } from 'node:crypto';
import { encodeBase64url, encodePem } from '@assay/bytes';
import type { KeyStore } from '../keys/key-store.js';
import { type CertificateFields, type EmulatedCertificate, makeCertificate } from '../x509/certificate.js';
import { type CrlFields, makeCrl } from '../x509/crl.js';
import { EMULATED_ORGANIZATION, EMULATED_UNIT } from '../x509/emulated-name.js';
import { authorityKeyIdentifier, basicConstraints, keyUsage, subjectKeyIdentifier } from '../x509/extension.js';
import type { EmulatedName } from '../x509/name.js';
import { publicPoint, type SeMachine } from './ultravisor.js';

export type SeCertificateEdit = Partial<CertificateFields>;

/** What the emulated IBM shall do otherwise. */
export interface SeOrders {
  readonly root?: SeCertificateEdit;
  readonly intermediate?: SeCertificateEdit;
  readonly signingKey?: SeCertificateEdit;
  readonly hostKey?: SeCertificateEdit;
  readonly rootCrl?: Partial<CrlFields>;
  readonly intermediateCrl?: Partial<CrlFields>;
  readonly signingKeyCrl?: Partial<CrlFields>;
}

const DAY = 86_400_000;
const YEAR = 365 * DAY;
const IBM = 'International Business Machines Corporation';

/** The subject that IBM's signing keys have: nothing in it can say that it is emulated. The root's does. */
export const SIGNING_KEY_SUBJECT: EmulatedName = [
  ['C', 'US'],
  ['O', IBM],
  ['CN', IBM],
  ['ST', 'New York'],
  ['L', 'Armonk'],
  ['OU', 'IBM Z Host Key Signing Service'],
];
/** How host-key documents and CRLs name it: another order, another place. */
export const SIGNING_KEY_AS_ISSUER: EmulatedName = [
  ['C', 'US'],
  ['O', IBM],
  ['OU', 'IBM Z Host Key Signing Service'],
  ['L', 'Poughkeepsie'],
  ['ST', 'New York'],
  ['CN', IBM],
];
const ROOT: EmulatedName = [
  ['O', EMULATED_ORGANIZATION],
  ['OU', EMULATED_UNIT],
  ['CN', 'emulated root of IBM Z host keys'],
];
const INTERMEDIATE: EmulatedName = [
  ['O', EMULATED_ORGANIZATION],
  ['OU', EMULATED_UNIT],
  ['CN', 'emulated intermediate of IBM Z host keys'],
];

/** Certificates and CRLs above emulated host keys. EC keys where IBM and its CA have RSA: those take seconds to make. */
export class SePki {
  readonly #keys: KeyStore;
  readonly #now: () => Date;

  constructor(keys: KeyStore, now: () => Date) {
    this.#keys = keys;
    this.#now = now;
  }

  get rootKey(): KeyObject {
    return this.#keys.ec('se/root', 'P-384');
  }

  get intermediateKey(): KeyObject {
    return this.#keys.ec('se/intermediate', 'P-384');
  }

  get signingKey(): KeyObject {
    return this.#keys.ec('se/signing-key', 'P-384');
  }

  root(edit: SeCertificateEdit = {}): EmulatedCertificate {
    return this.#certificate(1n, ROOT, ROOT, this.rootKey, this.rootKey, true, edit);
  }

  intermediate(edit: SeCertificateEdit = {}): EmulatedCertificate {
    return this.#certificate(2n, INTERMEDIATE, ROOT, this.intermediateKey, this.rootKey, true, edit);
  }

  signing(edit: SeCertificateEdit = {}): EmulatedCertificate {
    return this.#certificate(3n, SIGNING_KEY_SUBJECT, INTERMEDIATE, this.signingKey, this.intermediateKey, false, edit);
  }

  /** Host-key document of a machine. */
  document(machine: SeMachine, edit: SeCertificateEdit = {}): EmulatedCertificate {
    const subject: EmulatedName = [
      ['C', 'US'],
      ['O', IBM],
      ['CN', `emulated machine ${machine.id}`],
    ];
    const key = keyOf(machine);
    return this.#certificate(4n, subject, SIGNING_KEY_AS_ISSUER, key, this.signingKey, false, edit);
  }

  /** CRLs of root, intermediate and signing key, in PEM. */
  crls(orders: SeOrders = {}): readonly string[] {
    const lists = [
      this.#crl(ROOT, this.rootKey, orders.rootCrl),
      this.#crl(INTERMEDIATE, this.intermediateKey, orders.intermediateCrl),
      this.#crl(SIGNING_KEY_AS_ISSUER, this.signingKey, orders.signingKeyCrl),
    ];
    return lists.map((der) => encodePem('X509 CRL', der));
  }

  #certificate(
    serial: bigint,
    subject: EmulatedName,
    issuer: EmulatedName,
    key: KeyObject,
    signer: KeyObject,
    ca: boolean,
    edit: SeCertificateEdit,
  ): EmulatedCertificate {
    const today = this.#today();
    return makeCertificate({
      serial,
      subject,
      issuer,
      notBefore: new Date(today - 30 * DAY),
      notAfter: new Date(today + 2 * YEAR),
      key,
      signer,
      algorithm: 'ecdsa-sha384',
      extensions: [
        basicConstraints(ca),
        ...(ca ? [keyUsage('keyCertSign', 'cRLSign')] : serial === 3n ? [keyUsage('digitalSignature')] : []),
        subjectKeyIdentifier(edit.key ?? key),
        authorityKeyIdentifier(signer),
      ],
      ...edit,
    });
  }

  #crl(issuer: EmulatedName, signer: KeyObject, edit: Partial<CrlFields> = {}): Uint8Array {
    const today = this.#today();
    return makeCrl({
      issuer,
      thisUpdate: new Date(today),
      nextUpdate: new Date(today + 30 * DAY),
      revoked: [],
      number: 1,
      signer,
      algorithm: 'ecdsa-sha384',
      ...edit,
    });
  }

  #today(): number {
    return Math.floor(this.#now().getTime() / DAY) * DAY;
  }
}

/** Public key of a machine. */
function keyOf(machine: SeMachine): KeyObject {
  const point = publicPoint(machine);
  const [x, y] = [point.subarray(1, 67), point.subarray(67)].map(encodeBase64url);
  return createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-521', x: x ?? '', y: y ?? '' } });
}
