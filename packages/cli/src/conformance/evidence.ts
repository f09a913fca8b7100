import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DecodeError, isJsonArray, isJsonObject, type JsonObject, type JsonValue, parseJsonStrict } from '@assay/bytes';
import type { EvidenceKind, EvidenceResult } from '../evidence/kinds.js';
import type { AreaRunner, CaseReport } from './areas.js';

/** One entry of a manifest in the published format. */
interface Entry {
  readonly id: string;
  readonly files: Readonly<Record<string, string>>;
  /** Role of the file that is the only trust anchor. */
  readonly trust_anchor?: string;
  readonly verification_time: string;
  readonly expected: JsonObject;
}

/** Members of `expected` that are for people, and that no verifier computes. */
const inWords = new Set(['reason', 'failed_checks', 'default_policy']);

/** Runs every entry of an evidence folder's manifest. */
export function evidenceRunner(area: string, kind: EvidenceKind): AreaRunner {
  return async (path, onCase) => {
    const manifest = JSON.parse(readFileSync(join(path, 'manifest.json'), 'utf8')) as Entry[];
    for (const entry of manifest) onCase(await runEntry(area, path, kind, entry));
  };
}

async function runEntry(area: string, path: string, kind: EvidenceKind, entry: Entry): Promise<CaseReport> {
  const files = Object.fromEntries(
    Object.entries(entry.files).map(([role, name]) => [role, new Uint8Array(readFileSync(join(path, name)))]),
  );
  const anchor = entry.trust_anchor === undefined ? undefined : files[entry.trust_anchor];
  const result = await kind.verify(files, {
    at: new Date(entry.verification_time),
    asOf: true,
    ...(anchor === undefined ? {} : { roots: [anchor] }),
  });
  const differing = differences(entry.expected, asJson(result));
  return {
    area,
    id: entry.id,
    pass: differing.length === 0,
    ...(differing.length === 0 ? {} : { differing }),
    expected: entry.expected,
    result,
  };
}

/** Members of `expected` that the result does not have, or has otherwise; by dotted name. */
export function differences(expected: JsonObject, result: JsonObject): readonly string[] {
  // A rejected case is judged by its verdict: what else stands in the result depends on how far the evidence could be read.
  const rejected = expected['verdict'] === 'reject';
  return Object.entries(expected)
    .filter(([name]) => !inWords.has(name) && (!rejected || name === 'verdict'))
    .flatMap(([name, value]) => differ(name, value, result[name]));
}

function differ(name: string, expected: JsonValue | undefined, actual: JsonValue | undefined): readonly string[] {
  if (expected === undefined) return [];
  if (isJsonObject(expected)) {
    if (actual === undefined || !isJsonObject(actual)) return [name];
    return Object.entries(expected).flatMap(([member, value]) => differ(`${name}.${member}`, value, actual[member]));
  }
  if (isJsonArray(expected)) {
    if (actual === undefined || !isJsonArray(actual) || actual.length !== expected.length) return [name];
    const texts = (values: readonly JsonValue[]): string[] =>
      values.map((value) => JSON.stringify(value).toLowerCase());
    const scalars = expected.every((value) => typeof value !== 'object' || value === null);
    if (!scalars) return expected.flatMap((value, index) => differ(`${name}.${index}`, value, actual[index]));
    // Lists of scalars are sets, unless the order says something: measured registers and components are numbers or long.
    const same = scalars && texts(expected).sort().join() === texts(actual).sort().join();
    return same ? [] : [name];
  }
  const equal =
    typeof expected === 'string' && typeof actual === 'string'
      ? expected.toLowerCase() === actual.toLowerCase()
      : expected === (actual ?? null);
  return equal ? [] : [name];
}

function asJson(result: EvidenceResult): JsonObject {
  try {
    const value = parseJsonStrict(JSON.stringify(result), { unsafeIntegers: 'round' });
    return isJsonObject(value) ? value : {};
  } catch (error) {
    if (error instanceof DecodeError) return {};
    throw error;
  }
}
