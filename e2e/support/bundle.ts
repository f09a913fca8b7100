import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const main = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));
// Inside the repository, so that the packages which stay outside the bundle are found.
const folder = fileURLToPath(new URL('../../node_modules/.cache/assay-e2e', import.meta.url));

/**
 * One file with the whole command, from the sources as they are now. Tests start it dozens of times: loading hundreds of
 * TypeScript files each time would take most of their time.
 */
export async function bundleAssay(): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const outfile = `${folder}/assay-${process.pid}.mjs`;
  await build({
    entryPoints: [main],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@assay/source'],
    sourcemap: 'inline',
    logLevel: 'error',
    plugins: [
      {
        name: 'own packages inside, all others outside',
        setup: (pipeline) => {
          pipeline.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
            path.startsWith('@assay/') || kind === 'entry-point' ? undefined : { path, external: true },
          );
        },
      },
    ],
  });
  return outfile;
}
