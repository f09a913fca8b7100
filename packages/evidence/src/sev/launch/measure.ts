/** LAUNCH_MEASURE: the firmware's proof of what was launched, under a key that only it and the guest owner have. */
import { createHmac } from 'node:crypto';
import { concatBytes, constantTimeEqual, DecodeError, encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';

/** What the shim says of a launch: true where the measurement holds, since the HMAC covers all of it. */
export interface LaunchClaims {
  /** SHA-256 of the launched pages. */
  readonly digest: Uint8Array;
  readonly policy: number;
  readonly api: { readonly major: number; readonly minor: number };
  readonly build: number;
}

/** HMAC (32 bytes) and nonce of the firmware (16). */
export interface LaunchMeasurement {
  readonly measure: Uint8Array;
  readonly mnonce: Uint8Array;
}

/** A launch that the firmware vouched for: made by {@link verifyLaunchMeasure} and nothing else. */
export interface AuthenticLaunch extends LaunchClaims {
  readonly __brand: 'AuthenticLaunch';
  /** The HMAC, to which the injected secret is bound. */
  readonly measure: Uint8Array;
}

const MEASURE_SIZE = 32;
const MNONCE_SIZE = 16;
const DIGEST_SIZE = 32;

/** Reads what the firmware returned: 48 bytes. @throws DecodeError */
export function parseLaunchMeasurement(bytes: Uint8Array): LaunchMeasurement {
  if (bytes.length !== MEASURE_SIZE + MNONCE_SIZE)
    throw new DecodeError('launch measurement', `${bytes.length} bytes; ${MEASURE_SIZE + MNONCE_SIZE} are right`);
  return { measure: bytes.slice(0, MEASURE_SIZE), mnonce: bytes.slice(MEASURE_SIZE) };
}

/**
 * HMAC-SHA256 over 0x04 ‖ API major ‖ API minor ‖ build ‖ policy ‖ digest ‖ mnonce. Firmware before API 0.17 leaves out the first
 * four bytes; it is not served.
 *
 * @throws RangeError for a claim outside its field, which no firmware can have measured
 */
export function launchMeasure(tik: Uint8Array, claims: LaunchClaims, mnonce: Uint8Array): Uint8Array {
  const { digest, policy, api, build } = claims;
  if (![api.major, api.minor, build].every(isByte)) throw new RangeError('API version or build is no byte');
  if (!Number.isInteger(policy) || policy < 0 || policy > 0xffff_ffff) throw new RangeError('policy is no u32');
  if (digest.length !== DIGEST_SIZE || mnonce.length !== MNONCE_SIZE)
    throw new RangeError('digest or nonce of another length');
  const words = new Uint8Array(8);
  words.set([0x04, api.major, api.minor, build]);
  new DataView(words.buffer).setUint32(4, policy, true);
  return new Uint8Array(
    createHmac('sha256', tik)
      .update(concatBytes(words, digest, mnonce))
      .digest(),
  );
}

/** Compares in constant time. Nothing of the claims may be used before this has passed. */
export function verifyLaunchMeasure(
  tik: Uint8Array,
  claims: LaunchClaims,
  measurement: LaunchMeasurement,
): { readonly finding: FindingDraft; readonly authentic?: AuthenticLaunch } {
  const { digest, policy, api, build } = claims;
  if (holds(tik, claims, measurement)) {
    const authentic: AuthenticLaunch = { ...claims, __brand: 'AuthenticLaunch', measure: measurement.measure };
    return { finding: passed('sev.launch.measure', 'launch'), authentic };
  }
  const finding = failed('sev.launch.measure', {
    subject: 'launch',
    params: { digest: encodeHex(digest), policy, api: `${api.major}.${api.minor}`, build },
    actual: encodeHex(measurement.measure),
    compare: { relation: 'equal', type: 'digest' },
    source: 'SEV API: LAUNCH_MEASURE',
    origin: { kind: 'request', member: 'LaunchMeasurement' },
  });
  return { finding };
}

/** The first API version whose measurement covers version, build and policy. */
export const LEAST_API = { major: 0, minor: 17 } as const;

/** Firmware that the launch ran on, against the owner's least version. */
export function checkSevFirmware(
  { api, build }: Pick<LaunchClaims, 'api' | 'build'>,
  least: { readonly major: number; readonly minor: number } = LEAST_API,
): FindingDraft {
  const wanted = before(least, LEAST_API) ? LEAST_API : least;
  const actual = `${api.major}.${api.minor}`;
  if (!before(api, wanted)) return passed('sev.launch.firmware', 'firmware', `${actual} build ${build}`);
  return failed('sev.launch.firmware', {
    subject: 'firmware',
    params: { actual: `API ${actual}, build ${build}`, expected: `API ${wanted.major}.${wanted.minor}` },
    expected: `${wanted.major}.${wanted.minor}`,
    actual,
    compare: { relation: 'at-least', type: 'version' },
    source: 'setting sev.min_api, never below 0.17',
    origin: { kind: 'setting', key: 'sev.min_api' },
  });
}

type Api = LaunchClaims['api'];

function before(a: Api, b: Api): boolean {
  return a.major < b.major || (a.major === b.major && a.minor < b.minor);
}

function holds(tik: Uint8Array, claims: LaunchClaims, { measure, mnonce }: LaunchMeasurement): boolean {
  try {
    return constantTimeEqual(launchMeasure(tik, claims, mnonce), measure);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function isByte(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xff;
}
