// Prints the closing line of .ci/run from vitest's JSON report: `N passed, N failed, N skipped`.
import { readFileSync } from 'node:fs';

const [report, status] = process.argv.slice(2);
let counts = { passed: 0, failed: 1, skipped: 0 };
try {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(report, 'utf8'));
  counts = { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests };
} catch (error) {
  console.error(`no test report: ${error.message}`);
}
// A failed step outside the tests (lint, build, demo) is a failure too: the line must not read as a success.
if (status !== '0' && counts.failed === 0) counts.failed = 1;
if (counts.skipped > 0) console.error('with CI=true nothing may be skipped');
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
