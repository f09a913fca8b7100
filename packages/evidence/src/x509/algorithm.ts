import { DecodeError, type DerReader, encodeHex } from '@assay/bytes';

/** Signature algorithms of the vendors' certificates. Anything else is read, and never verified. */
export type SignatureAlgorithm =
  | 'ecdsa-sha256'
  | 'ecdsa-sha384'
  | 'ecdsa-sha512'
  | 'rsa-pss-sha256'
  | 'rsa-pss-sha384'
  | 'rsa-pss-sha512'
  | 'rsa-pkcs1-sha256'
  | 'rsa-pkcs1-sha384'
  | 'rsa-pkcs1-sha512'
  | `unknown ${string}`;

/** An AlgorithmIdentifier: its name, and its encoding, which must be the same inside and outside of the signed part. */
export interface AlgorithmIdentifier {
  readonly name: SignatureAlgorithm;
  readonly der: Uint8Array;
}

const WITHOUT_PARAMETERS: Readonly<Record<string, SignatureAlgorithm>> = {
  '1.2.840.10045.4.3.2': 'ecdsa-sha256',
  '1.2.840.10045.4.3.3': 'ecdsa-sha384',
  '1.2.840.10045.4.3.4': 'ecdsa-sha512',
};

const WITH_NULL: Readonly<Record<string, SignatureAlgorithm>> = {
  '1.2.840.113549.1.1.11': 'rsa-pkcs1-sha256',
  '1.2.840.113549.1.1.12': 'rsa-pkcs1-sha384',
  '1.2.840.113549.1.1.13': 'rsa-pkcs1-sha512',
};

const RSA_PSS = '1.2.840.113549.1.1.10';
const MGF1 = '1.2.840.113549.1.1.8';

/** Digest object identifiers with the salt length that equals the digest's, which is the only one known here. */
const DIGESTS: Readonly<Record<string, { readonly name: SignatureAlgorithm; readonly length: number }>> = {
  '2.16.840.1.101.3.4.2.1': { name: 'rsa-pss-sha256', length: 32 },
  '2.16.840.1.101.3.4.2.2': { name: 'rsa-pss-sha384', length: 48 },
  '2.16.840.1.101.3.4.2.3': { name: 'rsa-pss-sha512', length: 64 },
};

/** Reads an AlgorithmIdentifier of a signature (RFC 5280 section 4.1.1.2, RFC 4055 section 3.1, RFC 5758). @throws DecodeError */
export function readSignatureAlgorithm(reader: DerReader): AlgorithmIdentifier {
  const element = reader.element(0x30);
  const inner = reader.inside(element);
  const oid = inner.oid();
  const plain = own(WITHOUT_PARAMETERS, oid);
  const withNull = own(WITH_NULL, oid);
  let name: SignatureAlgorithm;
  if (plain !== undefined) {
    name = plain;
  } else if (withNull !== undefined) {
    inner.null();
    name = withNull;
  } else if (oid === RSA_PSS) {
    name = readPssParameters(inner);
  } else {
    return { name: `unknown ${oid}`, der: element.encoded };
  }
  inner.end();
  return { name, der: element.encoded };
}

/** RSASSA-PSS-params with hash, MGF1 of the same hash, and a salt as long as the hash. */
function readPssParameters(reader: DerReader): SignatureAlgorithm {
  const at = reader.offset;
  const parameters = reader.sequence();
  const hash = parameters.explicit(0);
  const mask = parameters.explicit(1);
  const salt = parameters.explicit(2);
  const trailer = parameters.explicit(3);
  parameters.end();
  // The defaults are SHA-1 and a salt of 20 octets: too weak to be served.
  if (hash === undefined || mask === undefined || salt === undefined) {
    throw new DecodeError('X.509 signature algorithm', 'RSASSA-PSS without hash, mask or salt length', at);
  }
  const digestOid = readDigest(hash);
  const maskAlgorithm = mask.sequence();
  mask.end();
  const maskOid = maskAlgorithm.oid();
  const maskDigestOid = readDigest(maskAlgorithm);
  const saltLength = salt.smallInteger();
  salt.end();
  // The default written out: not DER, but AMD's certificates have it.
  if (trailer !== undefined) {
    const field = trailer.smallInteger();
    trailer.end();
    if (field !== 1) throw new DecodeError('X.509 signature algorithm', `RSASSA-PSS trailer field ${field}`, at);
  }
  const digest = own(DIGESTS, digestOid);
  if (digest === undefined) return `unknown ${RSA_PSS} with ${digestOid}`;
  if (maskOid !== MGF1 || maskDigestOid !== digestOid || saltLength !== digest.length) {
    return `unknown ${RSA_PSS} with mask ${maskOid} of ${maskDigestOid}, salt of ${saltLength} bytes`;
  }
  return digest.name;
}

function readDigest(reader: DerReader): string {
  const algorithm = reader.sequence();
  const oid = algorithm.oid();
  if (!algorithm.atEnd) algorithm.null();
  algorithm.end();
  reader.end();
  return oid;
}

/** Public keys that the vendors' certificates hold. */
export type KeyType = 'ec-p256' | 'ec-p384' | 'rsa' | `unknown ${string}`;

/** SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7). */
export interface SubjectPublicKey {
  readonly der: Uint8Array;
  readonly type: KeyType;
  /** Uncompressed point `04 ‖ x ‖ y` of EC keys; the RSAPublicKey's DER of RSA keys. */
  readonly key: Uint8Array;
}

const EC_PUBLIC_KEY = '1.2.840.10045.2.1';
const CURVES: Readonly<Record<string, { readonly type: KeyType; readonly size: number }>> = {
  '1.2.840.10045.3.1.7': { type: 'ec-p256', size: 32 },
  '1.3.132.0.34': { type: 'ec-p384', size: 48 },
};
const RSA_ENCRYPTION = '1.2.840.113549.1.1.1';

/** Reads a SubjectPublicKeyInfo. @throws DecodeError */
export function readPublicKey(reader: DerReader): SubjectPublicKey {
  const element = reader.element(0x30);
  const outer = reader.inside(element);
  const algorithm = outer.sequence();
  const oid = algorithm.oid();
  let type: KeyType;
  let pointSize: number | undefined;
  if (oid === EC_PUBLIC_KEY) {
    const curveOid = algorithm.oid();
    const curve = own(CURVES, curveOid);
    type = curve?.type ?? `unknown curve ${curveOid}`;
    pointSize = curve?.size;
    algorithm.end();
  } else if (oid === RSA_ENCRYPTION) {
    algorithm.null();
    algorithm.end();
    type = 'rsa';
  } else {
    type = `unknown ${oid}`;
  }
  const at = outer.offset;
  const { bytes, unusedBits } = outer.bitString();
  outer.end();
  if (unusedBits !== 0) throw new DecodeError('X.509 public key', 'key is not whole bytes', at);
  if (pointSize !== undefined && (bytes.length !== 1 + 2 * pointSize || bytes[0] !== 0x04)) {
    const start = encodeHex(bytes.subarray(0, 1));
    throw new DecodeError('X.509 public key', `point of ${bytes.length} bytes starting with ${start}`, at);
  }
  return { der: element.encoded, type, key: bytes };
}

function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
