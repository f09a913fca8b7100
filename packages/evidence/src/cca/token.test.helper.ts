/** CCA tokens for tests, with any defect, under throw-away keys. */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { encodeUtf8 } from '@assay/bytes';
import { encode } from 'cborg';
import { type CcaAnchor, parseTrustAnchors } from './stores/anchors.js';

export const IMPLEMENTATION = new Uint8Array(32).fill(0xaa);
export const INSTANCE = Uint8Array.from([1, ...new Uint8Array(32).fill(0xbb)]);
export const CHALLENGE = Uint8Array.from([...new Uint8Array(48).fill(0x11), ...new Uint8Array(16)]);
export const RPV = new Uint8Array(64).fill(0x22);

export const ecKey = (namedCurve: 'P-256' | 'P-384' | 'P-521' = 'P-384'): KeyObject =>
  generateKeyPairSync('ec', { namedCurve }).privateKey;
export const KEYS = { cpak: ecKey(), rak: ecKey(), other: ecKey() };

export const jwkOf = (key: KeyObject): object => createPublicKey(key).export({ format: 'jwk' });
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export function storeOf(key: KeyObject = KEYS.cpak, more: object = {}): string {
  const ids = { 'implementation-id': hexOf(IMPLEMENTATION), 'instance-id': hexOf(INSTANCE) };
  return JSON.stringify([{ pkey: jwkOf(key), ...ids, ...more }]);
}
export const anchorsOf = (text: string): readonly CcaAnchor[] => parseTrustAnchors(encodeUtf8(text));
export const ANCHORS = anchorsOf(storeOf());

const coordinates = (key: KeyObject): [Uint8Array, Uint8Array] => {
  const { x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' });
  return [Uint8Array.from(Buffer.from(x, 'base64url')), Uint8Array.from(Buffer.from(y, 'base64url'))];
};
export const pointOf = (key: KeyObject): Uint8Array => Uint8Array.from([4, ...coordinates(key).flatMap((c) => [...c])]);
export const coseKeyOf = (key: KeyObject, curve = 2): Uint8Array => {
  const [x, y] = coordinates(key);
  return encode(
    new Map<number, unknown>([
      [1, 2],
      [-1, curve],
      [-2, x],
      [-3, y],
    ]),
  );
};

/** Claims instead of the ordinary ones, by key; undefined leaves one out. */
export type Edit = { readonly [key: number]: unknown };

export interface PartSigning {
  readonly key?: KeyObject;
  readonly label?: unknown;
  readonly hash?: string;
  readonly header?: Uint8Array;
  readonly untagged?: true;
  /** Another payload after signing. */
  readonly payload?: Uint8Array;
}

export interface TokenSpec {
  readonly platform?: Edit;
  readonly realm?: Edit;
  readonly platformSigning?: PartSigning;
  readonly realmSigning?: PartSigning;
  /** Bytes of the realm's public key; the platform's challenge follows them. */
  readonly publicKey?: Uint8Array;
  readonly publicKeyHash?: string;
  readonly collection?: Edit;
  readonly tag?: Uint8Array;
}

export const component = (changes: Edit = {}): Map<number, unknown> =>
  edited(
    [
      [1, 'RMM'],
      [2, new Uint8Array(32).fill(1)],
      [4, '0.7.0'],
      [5, new Uint8Array(32).fill(2)],
      [6, 'sha-256'],
    ],
    changes,
  );

export const digestOf = (bytes: Uint8Array, name = 'sha-256'): Uint8Array =>
  Uint8Array.from(createHash(name.replace('-', '')).update(bytes).digest());

export function tokenOf(spec: TokenSpec = {}): Uint8Array {
  const publicKey = spec.publicKey ?? coseKeyOf(KEYS.rak);
  const hash = spec.publicKeyHash ?? 'sha-256';
  const platform = edited(
    [
      [265, 'tag:arm.com,2023:cca_platform#1.0.0'],
      [10, digestOf(publicKey, hash)],
      [2396, IMPLEMENTATION],
      [256, INSTANCE],
      [2401, Uint8Array.of(0xcf)],
      [2395, 0x3003],
      [2402, 'sha-256'],
      [2399, [component()]],
      [2400, 'https://veraison.example'],
    ],
    spec.platform,
  );
  const realm = edited(
    [
      [265, 'tag:arm.com,2023:realm#1.0.0'],
      [10, CHALLENGE],
      [44235, RPV],
      [44236, 'sha-256'],
      [44237, publicKey],
      [44238, new Uint8Array(32).fill(3)],
      [44239, [4, 5, 6, 7].map((value) => new Uint8Array(32).fill(value))],
      [44240, hash],
    ],
    spec.realm,
  );
  const collection = edited(
    [
      [44234, signed(platform, KEYS.cpak, spec.platformSigning)],
      [44241, signed(realm, KEYS.rak, spec.realmSigning)],
    ],
    spec.collection,
  );
  return Uint8Array.from([...(spec.tag ?? [0xd9, 0x01, 0x8f]), ...encode(collection)]);
}

function edited(ordinary: readonly [number, unknown][], changes: Edit = {}): Map<number, unknown> {
  const all = new Map(ordinary);
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) all.delete(Number(key));
    else all.set(Number(key), value);
  }
  return all;
}

function signed(claims: unknown, ordinary: KeyObject, spec: PartSigning = {}): Uint8Array {
  const header = spec.header ?? encode(new Map([[1, spec.label ?? -35]]));
  const payload = encode(claims);
  const key = { key: spec.key ?? ordinary, dsaEncoding: 'ieee-p1363' } as const;
  const input = encode(['Signature1', header, new Uint8Array(), payload]);
  const signature = Uint8Array.from(sign(spec.hash ?? 'sha384', input, key));
  const message = encode([header, new Map(), spec.payload ?? payload, signature]);
  return spec.untagged === true ? message : Uint8Array.from([0xd2, ...message]);
}
