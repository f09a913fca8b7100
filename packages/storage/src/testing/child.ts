import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Starts a TypeScript module of this folder in a process of its own. */
export function startChild(module: string, args: readonly string[]): ChildProcessWithoutNullStreams {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const file = fileURLToPath(new URL(module, import.meta.url));
  return spawn(process.execPath, ['--conditions=@assay/source', '--import', tsx, file, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}
