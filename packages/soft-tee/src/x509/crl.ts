import type { KeyObject } from 'node:crypto';
import {
  DER_TAG,
  derBitString,
  derElement,
  derExplicit,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derTime,
} from '@assay/bytes';
import { authorityKeyIdentifier, type EmulatedExtension, encodeExtensions } from './extension.js';
import { type EmulatedName, encodeName } from './name.js';
import { algorithmIdentifier, type EmulatedAlgorithm, signTbs } from './signature.js';

export interface RevokedCertificate {
  readonly serial: bigint;
  readonly date: Date;
  /** CRLReason (RFC 5280 section 5.3.1); 1 is keyCompromise. */
  readonly reason?: number;
}

export interface CrlFields {
  readonly issuer: EmulatedName;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly revoked: readonly RevokedCertificate[];
  readonly number: number;
  readonly signer: KeyObject;
  readonly algorithm: EmulatedAlgorithm;
  readonly alterSignature?: (signature: Uint8Array) => Uint8Array;
}

/** Writes and signs a version 2 CRL with authority key identifier and number (RFC 5280 section 5). */
export function makeCrl(fields: CrlFields): Uint8Array {
  const algorithm = algorithmIdentifier(fields.algorithm);
  const extensions: EmulatedExtension[] = [
    { oid: '2.5.29.20', value: derInteger(fields.number) },
    authorityKeyIdentifier(fields.signer),
  ];
  const entries = fields.revoked.map(({ serial, date, reason }) =>
    derSequence(derInteger(serial), derTime(date), ...(reason === undefined ? [] : [encodeReason(reason)])),
  );
  const tbs = derSequence(
    derInteger(1),
    algorithm,
    encodeName(fields.issuer),
    derTime(fields.thisUpdate),
    derTime(fields.nextUpdate),
    // An empty list is left out altogether (RFC 5280 section 5.1.2.6).
    ...(entries.length === 0 ? [] : [derSequence(...entries)]),
    derExplicit(0, encodeExtensions(extensions)),
  );
  const signature = signTbs(fields.algorithm, fields.signer, tbs);
  return derSequence(tbs, algorithm, derBitString(fields.alterSignature?.(signature) ?? signature));
}

function encodeReason(reason: number): Uint8Array {
  const value = derElement(DER_TAG.enumerated, Uint8Array.of(reason));
  return derSequence(derSequence(derOid('2.5.29.21'), derOctetString(value)));
}
