/** Evidence of the NVIDIA attester of Confidential Containers: `{"device_evidence_list": [{arch, uuid, evidence, certificate}]}`. */
import {
  DecodeError,
  decodeBase64,
  decodeHex,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '@assay/bytes';
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';
import { type Architecture, isSwitch, parseArchitecture } from './device.js';

/** One device as the guest sent it. */
export interface DeviceEvidence {
  /** For findings, numbered by class: `gpu0`, `switch1`. */
  readonly name: string;
  readonly arch: Architecture;
  /** What the guest calls it; nothing proves it. */
  readonly uuid: string;
  readonly report: Uint8Array;
  /** PEM, leaf first. */
  readonly chain: Uint8Array;
}

/** Twice what a protected PCIe machine has. */
const MOST_DEVICES = 24;
const LONGEST_EVIDENCE = 128 * 1024;
const LONGEST_CHAIN = 64 * 1024;
const LONGEST_UUID = 128;

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

/** Reads the evidence; unknown members are passed over. */
export function readNvidiaEvidence(evidence: JsonValue): {
  readonly devices: readonly DeviceEvidence[] | undefined;
  readonly finding: FindingDraft;
} {
  try {
    const list = isJsonObject(evidence) ? own(evidence, 'device_evidence_list') : undefined;
    if (list === undefined || !isJsonArray(list)) {
      throw new MemberFault('device_evidence_list', describe(list), 'a list is due');
    }
    if (list.length === 0 || list.length > MOST_DEVICES) {
      throw new MemberFault('device_evidence_list', `a list of ${list.length}`, `1 to ${MOST_DEVICES} are read`);
    }
    const counts = { gpu: 0, switch: 0 };
    const devices = list.map((entry, index) => {
      const device = readDevice(entry, `device_evidence_list[${index}]`);
      const kind = isSwitch(device.arch) ? 'switch' : 'gpu';
      const name = `${kind}${counts[kind]}`;
      counts[kind] += 1;
      return { name, ...device };
    });
    return { devices, finding: passed('evidence.json.form', 'nvidia', devices.length) };
  } catch (error) {
    if (!(error instanceof MemberFault)) throw error;
    return { devices: undefined, finding: malformed(error) };
  }
}

function readDevice(entry: JsonValue, at: string): Omit<DeviceEvidence, 'name'> {
  if (!isJsonObject(entry)) throw new MemberFault(at, describe(entry), 'an object is due');
  const named = own(entry, 'arch');
  const arch = typeof named === 'string' ? parseArchitecture(named) : undefined;
  if (arch === undefined) {
    const actual = typeof named === 'string' ? 'unknown' : describe(named);
    throw new MemberFault(`${at}.arch`, actual, 'Hopper, Blackwell or LS10 is due');
  }
  const uuid = own(entry, 'uuid') ?? 'unknown';
  if (typeof uuid !== 'string' || uuid.length > LONGEST_UUID) {
    throw new MemberFault(`${at}.uuid`, describe(uuid), `at most ${LONGEST_UUID} characters are due`);
  }
  return {
    arch,
    uuid,
    report: bytes(entry, 'evidence', at, LONGEST_EVIDENCE),
    chain: bytes(entry, 'certificate', at, LONGEST_CHAIN),
  };
}

/** Base64; reports of old guests are in hex, which is tried first because it is base64 as well. */
function bytes(entry: JsonObject, member: string, at: string, longest: number): Uint8Array {
  const text = own(entry, member);
  const name = `${at}.${member}`;
  if (typeof text !== 'string') throw new MemberFault(name, describe(text), 'base64 is due');
  if (text.length > longest) throw new MemberFault(name, `${text.length} characters long`, `at most ${longest}`);
  try {
    return member === 'evidence' && /^(?:[0-9a-fA-F]{2})+$/.test(text)
      ? decodeHex(text.toLowerCase())
      : decodeBase64(text);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new MemberFault(name, 'a text that is not base64', 'base64 with padding is due');
  }
}

function own(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function describe(found: JsonValue | undefined): string {
  if (found === undefined) return 'absent';
  if (found === null) return 'null';
  return Array.isArray(found) ? 'a list' : `a ${typeof found}`;
}

function malformed({ member, actual, expected }: MemberFault): FindingDraft {
  return failed('evidence.json.form', {
    subject: 'nvidia',
    params: { member, actual, expected },
    expected,
    actual,
    compare: { relation: 'well-formed', type: 'json' },
    source: 'evidence format of the NVIDIA attester',
  });
}
