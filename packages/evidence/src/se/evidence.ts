/**
 * Evidence of the SE attester of Confidential Containers: seven members in base64. The last three are the challenge's, given back as
 * they came.
 */
import { DecodeError, decodeBase64, isJsonObject, type JsonValue } from '@assay/bytes';
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';
import { IMAGE_TAGS_SIZE } from './image-header.js';
import { CONFIG_UID_SIZE, LARGEST_USER_DATA, MEASUREMENT_SIZE } from './measurement.js';

/** Report data stand at the beginning of the user data. */
export const REPORT_DATA_SIZE = 64;
/** Host-key hashes of image and attestation, 32 bytes each: what this server's requests ask for. */
export const ADDITIONAL_DATA_SIZE = 64;

export interface SeEvidence {
  readonly measurement: Uint8Array;
  readonly additionalData: Uint8Array;
  readonly userData: Uint8Array;
  readonly configUid: Uint8Array;
  readonly sealedKey: Uint8Array;
  readonly sealedNonce: Uint8Array;
  readonly imageTags: Uint8Array;
}

export interface ReadSeEvidence {
  readonly evidence?: SeEvidence;
  readonly findings: readonly FindingDraft[];
}

const MEMBERS = {
  measurement: 'measurement',
  additional_data: 'additionalData',
  user_data: 'userData',
  cuid: 'configUid',
  encr_measurement_key: 'sealedKey',
  encr_request_nonce: 'sealedNonce',
  image_hdr_tags: 'imageTags',
} as const satisfies { readonly [member: string]: keyof SeEvidence };

/** Longest member in characters of base64: sealed keys of RSA with 16384 bits. */
const LONGEST = 4096;
const FORMAT = 'evidence format of the se attester';

/** @param sealedSize bytes of a sealed member under this server's key */
export function readSeEvidence(value: JsonValue, sealedSize: number): ReadSeEvidence {
  if (!isJsonObject(value)) return { findings: [jsonFault('evidence', 'no object', 'an object is due')] };
  const read: Partial<Record<keyof SeEvidence, Uint8Array>> = {};
  for (const [member, field] of Object.entries(MEMBERS)) {
    const text = Object.hasOwn(value, member) ? value[member] : undefined;
    const fault = textFault(text);
    if (fault !== undefined) return { findings: [jsonFault(member, fault, 'base64 is due')] };
    try {
      read[field] = decodeBase64(text as string);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return { findings: [jsonFault(member, 'not base64', 'base64 with padding is due')] };
    }
  }
  const evidence = read as SeEvidence;
  const json = passed('evidence.json.form', 'se');
  const faults = sizeFaults(evidence, sealedSize);
  if (faults.length > 0) return { findings: [json, ...faults] };
  return { evidence, findings: [json, passed('se.evidence.form', 'evidence')] };
}

function textFault(text: JsonValue | undefined): string | undefined {
  if (text === undefined) return 'absent';
  if (typeof text !== 'string') return text === null ? 'null' : `a ${typeof text}`;
  return text.length > LONGEST ? `${text.length} characters long` : undefined;
}

function sizeFaults(evidence: SeEvidence, sealedSize: number): FindingDraft[] {
  const exact: readonly (readonly [string, Uint8Array, number])[] = [
    ['measurement', evidence.measurement, MEASUREMENT_SIZE],
    ['additional_data', evidence.additionalData, ADDITIONAL_DATA_SIZE],
    ['cuid', evidence.configUid, CONFIG_UID_SIZE],
    ['encr_measurement_key', evidence.sealedKey, sealedSize],
    ['encr_request_nonce', evidence.sealedNonce, sealedSize],
    ['image_hdr_tags', evidence.imageTags, IMAGE_TAGS_SIZE],
  ];
  const faults = exact.flatMap(([member, { length }, size]) =>
    length === size ? [] : [sizeFault(member, length, String(size))],
  );
  const { length } = evidence.userData;
  if (length < REPORT_DATA_SIZE || length > LARGEST_USER_DATA) {
    faults.push(sizeFault('user_data', length, `${REPORT_DATA_SIZE} to ${LARGEST_USER_DATA}`));
  }
  return faults;
}

function sizeFault(field: string, actual: number, expected: string): FindingDraft {
  return failed('se.evidence.form', {
    subject: 'evidence',
    params: { field, actual, expected },
    expected,
    actual,
    compare: { relation: 'well-formed', type: 'bytes' },
    source: FORMAT,
    origin: { kind: 'spec', document: FORMAT },
  });
}

function jsonFault(member: string, actual: string, expected: string): FindingDraft {
  return failed('evidence.json.form', {
    subject: 'se',
    params: { member, actual, expected },
    expected,
    actual,
    compare: { relation: 'well-formed', type: 'json' },
    source: FORMAT,
  });
}
