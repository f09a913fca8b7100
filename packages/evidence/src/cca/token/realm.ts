/** Claims of the CCA realm token (Arm DEN0137, A7.2.3.1). */
import { DecodeError } from '@assay/bytes';
import { type CborMap, type CoseKey, keyFromCoseKey, keyFromPoint } from '../../cose/index.js';
import { ClaimReader, DIGEST_SIZES } from './claims.js';
import type { Partly } from './platform.js';

const KEY = {
  challenge: 10,
  profile: 265,
  personalizationValue: 44235,
  hashAlgorithm: 44236,
  publicKey: 44237,
  initialMeasurement: 44238,
  extensibleMeasurements: 44239,
  publicKeyHashAlgorithm: 44240,
} as const;
const LARGEST_KEY = 256;

export interface RealmClaims {
  /** Absent in tokens of the first firmware. */
  readonly profile: string | undefined;
  /** 64 bytes that the realm chose: the report data. */
  readonly challenge: Uint8Array;
  /** 64 bytes given when the realm was made: the init-data digest. */
  readonly personalizationValue: Uint8Array;
  readonly hashAlgorithm: string;
  /** The realm's key (RAK) as it stands: its hash is over exactly these bytes. */
  readonly publicKey: Uint8Array;
  readonly publicKeyHashAlgorithm: string;
  /** RIM. */
  readonly initialMeasurement: Uint8Array;
  /** REM 0 to 3. */
  readonly extensibleMeasurements: readonly Uint8Array[];
}

export function readRealmClaims(map: CborMap): {
  reader: ClaimReader;
  claims: Partly<RealmClaims>;
  key: CoseKey | undefined;
} {
  const reader = new ClaimReader('realm', map);
  const claims = {
    profile: reader.optionalText(KEY.profile, 'profile'),
    challenge: reader.bytes(KEY.challenge, 'challenge', [64]),
    personalizationValue: reader.bytes(KEY.personalizationValue, 'personalization value', [64]),
    hashAlgorithm: reader.hash(KEY.hashAlgorithm, 'hash algorithm'),
    publicKey: reader.atMost(KEY.publicKey, 'public key', LARGEST_KEY),
    publicKeyHashAlgorithm: reader.hash(KEY.publicKeyHashAlgorithm, 'public key hash algorithm'),
    initialMeasurement: reader.bytes(KEY.initialMeasurement, 'initial measurement', DIGEST_SIZES),
    extensibleMeasurements: reader.digests(KEY.extensibleMeasurements, 'extensible measurements', 4),
  };
  const key = claims.publicKey === undefined ? undefined : readKey(reader, claims.publicKey);
  return { reader, claims, key };
}

/** An uncompressed point begins with 04, a COSE_Key with the head of a map. The profile does not say which: tokens mix them. */
function readKey(reader: ClaimReader, bytes: Uint8Array): CoseKey | undefined {
  try {
    return bytes[0] === 0x04 ? keyFromPoint(bytes) : keyFromCoseKey(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return reader.wrong('public key', bytes, 'a point on P-384 or a COSE_Key is due');
  }
}
