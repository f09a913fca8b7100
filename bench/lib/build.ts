import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** The `assay` command of the present sources: see {@link buildScript}. */
export function buildAssay(): Promise<string> {
  return buildScript(new URL('../../packages/cli/src/main.ts', import.meta.url), 'assay');
}

/**
 * A script of the present sources as one file of plain JavaScript: no loader hook stands between it and Node, none of the calls
 * that hooks add to keep the names of functions, and no stale `dist/` is measured. Dependencies stay what `npm ci` installed.
 */
export async function buildScript(entry: URL, name: string): Promise<string> {
  const folder = fileURLToPath(new URL('../../node_modules/.cache/assay-bench/', import.meta.url));
  await mkdir(folder, { recursive: true });
  const outfile = `${folder}${name}.mjs`;
  await build({
    entryPoints: [fileURLToPath(entry)],
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
