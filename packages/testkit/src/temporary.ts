import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

/**
 * A new folder below the system's temporary folder, gone when the test file has ended: after its own `afterAll`, so that
 * servers which those stop may write into it until then. Outside of tests it goes with the process.
 *
 * @param prefix how the folder's name begins; keep it short where sockets are in it: their paths have 107 bytes at most
 */
export function temporaryFolder(prefix: string): string {
  if (made.length === 0) process.once('exit', removeTemporaryFolders);
  const folder = mkdtempSync(join(tmpdir(), prefix));
  made.push(folder);
  return folder;
}

/** Removes all folders that `temporaryFolder` has made. */
export function removeTemporaryFolders(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}
