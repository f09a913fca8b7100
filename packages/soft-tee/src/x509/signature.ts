import { constants, type KeyObject, sign } from 'node:crypto';
import { derExplicit, derInteger, derNull, derOid, derSequence } from '@assay/bytes';

/** What emulated certificates and CRLs are signed with; the last three only to be refused. */
export type EmulatedAlgorithm =
  | 'ecdsa-sha256'
  | 'ecdsa-sha384'
  | 'rsa-pss-sha384'
  | 'rsa-pss-sha384-salt-32'
  | 'rsa-pss-sha256'
  | 'rsa-pkcs1-sha384';

const SHA256 = '2.16.840.1.101.3.4.2.1';
const SHA384 = '2.16.840.1.101.3.4.2.2';

/** AlgorithmIdentifier as the vendor of that algorithm writes it. */
export function algorithmIdentifier(algorithm: EmulatedAlgorithm): Uint8Array {
  switch (algorithm) {
    case 'ecdsa-sha256':
      return derSequence(derOid('1.2.840.10045.4.3.2'));
    case 'ecdsa-sha384':
      return derSequence(derOid('1.2.840.10045.4.3.3'));
    case 'rsa-pss-sha384':
      return pss(SHA384, 48);
    case 'rsa-pss-sha384-salt-32':
      return pss(SHA384, 32);
    case 'rsa-pss-sha256':
      return pss(SHA256, 32);
    case 'rsa-pkcs1-sha384':
      return derSequence(derOid('1.2.840.113549.1.1.12'), derNull());
  }
}

export function signTbs(algorithm: EmulatedAlgorithm, key: KeyObject, tbs: Uint8Array): Uint8Array {
  switch (algorithm) {
    case 'ecdsa-sha256':
      return Uint8Array.from(sign('sha256', tbs, key));
    case 'ecdsa-sha384':
      return Uint8Array.from(sign('sha384', tbs, key));
    case 'rsa-pss-sha384':
      return signPss('sha384', key, tbs, 48);
    case 'rsa-pss-sha384-salt-32':
      return signPss('sha384', key, tbs, 32);
    case 'rsa-pss-sha256':
      return signPss('sha256', key, tbs, 32);
    case 'rsa-pkcs1-sha384':
      return Uint8Array.from(sign('sha384', tbs, { key, padding: constants.RSA_PKCS1_PADDING }));
  }
}

function signPss(hash: string, key: KeyObject, tbs: Uint8Array, saltLength: number): Uint8Array {
  return Uint8Array.from(sign(hash, tbs, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }));
}

/** RSASSA-PSS-params (RFC 4055). AMD's certificates write the default trailer field out, against DER; so does this. */
function pss(hash: string, saltLength: number): Uint8Array {
  const digest = derSequence(derOid(hash), derNull());
  return derSequence(
    derOid('1.2.840.113549.1.1.10'),
    derSequence(
      derExplicit(0, digest),
      derExplicit(1, derSequence(derOid('1.2.840.113549.1.1.8'), digest)),
      derExplicit(2, derInteger(saltLength)),
      derExplicit(3, derInteger(1)),
    ),
  );
}
