/** Claims of the CCA platform token (Arm DEN0137, A7.2.3.2). */
import { type CborMap, isCborMap } from '../../cose/index.js';
import { ClaimReader, DIGEST_SIZES } from './claims.js';

const KEY = {
  challenge: 10,
  instanceId: 256,
  profile: 265,
  lifecycle: 2395,
  implementationId: 2396,
  softwareComponents: 2399,
  verificationService: 2400,
  config: 2401,
  hashAlgorithm: 2402,
} as const;
const COMPONENT = { type: 1, measurement: 2, version: 4, signerId: 5, hashAlgorithm: 6 } as const;
const MOST_COMPONENTS = 64;
const LARGEST_CONFIG = 1024;
/** EAT UEID of type RAND: one byte of type, 32 bytes. */
const INSTANCE_ID_SIZE = 33;
const UEID_RAND = 0x01;

export interface SoftwareComponent {
  readonly type: string | undefined;
  readonly measurement: Uint8Array;
  readonly version: string | undefined;
  readonly signerId: Uint8Array;
  readonly hashAlgorithm: string | undefined;
}

export interface PlatformClaims {
  readonly profile: string;
  /** Hash of the realm's public key. */
  readonly challenge: Uint8Array;
  readonly implementationId: Uint8Array;
  readonly instanceId: Uint8Array;
  readonly config: Uint8Array;
  readonly lifecycle: number;
  readonly hashAlgorithm: string;
  readonly verificationService: string | undefined;
  /** In the order of the token. */
  readonly softwareComponents: readonly SoftwareComponent[];
}

/** Each member may be undefined as long as the reader has findings. */
export type Partly<T> = { readonly [member in keyof T]: T[member] | undefined };

export function readPlatformClaims(map: CborMap): { reader: ClaimReader; claims: Partly<PlatformClaims> } {
  const reader = new ClaimReader('platform', map);
  const claims = {
    profile: reader.text(KEY.profile, 'profile'),
    challenge: reader.bytes(KEY.challenge, 'challenge', DIGEST_SIZES),
    implementationId: reader.bytes(KEY.implementationId, 'implementation id', [32]),
    instanceId: readInstanceId(reader),
    config: reader.atMost(KEY.config, 'configuration', LARGEST_CONFIG),
    lifecycle: reader.number(KEY.lifecycle, 'lifecycle', 0xffff),
    hashAlgorithm: reader.hash(KEY.hashAlgorithm, 'hash algorithm'),
    verificationService: reader.optionalText(KEY.verificationService, 'verification service'),
    softwareComponents: readComponents(reader),
  };
  return { reader, claims };
}

function readInstanceId(reader: ClaimReader): Uint8Array | undefined {
  const id = reader.bytes(KEY.instanceId, 'instance id', [INSTANCE_ID_SIZE]);
  if (id === undefined || id[0] === UEID_RAND) return id;
  return reader.wrong('type of the instance id', id[0], '1 is right');
}

function readComponents(reader: ClaimReader): readonly SoftwareComponent[] | undefined {
  const list = reader.list(KEY.softwareComponents, 'software components', MOST_COMPONENTS);
  return list?.flatMap((one, index): SoftwareComponent[] => {
    const name = `software component ${index + 1}`;
    if (!isCborMap(one)) {
      reader.wrong(name, one, 'a map is due');
      return [];
    }
    const members = new ClaimReader(`platform ${name}`, one);
    const type = members.optionalText(COMPONENT.type, 'type');
    const measurement = members.bytes(COMPONENT.measurement, 'measurement', DIGEST_SIZES);
    const version = members.optionalText(COMPONENT.version, 'version');
    const signerId = members.bytes(COMPONENT.signerId, 'signer id', DIGEST_SIZES);
    const hashAlgorithm = one.has(COMPONENT.hashAlgorithm)
      ? members.hash(COMPONENT.hashAlgorithm, 'hash algorithm')
      : undefined;
    reader.findings.push(...members.findings);
    if (measurement === undefined || signerId === undefined) return [];
    return [{ type, measurement, version, signerId, hashAlgorithm }];
  });
}
