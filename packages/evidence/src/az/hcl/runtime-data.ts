/** Runtime data of an HCL report: the keys of the vTPM, the VM's configuration, and what the guest had written to NV 0x01400002. */
import {
  DecodeError,
  decodeBase64url,
  decodeHex,
  derBitString,
  derNull,
  derOid,
  derSequence,
  derUnsignedInteger,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { type AttestationKey, attestationKey } from '../../tpm/key/ak.js';

export interface RuntimeData {
  /** `vm-configuration`, as it stands. */
  readonly vmConfiguration: JsonObject | undefined;
  /** `user-data`: 64 bytes; undefined on early images. */
  readonly userData: Uint8Array | undefined;
  readonly keys: readonly JsonObject[];
}

const FORMAT = 'runtime data';
const AK = 'HCLAkPub';
const LARGEST = 8192;
const MOST_KEYS = 16;
const USER_DATA_SIZE = 64;

/** @throws DecodeError */
export function readRuntimeData(json: Uint8Array): RuntimeData {
  const value = parseJsonStrict(json, { maxBytes: LARGEST, maxDepth: 8, unsafeIntegers: 'round' });
  if (!isJsonObject(value)) throw new DecodeError(FORMAT, 'not an object');
  const { keys, 'user-data': userData, 'vm-configuration': configuration } = value;
  if (keys === undefined || !isJsonArray(keys) || keys.length > MOST_KEYS || !keys.every(isJsonObject)) {
    throw new DecodeError(FORMAT, `\`keys\` is no list of at most ${MOST_KEYS} keys`);
  }
  if (configuration !== undefined && !isJsonObject(configuration)) {
    throw new DecodeError(FORMAT, '`vm-configuration` is no object');
  }
  return { keys, vmConfiguration: configuration, userData: readUserData(userData) };
}

/** Hex in upper or lower case, by image. */
function readUserData(value: JsonValue | undefined): Uint8Array | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value.length !== 2 * USER_DATA_SIZE) {
    throw new DecodeError(FORMAT, `\`user-data\` is not ${2 * USER_DATA_SIZE} hex digits`);
  }
  return decodeHex(value, { case: 'any' });
}

/** The attestation key of the vTPM: there is exactly one. @throws DecodeError */
export function vtpmAk({ keys }: RuntimeData): AttestationKey {
  const [jwk, ...others] = keys.filter(({ kid }) => kid === AK);
  if (jwk === undefined || others.length > 0) {
    throw new DecodeError(FORMAT, `${others.length + (jwk === undefined ? 0 : 1)} keys named ${AK}; 1 is due`);
  }
  const { e, kty, n } = jwk;
  if (kty !== 'RSA' || typeof n !== 'string' || typeof e !== 'string') {
    throw new DecodeError(FORMAT, `${AK} is no RSA key with members n and e`);
  }
  const key = derSequence(derUnsignedInteger(decodeBase64url(n)), derUnsignedInteger(decodeBase64url(e)));
  return attestationKey(derSequence(derSequence(derOid('1.2.840.113549.1.1.1'), derNull()), derBitString(key)));
}
