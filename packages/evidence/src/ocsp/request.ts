import { derExplicit, derOctetString, derOid, derSequence } from '@assay/bytes';
import type { Certificate } from '../x509/index.js';
import { encodeCertId } from './cert-id.js';

/** id-pkix-ocsp-nonce */
export const NONCE_EXTENSION = '1.3.6.1.5.5.7.48.1.2';

/**
 * DER of an OCSPRequest about one certificate (RFC 6960 section 4.1.1).
 *
 * @param nonce 1 to 32 bytes that the answer must repeat (RFC 9654)
 */
export function encodeOcspRequest(certificate: Certificate, issuer: Certificate, nonce: Uint8Array): Uint8Array {
  const request = derSequence(encodeCertId(certificate, issuer));
  const extension = derSequence(derOid(NONCE_EXTENSION), derOctetString(derOctetString(nonce)));
  return derSequence(derSequence(derSequence(request), derExplicit(2, derSequence(extension))));
}
