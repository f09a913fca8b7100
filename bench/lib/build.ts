import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * The `assay` command of the present sources as one file of plain JavaScript: no loader hook stands between it and Node,
 * and no stale `dist/` is measured. Dependencies stay what `npm ci` installed.
 */
export async function buildAssay(): Promise<string> {
  const folder = fileURLToPath(new URL('../../node_modules/.cache/assay-bench/', import.meta.url));
  await mkdir(folder, { recursive: true });
  const outfile = `${folder}assay.mjs`;
  await build({
    entryPoints: [fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: true,
    conditions: ['@assay/source'],
    logLevel: 'error',
    plugins: [
      {
        name: 'dependencies-stay-outside',
        setup: ({ onResolve }) => {
          onResolve({ filter: /^[^./]/ }, ({ path }) =>
            path.startsWith('@assay/') || path.startsWith('node:') ? undefined : { path, external: true },
          );
        },
      },
    ],
  });
  return outfile;
}
