/** Launch policies in the form of simple-kbs: lists of what a launch may be, where an empty list allows everything. */
import {
  DecodeError,
  decodeBase64,
  encodeBase64,
  isJsonArray,
  isJsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { assayError, type FindingDraft, failed, listInLine, passed } from '@assay/bytes/findings';
import type { LaunchClaims } from '@assay/evidence/sev';

export interface LaunchPolicy {
  /** Base64 of launch digests. */
  readonly allowed_digests: readonly string[];
  /** Guest policies, as numbers. */
  readonly allowed_policies: readonly number[];
  readonly min_fw_api_major: number;
  /** Compared only where the major version is equal. */
  readonly min_fw_api_minor: number;
  readonly allowed_build_ids: readonly number[];
}

const MEMBERS = [
  'allowed_digests',
  'allowed_policies',
  'min_fw_api_major',
  'min_fw_api_minor',
  'allowed_build_ids',
] as const;
const MOST_ENTRIES = 1000;
const MOST_BYTES = 128 * 1024;
const U32 = 0xffff_ffff;

/** Reads a document; members that are left out allow everything. @throws AssayError `sev.policy.document` */
export function parseLaunchPolicy(document: Uint8Array): LaunchPolicy {
  let value: JsonValue;
  try {
    value = parseJsonStrict(document, { maxBytes: MOST_BYTES, maxDepth: 4 });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw malformed('document', 'not JSON', 'one JSON object is due');
  }
  if (!isJsonObject(value)) throw malformed('document', kind(value), 'one JSON object is due');
  const strange = Object.keys(value).find((name) => !MEMBERS.some((known) => known === name));
  if (strange !== undefined) throw malformed(strange.slice(0, 40), 'unknown', `known are ${MEMBERS.join(', ')}`);
  return {
    allowed_digests: list(value['allowed_digests'], 'allowed_digests').map(digest),
    allowed_policies: list(value['allowed_policies'], 'allowed_policies').map((one) => number(one, 'allowed_policies')),
    min_fw_api_major: number(value['min_fw_api_major'] ?? 0, 'min_fw_api_major'),
    min_fw_api_minor: number(value['min_fw_api_minor'] ?? 0, 'min_fw_api_minor'),
    allowed_build_ids: list(value['allowed_build_ids'], 'allowed_build_ids').map((one) =>
      number(one, 'allowed_build_ids'),
    ),
  };
}

/** A check that a launch policy makes, with simple-kbs' words for its failure. */
export interface LaunchPolicyAnswer {
  readonly findings: readonly FindingDraft[];
  /** Of the first check that failed, in simple-kbs' order. */
  readonly text?: string;
}

/** Asks a policy about a launch whose measurement holds. @param name for findings: its target */
export function askLaunchPolicy(policy: LaunchPolicy, name: string, launch: LaunchClaims): LaunchPolicyAnswer {
  const { api, build } = launch;
  const digest = encodeBase64(launch.digest);
  const same = api.major === policy.min_fw_api_major;
  const within = <T>(allowed: readonly T[], actual: T): boolean => allowed.length === 0 || allowed.includes(actual);
  const checks = [
    { what: 'fw digest', holds: within(policy.allowed_digests, digest), actual: digest, list: policy.allowed_digests },
    {
      what: 'policy',
      holds: within(policy.allowed_policies, launch.policy),
      actual: launch.policy,
      list: policy.allowed_policies,
    },
    {
      what: 'fw api major',
      holds: api.major >= policy.min_fw_api_major,
      actual: api.major,
      list: [`${policy.min_fw_api_major} and later`],
    },
    {
      what: 'fw api minor',
      holds: !same || api.minor >= policy.min_fw_api_minor,
      actual: api.minor,
      list: [`${policy.min_fw_api_minor} and later`],
    },
    { what: 'build id', holds: within(policy.allowed_build_ids, build), actual: build, list: policy.allowed_build_ids },
  ] as const;
  const findings = checks.map(({ what, holds, actual, list: allowed }) =>
    holds
      ? passed('sev.launch.allowed', `${name}: ${what}`)
      : failed('sev.launch.allowed', {
          subject: `${name}: ${what}`,
          params: { policy: name, what, actual, list: listInLine(allowed.map(String), 3) },
          expected: [...allowed],
          actual,
          compare: { relation: what.startsWith('fw api') ? 'at-least' : 'one-of', type: 'text' },
          source: `launch policy ${name}`,
          origin: { kind: 'policy', policy: name, rule: what },
        }),
  );
  const first = checks.find(({ holds }) => !holds);
  return { findings, ...(first === undefined ? {} : { text: `${first.what} not valid` }) };
}

/** Whether the policy knows the launched software by name, and not merely lets everything pass. */
export function namesDigest(policy: LaunchPolicy, launch: Pick<LaunchClaims, 'digest'>): boolean {
  return policy.allowed_digests.includes(encodeBase64(launch.digest));
}

function list(value: JsonValue | undefined, member: string): readonly JsonValue[] {
  if (value === undefined) return [];
  if (!isJsonArray(value)) throw malformed(member, kind(value), 'a list is due');
  if (value.length > MOST_ENTRIES)
    throw malformed(member, `a list of ${value.length}`, `at most ${MOST_ENTRIES} are read`);
  return value;
}

/** Strict, so that a digest in another spelling never silently allows nothing. */
function digest(value: JsonValue): string {
  const due = 'base64 of 32 bytes is due';
  if (typeof value !== 'string') throw malformed('allowed_digests', kind(value), due);
  try {
    const { length } = decodeBase64(value);
    if (length !== 32) throw malformed('allowed_digests', `base64 of ${length} bytes`, due);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw malformed('allowed_digests', 'a text that is not base64', due);
  }
  return value;
}

function number(value: JsonValue, member: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= U32) return value;
  throw malformed(
    member,
    typeof value === 'number' ? value : kind(value),
    'a whole number from 0 to 4294967295 is due',
  );
}

function kind(value: JsonValue): string {
  if (value === null) return 'null';
  return isJsonArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function malformed(member: string, actual: string | number, expected: string): Error {
  return assayError('sev.policy.document', { params: { member, actual, expected }, subject: member, actual, expected });
}
