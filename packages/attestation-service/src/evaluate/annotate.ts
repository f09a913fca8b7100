/** The annotated evidence: one object that is both the policy's input and a claim of the token. */
import { isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import type { Expectations } from './expectations.js';

/** A claim set in the form that policies and tokens of the field know. */
export interface AnnotateOptions {
  /** False drops the text of the additional evidence, which can be large. */
  readonly verbose: boolean;
}

/**
 * Moves `init_data` and `report_data` from the TEE's claims to the top, each with the claims that it commits to, and
 * sorts the members by name.
 */
export function annotate(
  tee: string,
  claims: JsonObject,
  expectations: Pick<Expectations, 'runtimeClaims' | 'initDataClaims'>,
  options: AnnotateOptions,
): JsonObject {
  const members = new Map<string, JsonValue>(Object.entries(claims));
  const annotated: [string, JsonValue][] = [];
  const initData = members.get('init_data');
  if (typeof initData === 'string') {
    members.delete('init_data');
    annotated.push(['init_data', initData], ['init_data_claims', expectations.initDataClaims]);
  }
  const reportData = members.get('report_data');
  if (typeof reportData === 'string') {
    members.delete('report_data');
    const runtime = options.verbose ? expectations.runtimeClaims : withoutDevices(expectations.runtimeClaims);
    annotated.push(['report_data', reportData], ['runtime_data_claims', runtime]);
  }
  annotated.push([tee, Object.fromEntries([...members].sort(byName))]);
  return Object.fromEntries(annotated.sort(byName));
}

function withoutDevices(runtimeClaims: JsonValue): JsonValue {
  if (!isJsonObject(runtimeClaims)) return runtimeClaims;
  return Object.fromEntries(Object.entries(runtimeClaims).filter(([name]) => name !== 'additional-evidence'));
}

function byName([a]: readonly [string, JsonValue], [b]: readonly [string, JsonValue]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
