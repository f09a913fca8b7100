import { createHash, type KeyObject } from 'node:crypto';
import { concatBytes, type JsonObject } from '@assay/bytes';
import type { CcaMachine } from '../cca/cca.js';
import { type CborInput, type Sign1Signing, writeCbor, writeMap, writeSign1 } from '../cose/cose.js';
import { padded } from '../fixed.js';
import { publicPoint } from '../keys/key-store.js';
import type { TestWorld } from '../world.js';

/** Claims instead of the ordinary ones, by their key; undefined leaves a claim out. */
export type CcaClaimEdit = { readonly [key: number]: CborInput | undefined };

/** What differs from an ordinary realm on a secured machine. */
export interface CcaOverrides {
  readonly machine?: CcaMachine;
  readonly realmKey?: KeyObject;
  /** Tokens of the first firmware: other platform profile, no realm profile, realm key as a point. */
  readonly legacy?: boolean;
  readonly publicKeyHash?: 'sha-256' | 'sha-384' | 'sha-512';
  /** The 64 bytes that were given when the realm was made: the init-data digest. Default zero. */
  readonly personalizationValue?: Uint8Array;
  readonly platform?: CcaClaimEdit;
  readonly realm?: CcaClaimEdit;
  readonly platformSigning?: Partial<Sign1Signing>;
  readonly realmSigning?: Partial<Sign1Signing>;
  /** Members of the collection instead of the ordinary ones. */
  readonly collection?: CcaClaimEdit;
  /** Head of the tag around the collection; default tag 399. */
  readonly tag?: Uint8Array;
  /** Changes the finished token. */
  readonly alter?: (token: Uint8Array) => Uint8Array;
}

const TAG_399 = Uint8Array.of(0xd9, 0x01, 0x8f);
const NODE_HASHES = { 'sha-256': 'sha256', 'sha-384': 'sha384', 'sha-512': 'sha512' } as const;

/** A token of an emulated realm. `reportData` is its challenge, at most 64 bytes; padded with zeros. */
export function ccaToken(world: TestWorld, reportData: Uint8Array, overrides: CcaOverrides = {}): Uint8Array {
  const machine = overrides.machine ?? world.cca.machine();
  const realmKey = overrides.realmKey ?? world.cca.realmKey();
  const legacy = overrides.legacy === true;
  const hash = overrides.publicKeyHash ?? 'sha-256';
  const publicKey = legacy ? pointOf(realmKey) : coseKeyOf(realmKey);
  const realm = claims(
    [
      [10, padded(reportData, 64, 'report data')],
      [265, legacy ? undefined : 'tag:arm.com,2023:realm#1.0.0'],
      [44235, overrides.personalizationValue ?? new Uint8Array(64)],
      [44236, 'sha-256'],
      [44237, publicKey],
      [44238, measured('realm image')],
      [44239, [0, 1, 2, 3].map((index) => measured(`realm extension ${index}`))],
      [44240, hash],
    ],
    overrides.realm,
  );
  const platform = claims(
    [
      [265, legacy ? 'http://arm.com/CCA-SSD/1.0.0' : 'tag:arm.com,2023:cca_platform#1.0.0'],
      [10, Uint8Array.from(createHash(NODE_HASHES[hash]).update(publicKey).digest())],
      [256, machine.instanceId],
      [2396, machine.implementationId],
      [2401, Uint8Array.of(0xcf, 0xcf, 0xcf, 0xcf)],
      [2395, 0x3003],
      [2402, 'sha-256'],
      [2399, [component('RSE_BL2', '1.2.0'), component('RMM', '0.7.0')]],
      [2400, 'https://veraison.example/.well-known/veraison/verification'],
    ],
    overrides.platform,
  );
  const signed = (key: KeyObject, payload: Uint8Array, signing: Partial<Sign1Signing> = {}): Uint8Array =>
    writeSign1(payload, { key, tagged: true, ...signing });
  const collection = claims(
    [
      [44234, signed(machine.key, platform, overrides.platformSigning)],
      [44241, signed(realmKey, realm, overrides.realmSigning)],
    ],
    overrides.collection,
  );
  const token = concatBytes(overrides.tag ?? TAG_399, collection);
  return overrides.alter?.(token) ?? token;
}

/** Evidence as guests send it (guest-components, `cca` attester). */
export function ccaEvidence(world: TestWorld, reportData: Uint8Array, overrides: CcaOverrides = {}): JsonObject {
  return { token: [...ccaToken(world, reportData, overrides)] };
}

function claims(ordinary: readonly (readonly [number, CborInput | undefined])[], edit: CcaClaimEdit = {}): Uint8Array {
  const all = new Map<number, CborInput | undefined>(ordinary);
  for (const [key, value] of Object.entries(edit)) all.set(Number(key), value);
  const present = [...all].flatMap(([key, value]): [number, CborInput][] =>
    value === undefined ? [] : [[key, value]],
  );
  return writeMap(new Map(present), false);
}

function component(type: string, version: string): CborInput {
  return new Map<number, CborInput>([
    [1, type],
    [2, measured(`firmware ${type} ${version}`)],
    [4, version],
    [5, measured('firmware signer')],
    [6, 'sha-256'],
  ]);
}

function measured(what: string): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(`Assay emulated CCA: ${what}`).digest());
}

/** `04 ‖ x ‖ y` */
function pointOf(key: KeyObject): Uint8Array {
  return Uint8Array.from([4, ...publicPoint(key)]);
}

/** What the platform says of a realm's key: SHA-256 of its COSE_Key. */
export function realmKeyDigest(key: KeyObject): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(coseKeyOf(key)).digest());
}

/** COSE_Key of an EC2 key on P-384. */
function coseKeyOf(key: KeyObject): Uint8Array {
  const point = publicPoint(key);
  return writeCbor(
    new Map<number, CborInput>([
      [1, 2],
      [-1, 2],
      [-2, point.subarray(0, 48)],
      [-3, point.subarray(48)],
    ]),
  );
}
