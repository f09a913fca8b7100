import type { KeyObject } from 'node:crypto';
import { derOid, derSequence } from '@assay/bytes';
import type { KeyStore } from '../keys/key-store.js';
import { type CertificateFields, type EmulatedCertificate, makeCertificate } from '../x509/certificate.js';
import { EMULATED_ORGANIZATION, EMULATED_UNIT } from '../x509/emulated-name.js';
import {
  authorityKeyIdentifier,
  basicConstraints,
  type EmulatedExtension,
  keyUsage,
  subjectKeyIdentifier,
} from '../x509/extension.js';
import type { EmulatedName } from '../x509/name.js';

export type TpmCertificateEdit = Partial<CertificateFields>;

/** What the maker of TPMs is told to do otherwise. */
export interface TpmOrders {
  readonly leaf?: TpmCertificateEdit;
  readonly intermediate?: TpmCertificateEdit;
}

/** An emulated TPM: a name is all that tells it from another. */
export interface EmulatedTpm {
  readonly name: string;
  readonly algorithm: 'ecc' | 'rsa';
}

const FROM = new Date('2020-01-01T00:00:00Z');
const TO = new Date('2045-01-01T00:00:00Z');
const AIK_CERTIFICATE = '2.23.133.8.3';

/** Maker of emulated TPMs: keys that stay in them, and a hierarchy that certifies attestation keys. */
export class EmulatedTpms {
  readonly #keys: KeyStore;
  readonly #now: () => Date;

  constructor(keys: KeyStore, now: () => Date) {
    this.#keys = keys;
    this.#now = now;
  }

  machine(name = 'tpm-1', algorithm: EmulatedTpm['algorithm'] = 'ecc'): EmulatedTpm {
    return { name, algorithm };
  }

  /** Attestation key of a TPM. RSA keys have 2048 bits and are made at first use. */
  ak({ algorithm, name }: EmulatedTpm): KeyObject {
    return algorithm === 'rsa' ? this.#keys.rsa(`tpm/ak/${name}`, 2048) : this.#keys.ec(`tpm/ak/${name}`, 'P-256');
  }

  get rootKey(): KeyObject {
    return this.#keys.ec('tpm/root', 'P-256');
  }

  root(): EmulatedCertificate {
    return makeCertificate({
      serial: 1n,
      issuer: ROOT,
      subject: ROOT,
      notBefore: FROM,
      notAfter: TO,
      key: this.rootKey,
      extensions: [keyUsage('keyCertSign', 'cRLSign'), subjectKeyIdentifier(this.rootKey), basicConstraints(true)],
      signer: this.rootKey,
      algorithm: 'ecdsa-sha256',
    });
  }

  intermediate(edit: TpmCertificateEdit = {}): EmulatedCertificate {
    const key = edit.key ?? this.#keys.ec('tpm/ca', 'P-256');
    return makeCertificate({
      serial: 2n,
      issuer: ROOT,
      subject: INTERMEDIATE,
      notBefore: FROM,
      notAfter: TO,
      key,
      extensions: [
        keyUsage('keyCertSign', 'cRLSign'),
        subjectKeyIdentifier(key),
        authorityKeyIdentifier(this.rootKey),
        basicConstraints(true, 0),
      ],
      signer: this.rootKey,
      algorithm: 'ecdsa-sha256',
      ...edit,
    });
  }

  /** Certificate of an attestation key, one year long. */
  akCertificate(tpm: EmulatedTpm, edit: TpmCertificateEdit = {}): EmulatedCertificate {
    const key = edit.key ?? this.ak(tpm);
    const issuer = this.#keys.ec('tpm/ca', 'P-256');
    const now = this.#now().getTime();
    return makeCertificate({
      serial: 3n,
      issuer: INTERMEDIATE,
      subject: name(`emulated TPM ${tpm.name}`),
      notBefore: new Date(now - DAY),
      notAfter: new Date(now + 365 * DAY),
      key,
      extensions: akExtensions(key, issuer),
      signer: issuer,
      algorithm: 'ecdsa-sha256',
      ...edit,
    });
  }

  /** Leaf, intermediate and root in PEM. */
  akChain(tpm: EmulatedTpm, orders: TpmOrders = {}): string {
    return this.akCertificate(tpm, orders.leaf).pem + this.intermediate(orders.intermediate).pem + this.root().pem;
  }

  /** A key that the maker knows nothing of. */
  stranger(): KeyObject {
    return this.#keys.ec('tpm/stranger', 'P-256');
  }
}

/** Extensions of an AK certificate. @param usage extended key usage, null for none */
export function akExtensions(
  key: KeyObject,
  issuer: KeyObject,
  usage: string | null = AIK_CERTIFICATE,
): EmulatedExtension[] {
  return [
    keyUsage('digitalSignature'),
    subjectKeyIdentifier(key),
    authorityKeyIdentifier(issuer),
    basicConstraints(false),
    ...(usage === null ? [] : [{ oid: '2.5.29.37', value: derSequence(derOid(usage)) }]),
  ];
}

const DAY = 86_400_000;

function name(commonName: string): EmulatedName {
  return [
    ['CN', commonName],
    ['O', EMULATED_ORGANIZATION],
    ['OU', EMULATED_UNIT],
  ];
}

const ROOT = name('emulated TPM Root CA');
const INTERMEDIATE = name('emulated TPM AK CA');
