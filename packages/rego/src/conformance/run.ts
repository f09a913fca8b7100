/** Runs the conformance corpus. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Builtin } from '../builtins/types.js';
import { runAttestationCase } from './attestation-suite.js';
import { type CaseReader, type CaseResult, type ConformanceCase, caseFiles, readCases, type Verdict } from './case.js';
import { runCompileCase } from './compile-suite.js';
import { runOpaCase } from './opa.js';
import { runRegorusCase } from './regorus-suite.js';

export const CONFORMANCE_SUITES = ['v1', 'v0', 'compile', 'attestation', 'regorus'] as const;
export type ConformanceSuite = (typeof CONFORMANCE_SUITES)[number];

export interface ConformanceOptions {
  /** Suites, or topics of them (`v1/withkeyword`). Default: all that the folder has. */
  readonly areas?: readonly string[];
  readonly onCase?: (report: ConformanceCase) => void;
}

const SKIPPED: CaseResult = { bindings: [] };

/** Runs every case below `dir` (the corpus' `rego` folder) with the given built-ins. */
export function runCases(
  dir: string,
  builtins: readonly Builtin[],
  options: ConformanceOptions = {},
): ConformanceCase[] {
  const reports: ConformanceCase[] = [];
  const wanted = options.areas;
  for (const suite of CONFORMANCE_SUITES) {
    if (!existsSync(join(dir, suite))) continue;
    for (const file of caseFiles(dir, suite)) {
      if (wanted !== undefined && !wanted.some((area) => file === area || file.startsWith(`${area}/`))) continue;
      readCases(dir, file).forEach((test, index) => {
        const report = runCase(suite, `${file}#${index}`, test, builtins);
        reports.push(report);
        options.onCase?.(report);
      });
    }
  }
  return reports;
}

function runCase(suite: ConformanceSuite, id: string, test: CaseReader, builtins: readonly Builtin[]): ConformanceCase {
  const skipped = test.flag('skip') === true;
  const verdict = skipped ? { pass: true, expected: { skip: true }, result: SKIPPED } : judge(suite, test, builtins);
  return { area: 'rego', id, note: test.text('note') ?? '', skipped, ...verdict };
}

function judge(suite: ConformanceSuite, test: CaseReader, builtins: readonly Builtin[]): Verdict {
  switch (suite) {
    case 'v0':
    case 'v1':
      return runOpaCase(test, suite, builtins);
    case 'compile':
      return runCompileCase(test, builtins);
    case 'attestation':
      return runAttestationCase(test, builtins);
    case 'regorus':
      return runRegorusCase(test, builtins);
  }
}
