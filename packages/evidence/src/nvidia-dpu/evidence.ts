/** Evidence of the BlueField attester: `{"version": 1, "devices": [{architecture, alias_cert, device_id_cert, report_data_signature}]}`. */
import { DecodeError, decodeBase64, isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';

export interface DpuEvidence {
  /** What the guest says: `bluefield3`. */
  readonly architecture: string;
  readonly aliasCertificate: Uint8Array;
  readonly deviceIdCertificate: Uint8Array;
  /** ECDSA over the report data, DER or r ‖ s. */
  readonly signature: Uint8Array;
}

const VERSION = 1;
const LONGEST = 32 * 1024;

/** A member that is not as it has to be. */
class MemberFault extends Error {
  readonly member: string;
  readonly actual: string;
  readonly expected: string;
  constructor(member: string, actual: string, expected: string) {
    super(`${member} is ${actual}`);
    this.member = member;
    this.actual = actual;
    this.expected = expected;
  }
}

/** Reads the evidence of exactly one device; unknown members are passed over. */
export function readDpuEvidence(evidence: JsonValue): {
  readonly device: DpuEvidence | undefined;
  readonly finding: FindingDraft;
} {
  try {
    return { device: read(evidence), finding: passed('evidence.json.form', 'nvidiadpu') };
  } catch (error) {
    if (!(error instanceof MemberFault)) throw error;
    const { actual, expected, member } = error;
    const finding = failed('evidence.json.form', {
      subject: 'nvidiadpu',
      params: { member, actual, expected },
      expected,
      actual,
      compare: { relation: 'well-formed', type: 'json' },
      source: 'evidence format of the BlueField attester',
    });
    return { device: undefined, finding };
  }
}

function read(evidence: JsonValue): DpuEvidence {
  if (!isJsonObject(evidence)) throw new MemberFault('evidence', 'no object', 'an object is due');
  const version = own(evidence, 'version');
  if (version !== VERSION) throw new MemberFault('version', describe(version), `${VERSION} is known`);
  const devices = own(evidence, 'devices');
  if (devices === undefined || !isJsonArray(devices) || devices.length !== 1) {
    const actual = Array.isArray(devices) ? `a list of ${devices.length}` : describe(devices);
    throw new MemberFault('devices', actual, 'a list of one device is due');
  }
  const [device] = devices;
  if (!isJsonObject(device)) throw new MemberFault('devices[0]', describe(device), 'an object is due');
  const architecture = own(device, 'architecture');
  if (typeof architecture !== 'string' || architecture.length > 64) {
    throw new MemberFault('architecture', describe(architecture), 'a short text is due');
  }
  return {
    architecture,
    aliasCertificate: bytes(device, 'alias_cert'),
    deviceIdCertificate: bytes(device, 'device_id_cert'),
    signature: bytes(device, 'report_data_signature'),
  };
}

function bytes(device: JsonObject, member: string): Uint8Array {
  const text = own(device, member);
  if (typeof text !== 'string') throw new MemberFault(member, describe(text), 'base64 is due');
  if (text.length > LONGEST) throw new MemberFault(member, `${text.length} characters long`, `at most ${LONGEST}`);
  try {
    return decodeBase64(text);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new MemberFault(member, 'a text that is not base64', 'base64 with padding is due');
  }
}

function own(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function describe(found: JsonValue | undefined): string {
  if (found === undefined) return 'absent';
  if (found === null) return 'null';
  if (typeof found === 'number') return String(found);
  return Array.isArray(found) ? 'a list' : `a ${typeof found}`;
}
