/** Folders of cases that are no evidence: `result.verdict` is `pass` or `fail`, with the fields that `expected` names beside it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '@assay/bytes';
import { AssayError } from '@assay/bytes/findings';
import type { AreaRunner } from './areas.js';
import { differences } from './evidence.js';

/** One entry of a manifest. */
export interface Case {
  readonly id: string;
  readonly kind: string;
  readonly files: Readonly<Record<string, string>>;
  readonly inputs: JsonObject;
  readonly expected: JsonObject;
}

export interface CaseFiles {
  /** Path of a role's file or folder. */
  path(role: string): string;
  bytes(role: string): Uint8Array;
}

export type CaseJudge = (kind: string, files: CaseFiles, inputs: JsonObject) => Promise<JsonObject>;

/** @param reasons what the vectors call an error, by the code of this product's register */
export function caseRunner(area: string, judge: CaseJudge, reasons: Readonly<Record<string, string>>): AreaRunner {
  return async (folder, onCase) => {
    const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Case[];
    for (const { id, kind, files, inputs, expected } of manifest) {
      const path = (role: string): string => join(folder, files[role] ?? role);
      const result = await judged(() =>
        judge(kind, { path, bytes: (role) => new Uint8Array(readFileSync(path(role))) }, inputs),
      );
      const differing = differences(expected, withError(result, reasons));
      onCase({
        area,
        id,
        pass: differing.length === 0,
        ...(differing.length === 0 ? {} : { differing }),
        expected,
        result: withError(result, reasons),
      });
    }
  };
}

async function judged(judge: () => Promise<JsonObject>): Promise<JsonObject> {
  try {
    return { verdict: 'pass', ...(await judge()) };
  } catch (error) {
    if (!(error instanceof AssayError)) throw error;
    return { verdict: 'fail', code: error.code, reason: error.title, ...(error.details as JsonObject) };
  }
}

function withError(result: JsonObject, reasons: Readonly<Record<string, string>>): JsonObject {
  const code = result['code'];
  if (typeof code !== 'string') return result;
  const { subject: _, ...rest } = result;
  return { ...rest, error: reasons[code] ?? code };
}
