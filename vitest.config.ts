import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Workspace packages are tested from their sources, so a test never runs against a stale build.
  resolve: { conditions: ['@assay/source'] },
  // No 'import' here: it would reach Node's require(), which then loads the ES module of packages that have both.
  ssr: { resolve: { conditions: ['@assay/source', 'node'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'e2e/**/*.test.ts', 'scripts/**/*.test.ts'],
    testTimeout: 30_000,
    maxWorkers: 2,
    // The run and each test file have a temporary folder of their own; a file that leaves something in it is red.
    globalSetup: ['packages/testkit/src/testing/whole-run.ts'],
    setupFiles: ['packages/testkit/src/testing/each-file.ts'],
  },
});
