/** Makes X.509 certificates for tests (RFC 5280), signed with ECDSA P-256 and SHA-256. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { derSequence, encodePem } from '@assay/bytes';
import { basicConstraints, certificateExtension, issueCertificate } from '@assay/bytes/testing';

export interface Authority {
  readonly name: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly der: Uint8Array;
}

export interface CertificateOptions {
  readonly name: string;
  /** Who signs; absent: itself. */
  readonly issuer?: Authority;
  readonly ca?: boolean;
  readonly pathLength?: number;
  readonly from?: Date;
  readonly to?: Date;
  /** OID of a further critical extension. */
  readonly critical?: string;
  readonly keys?: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
}

export function certificate(options: CertificateOptions): Authority {
  const keys = options.keys ?? generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = options.issuer ?? { name: options.name, privateKey: keys.privateKey };
  const der = issueCertificate({
    subject: options.name,
    issuer: issuer.name,
    publicKey: keys.publicKey,
    signer: issuer.privateKey,
    notAfter: new Date('2030-01-01T00:00:00Z'),
    extensions: extensions(options),
    ...(options.from === undefined ? {} : { notBefore: options.from }),
    ...(options.to === undefined ? {} : { notAfter: options.to }),
  });
  return {
    name: options.name,
    privateKey: keys.privateKey,
    publicKey: keys.publicKey,
    der,
  };
}

export function pem(...certificates: readonly Authority[]): string {
  return certificates.map((one) => encodePem('CERTIFICATE', one.der)).join('');
}

function extensions({ ca, critical, pathLength }: CertificateOptions): readonly Uint8Array[] {
  return [
    ...(ca === true ? [basicConstraints(true, pathLength)] : []),
    ...(critical === undefined ? [] : [certificateExtension(critical, derSequence(), true)]),
  ];
}
