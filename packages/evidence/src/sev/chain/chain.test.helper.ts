/** A whole chain under keys of its own, every part of which a test can change. */
import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { concatBytes } from '@assay/bytes';
import { ALGORITHM, readAlgorithm, USAGE } from '../certificate/constants.js';
import {
  encodeAuthorityBody,
  encodePlatformBody,
  encodePlatformCertificate,
  littleEndian,
  type SlotContent,
} from '../certificate/encode.js';
import type { PlatformKey } from '../certificate/platform.js';
import type { ChainRole } from './files.js';

const rsa = (): KeyObject => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const ec = (namedCurve = 'secp384r1'): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey;

/** Made once: RSA keys are slow. */
export const CHAIN_KEYS = { ark: rsa(), ask: rsa(), cek: ec(), oca: ec(), pek: ec(), pdh: ec(), stranger: ec() };
export const OCA_RSA = rsa();
export const P256 = ec('prime256v1');

type Place = 'pdh' | 'pek' | 'oca' | 'cek';

/** What differs from a sound chain. */
export interface ChainChanges {
  readonly usage?: { readonly [role in ChainRole]?: number };
  readonly algorithm?: { readonly [role in Place]?: number };
  readonly keys?: { readonly [role in Place]?: KeyObject };
  /** Changes the signed part before it is signed. */
  readonly body?: { readonly [role in ChainRole]?: (body: Uint8Array) => Uint8Array };
  /** Replaces the slots of the PEK. */
  readonly pekSlots?: (slots: { readonly oca: SlotContent; readonly cek: SlotContent }) => readonly SlotContent[];
  readonly pss?: { readonly saltLength?: number; readonly hash?: string };
}

export function makeChain(changes: ChainChanges = {}): { readonly [role in ChainRole]: Uint8Array } {
  const keys = { ...CHAIN_KEYS, ...changes.keys };
  const edit = (role: ChainRole, body: Uint8Array): Uint8Array => changes.body?.[role]?.(body) ?? body;
  const usageOf = (role: ChainRole): number => changes.usage?.[role] ?? USAGE[role.toUpperCase() as 'ARK'];
  const algorithmOf = (role: Place): number => {
    const usual = role === 'pdh' ? ALGORITHM.ECDH_SHA256 : ALGORITHM.ECDSA_SHA256;
    return changes.algorithm?.[role] ?? (keys[role].asymmetricKeyType === 'rsa' ? ALGORITHM.RSA_SHA256 : usual);
  };
  const pss = (key: KeyObject, body: Uint8Array): Uint8Array =>
    sign(changes.pss?.hash ?? 'sha256', body, {
      key,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: changes.pss?.saltLength ?? constants.RSA_PSS_SALTLEN_DIGEST,
    });
  const authority = (role: 'ask' | 'ark'): Uint8Array => {
    const { exponent, modulus } = rsaNumbers(keys[role]);
    const id = { ark: new Uint8Array(16).fill(1), ask: new Uint8Array(16).fill(2) };
    const body = edit(
      role,
      encodeAuthorityBody({
        keyId: id[role],
        certifyingId: id.ark,
        usage: usageOf(role),
        bits: 2048,
        exponent,
        modulus,
      }),
    );
    return concatBytes(body, littleEndian(pss(keys.ark, body), 256));
  };
  const bodyOf = (role: Place): Uint8Array =>
    edit(
      role,
      encodePlatformBody({
        api: { major: 0, minor: 24 },
        usage: usageOf(role),
        algorithm: algorithmOf(role),
        key: platformKey(keys[role]),
      }),
    );
  const by = (role: Place, body: Uint8Array): SlotContent => {
    const algorithm = algorithmOf(role);
    const usage = USAGE[role.toUpperCase() as 'PEK'];
    const key = keys[role];
    if (key.asymmetricKeyType === 'rsa') return { usage, algorithm, kind: 'rsa', bytes: pss(key, body) };
    const hash = readAlgorithm(algorithm)?.hash ?? 'sha256';
    return { usage, algorithm, kind: 'ec', bytes: sign(hash, body, { key, dsaEncoding: 'ieee-p1363' }) };
  };
  const [pdh, pek, oca, cek] = (['pdh', 'pek', 'oca', 'cek'] as const).map(bodyOf) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const slots = { oca: by('oca', pek), cek: by('cek', pek) };
  const [first, second] = changes.pekSlots?.(slots) ?? [slots.oca, slots.cek];
  return {
    pdh: encodePlatformCertificate(pdh, by('pek', pdh)),
    pek: encodePlatformCertificate(pek, first, second),
    oca: encodePlatformCertificate(oca, by('oca', oca)),
    cek: encodePlatformCertificate(cek, {
      usage: USAGE.ASK,
      algorithm: ALGORITHM.RSA_SHA256,
      kind: 'rsa',
      bytes: pss(keys.ask, cek),
    }),
    ask: authority('ask'),
    ark: authority('ark'),
  };
}

function platformKey(key: KeyObject): PlatformKey {
  const jwk = createPublicKey(key).export({ format: 'jwk' });
  if (jwk.kty === 'RSA') return { kind: 'rsa', bits: 2048, ...rsaNumbers(key) };
  const curve = jwk.crv === 'P-256' ? 'P-256' : 'P-384';
  return { kind: 'ec', curve, x: Buffer.from(jwk.x ?? '', 'base64url'), y: Buffer.from(jwk.y ?? '', 'base64url') };
}

function rsaNumbers(key: KeyObject): { readonly exponent: Uint8Array; readonly modulus: Uint8Array } {
  const jwk = createPublicKey(key).export({ format: 'jwk' });
  return { exponent: Buffer.from(jwk.e ?? '', 'base64url'), modulus: Buffer.from(jwk.n ?? '', 'base64url') };
}
