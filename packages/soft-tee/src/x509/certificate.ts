import type { KeyObject } from 'node:crypto';
import { derBitString, derExplicit, derInteger, derSequence, derTime, encodePem } from '@assay/bytes';
import { type EmulatedExtension, encodeExtensions, publicKeyInfo } from './extension.js';
import { type EmulatedName, encodeName } from './name.js';
import { algorithmIdentifier, type EmulatedAlgorithm, signTbs } from './signature.js';

/** Everything a certificate says. */
export interface CertificateFields {
  readonly serial: bigint;
  readonly issuer: EmulatedName;
  readonly subject: EmulatedName;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Key that is certified, private or public. */
  readonly key: KeyObject;
  readonly extensions: readonly EmulatedExtension[];
  readonly signer: KeyObject;
  readonly algorithm: EmulatedAlgorithm;
  /** Changes the signature after the fact: what a broken certificate is made of. */
  readonly alterSignature?: (signature: Uint8Array) => Uint8Array;
}

export interface EmulatedCertificate {
  readonly fields: CertificateFields;
  readonly der: Uint8Array;
  readonly pem: string;
}

/** Writes and signs an X.509 v3 certificate (RFC 5280 section 4.1). */
export function makeCertificate(fields: CertificateFields): EmulatedCertificate {
  const algorithm = algorithmIdentifier(fields.algorithm);
  const tbs = derSequence(
    derExplicit(0, derInteger(2)),
    derInteger(fields.serial),
    algorithm,
    encodeName(fields.issuer),
    derSequence(derTime(fields.notBefore), derTime(fields.notAfter)),
    encodeName(fields.subject),
    publicKeyInfo(fields.key),
    derExplicit(3, encodeExtensions(fields.extensions)),
  );
  const signature = signTbs(fields.algorithm, fields.signer, tbs);
  const der = derSequence(tbs, algorithm, derBitString(fields.alterSignature?.(signature) ?? signature));
  return { fields, der, pem: encodePem('CERTIFICATE', der) };
}
