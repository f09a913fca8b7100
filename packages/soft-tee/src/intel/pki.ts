import type { KeyObject } from 'node:crypto';
import type { KeyStore } from '../keys/key-store.js';
import { type CertificateFields, type EmulatedCertificate, makeCertificate } from '../x509/certificate.js';
import { EMULATED_ORGANIZATION, EMULATED_UNIT } from '../x509/emulated-name.js';
import {
  authorityKeyIdentifier,
  basicConstraints,
  crlDistributionPoint,
  keyIdentifier,
  keyUsage,
  subjectKeyIdentifier,
} from '../x509/extension.js';
import type { EmulatedName } from '../x509/name.js';
import { type IntelPlatform, type PckCa, sgxExtension } from './platform.js';

const ROOT_CRL_URL = 'https://certificates.trustedservices.intel.com/IntelSGXRootCA.der';
const PCK_CRL_URL = 'https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl';

/** Changes to a certificate before it is signed. */
export type CertificateEdit = Partial<CertificateFields>;

/** The common names are Intel's, because verifiers look at them; the organisation tells the truth. */
function name(commonName: string): EmulatedName {
  return [
    ['CN', commonName],
    ['O', EMULATED_ORGANIZATION],
    ['OU', EMULATED_UNIT],
    ['L', 'Santa Clara'],
    ['ST', 'CA'],
    ['C', 'US'],
  ];
}

export const ROOT_NAME = name('Intel SGX Root CA');
export const CA_NAMES: Readonly<Record<PckCa, EmulatedName>> = {
  platform: name('Intel SGX PCK Platform CA'),
  processor: name('Intel SGX PCK Processor CA'),
};
const TCB_SIGNER_NAME = name('Intel SGX TCB Signing');
const PCK_NAME = name('Intel SGX PCK Certificate');

const FROM = new Date('2018-05-21T10:50:10Z');
const TO = new Date('2049-12-31T23:59:59Z');

/** Emulated counterpart of Intel's SGX certificate hierarchy. */
export class IntelPki {
  readonly #keys: KeyStore;

  constructor(keys: KeyStore) {
    this.#keys = keys;
  }

  get rootKey(): KeyObject {
    return this.#keys.ec('intel/root', 'P-256');
  }

  get tcbSignerKey(): KeyObject {
    return this.#keys.ec('intel/tcb-signing', 'P-256');
  }

  caKey(ca: PckCa): KeyObject {
    return this.#keys.ec(`intel/ca/${ca}`, 'P-256');
  }

  pckKey(platform: IntelPlatform): KeyObject {
    return this.#keys.ec(`intel/pck/${platform.id}`, 'P-256');
  }

  root(edit: CertificateEdit = {}): EmulatedCertificate {
    const key = edit.key ?? this.rootKey;
    return makeCertificate({
      serial: serialOf(key),
      issuer: ROOT_NAME,
      subject: ROOT_NAME,
      notBefore: FROM,
      notAfter: TO,
      key,
      extensions: [
        authorityKeyIdentifier(key),
        crlDistributionPoint(ROOT_CRL_URL),
        subjectKeyIdentifier(key),
        keyUsage('keyCertSign', 'cRLSign'),
        basicConstraints(true, 1),
      ],
      signer: key,
      algorithm: 'ecdsa-sha256',
      ...edit,
    });
  }

  ca(ca: PckCa, edit: CertificateEdit = {}): EmulatedCertificate {
    const key = edit.key ?? this.caKey(ca);
    return makeCertificate({
      serial: serialOf(key),
      issuer: ROOT_NAME,
      subject: CA_NAMES[ca],
      notBefore: FROM,
      notAfter: TO,
      key,
      extensions: [
        authorityKeyIdentifier(this.rootKey),
        crlDistributionPoint(ROOT_CRL_URL),
        subjectKeyIdentifier(key),
        keyUsage('keyCertSign', 'cRLSign'),
        basicConstraints(true, 0),
      ],
      signer: this.rootKey,
      algorithm: 'ecdsa-sha256',
      ...edit,
    });
  }

  tcbSigner(edit: CertificateEdit = {}): EmulatedCertificate {
    const key = edit.key ?? this.tcbSignerKey;
    return makeCertificate({
      serial: serialOf(key),
      issuer: ROOT_NAME,
      subject: TCB_SIGNER_NAME,
      notBefore: FROM,
      notAfter: TO,
      key,
      extensions: [
        authorityKeyIdentifier(this.rootKey),
        crlDistributionPoint(ROOT_CRL_URL),
        subjectKeyIdentifier(key),
        keyUsage('digitalSignature', 'nonRepudiation'),
        basicConstraints(false),
      ],
      signer: this.rootKey,
      algorithm: 'ecdsa-sha256',
      ...edit,
    });
  }

  /** The leaf of one platform: what Intel issues for its provisioning certification enclave. */
  pck(platform: IntelPlatform, edit: CertificateEdit = {}): EmulatedCertificate {
    const key = edit.key ?? this.pckKey(platform);
    return makeCertificate({
      serial: serialOf(key),
      issuer: CA_NAMES[platform.ca],
      subject: PCK_NAME,
      notBefore: FROM,
      notAfter: TO,
      key,
      extensions: [
        authorityKeyIdentifier(this.caKey(platform.ca)),
        crlDistributionPoint(`${PCK_CRL_URL}?ca=${platform.ca}&encoding=der`),
        subjectKeyIdentifier(key),
        keyUsage('digitalSignature', 'nonRepudiation'),
        basicConstraints(false),
        sgxExtension(platform),
      ],
      signer: this.caKey(platform.ca),
      algorithm: 'ecdsa-sha256',
      ...edit,
    });
  }
}

/** Intel's serial numbers are the subject key identifiers; so are these, which also makes them stable. */
function serialOf(key: KeyObject): bigint {
  return BigInt(`0x${Buffer.from(keyIdentifier(key)).toString('hex')}`);
}
