/** Tools on top of the engine, as `@assay/rego/tools`: tests, coverage, benchmarks, the linter. They run anywhere. */
export { type BenchmarkOptions, type BenchmarkReport, benchmark } from './bench.js';
export {
  type CheckCode,
  type CheckFinding,
  type CheckOptions,
  check,
  type Purpose,
  TRUST_CLAIMS,
} from './check/index.js';
export { CoverageInstrument, type CoverageReport, type FileCoverage } from './coverage.js';
export { evalQuery, type QueryReport } from './query.js';
export { runTests, type TestOptions, type TestReport, type TestResult } from './test.js';
