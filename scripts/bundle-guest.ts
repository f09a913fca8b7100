// npm run bundle:guest [-- FILE]: the guest's services as one file of JavaScript, which needs Node.js and nothing else.
import { chmod, copyFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';

const entry = fileURLToPath(new URL('../packages/cli/src/guest-main.ts', import.meta.url));

const openpgp = fileURLToPath(import.meta.resolve('openpgp'));

/**
 * Makes the file. Its dependencies are inside; what is loaded only by wish (gRPC, YAML, TPM) is inside too, and not run before. Beside it
 * lies the OpenPGP library as its authors publish it, for those who need it: under its licence (LGPL) its users may replace it.
 */
export async function bundleGuest(outfile: string): Promise<string> {
  await build(guestBuild(outfile));
  await copyFile(openpgp, join(dirname(resolve(outfile)), basename(openpgp)));
  await chmod(outfile, 0o755);
  return outfile;
}

/** How the file is made. */
export function guestBuild(outfile: string): BuildOptions {
  return {
    entryPoints: [entry],
    outfile,
    bundle: true,
    minify: true,
    keepNames: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@assay/source'],
    legalComments: 'none',
    // CommonJS inside an ES module asks for `require`.
    banner: {
      js: "#!/usr/bin/env node\nimport { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    define: { __dirname: JSON.stringify('/'), __filename: JSON.stringify('/assay-guest.mjs') },
    logLevel: 'error',
    plugins: [
      {
        name: 'openpgp-beside',
        setup: ({ onResolve }) => {
          onResolve({ filter: /^openpgp$/ }, () => ({ path: `./${basename(openpgp)}`, external: true }));
        },
      },
    ],
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = resolve(process.argv[2] ?? 'dist/assay-guest.mjs');
  const { mkdir } = await import('node:fs/promises');
  await mkdir(dirname(file), { recursive: true });
  process.stdout.write(`${await bundleGuest(file)}\n`);
}
