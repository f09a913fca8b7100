import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const MAX_BYTES = 250_000;

test('the main entry point bundles for browsers within its size, without Node', async () => {
  const { outputFiles, warnings, metafile } = await build({
    entryPoints: [fileURLToPath(new URL('./index.ts', import.meta.url))],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    metafile: true,
    write: false,
    conditions: ['@assay/source'],
  });
  expect(warnings).toEqual([]);
  expect(outputFiles[0]?.contents.length).toBeGreaterThan(50_000);
  expect(outputFiles[0]?.contents.length).toBeLessThan(MAX_BYTES);
  const inputs = Object.keys(metafile.inputs);
  expect(inputs.filter((path) => path.startsWith('node:') || path.includes('/node_modules/yaml/'))).toEqual([]);
  // It has to run under a strict content security policy.
  expect(outputFiles[0]?.text).not.toMatch(/\bnew Function\b|[^.\w]eval\(/);
});
