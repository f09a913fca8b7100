import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Workspace packages are tested from their sources, so a test never runs against a stale build.
  resolve: { conditions: ['@assay/source'] },
  ssr: { resolve: { conditions: ['@assay/source', 'node', 'import', 'module', 'default'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'e2e/**/*.test.ts', 'scripts/**/*.test.ts'],
    testTimeout: 30_000,
    maxWorkers: 2,
  },
});
