/** Keys and certificates of a TPM that exists in this process alone: what the guest's side of an enrolment does. */
import { createDecipheriv, createECDH, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  ByteReader,
  concatBytes,
  derBitString,
  derBoolean,
  derExplicit,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derSetOf,
  derTime,
  derUtf8String,
  encodeHex,
} from '@assay/bytes';
import {
  type EccPublicArea,
  marshalPublic,
  nameOf,
  type ObjectAttribute,
  readSized,
  spkiOf,
  TPM_ALG,
} from '@assay/evidence/tpm';
import { kdfA, kdfE } from '@assay/evidence/tpm/credential';

const NONE = new Uint8Array();
const FIXED: readonly ObjectAttribute[] = ['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'restricted'];

export interface SoftKey {
  readonly area: EccPublicArea;
  /** TPMT_PUBLIC. */
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly privateKey: KeyObject;
}

function softKey(attributes: readonly ObjectAttribute[], change: Partial<EccPublicArea>): SoftKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const area: EccPublicArea = {
    type: 'ecc',
    nameAlg: 'sha256',
    attributes: new Set(attributes),
    authPolicy: NONE,
    symmetric: undefined,
    scheme: undefined,
    curve: 'P-256',
    kdf: undefined,
    x: Uint8Array.from(Buffer.from(x, 'base64url')),
    y: Uint8Array.from(Buffer.from(y, 'base64url')),
    ...change,
  };
  return { area, bytes: marshalPublic(area), name: encodeHex(nameOf(area)), privateKey };
}

export const attestationKey = (attributes: readonly ObjectAttribute[] = [...FIXED, 'sign']): SoftKey =>
  softKey(attributes, { scheme: { algorithm: TPM_ALG.ecdsa, hash: 'sha256' } });

export const endorsementKey = (change: Partial<EccPublicArea> = {}): SoftKey =>
  softKey([...FIXED, 'decrypt', 'adminWithPolicy'], {
    symmetric: { algorithm: TPM_ALG.aes, keyBits: 128, mode: TPM_ALG.cfb },
    ...change,
  });

/** TPM2_ActivateCredential. @throws Error when the credential is for another key or Name */
export function activate(
  ek: SoftKey,
  name: string,
  credential: { readonly credentialBlob: Uint8Array; readonly encryptedSecret: Uint8Array },
): Uint8Array {
  const point = new ByteReader(credential.encryptedSecret, 'point');
  const x = readSized(point, 'x', 32);
  const y = readSized(point, 'y', 32);
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(Buffer.from(ek.privateKey.export({ format: 'jwk' }).d ?? '', 'base64url'));
  const z = ecdh.computeSecret(concatBytes(Uint8Array.of(4), x, y));
  const seed = kdfE('sha256', z, 'IDENTITY', x, ek.area.x, 256);
  const blob = new ByteReader(credential.credentialBlob, 'blob');
  const mac = readSized(blob, 'integrity', 32);
  const encrypted = blob.rest();
  const bound = Buffer.from(name, 'hex');
  const macKey = kdfA('sha256', seed, 'INTEGRITY', NONE, NONE, 256);
  const computed = createHmac('sha256', macKey).update(encrypted).update(bound).digest();
  if (Buffer.compare(mac, computed) !== 0) throw new Error('TPM_RC_INTEGRITY');
  const key = kdfA('sha256', seed, 'STORAGE', bound, NONE, 128);
  const cipher = createDecipheriv('aes-128-cfb', key, new Uint8Array(16));
  return readSized(new ByteReader(concatBytes(cipher.update(encrypted), cipher.final()), 'secret'), 'secret', 32);
}

/** A CA that certifies endorsement keys. */
export function softCa(commonName: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsa = derSequence(derOid('1.2.840.10045.4.3.2'));
  const name = (text: string): Uint8Array => derSequence(derSetOf(derSequence(derOid('2.5.4.3'), derUtf8String(text))));
  const extension = (oid: string, value: Uint8Array): Uint8Array => derSequence(derOid(oid), derOctetString(value));
  const issue = (
    subject: string,
    spki: Uint8Array,
    notAfter: Date,
    ...extensions: readonly Uint8Array[]
  ): Uint8Array => {
    const tbs = derSequence(
      derExplicit(0, derInteger(2)),
      derInteger(7),
      ecdsa,
      name(commonName),
      derSequence(derTime(new Date('2026-01-01T00:00:00Z')), derTime(notAfter)),
      name(subject),
      spki,
      derExplicit(3, derSequence(...extensions)),
    );
    return derSequence(tbs, ecdsa, derBitString(sign('sha256', tbs, privateKey)));
  };
  const spki = Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' }));
  const basic = extension('2.5.29.19', derSequence(derBoolean(true)));
  const purpose = extension('2.5.29.37', derSequence(derOid('2.23.133.8.1')));
  return {
    certificate: issue(commonName, spki, new Date('2036-01-01T00:00:00Z'), basic),
    certify: (ek: SoftKey, notAfter = new Date('2035-01-01T00:00:00Z')) =>
      issue('', spkiOf(ek.area), notAfter, purpose),
  };
}
