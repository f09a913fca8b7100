// Vitest's setup of each test file: a temporary folder of its own, which has to be empty when the file has ended. What the
// product has left there it leaves on the machines of its users too, where it may hold secrets.
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll } from 'vitest';
import { removeTemporaryFolders } from '../index.js';

const folder = mkdtempSync(`${tmpdir()}/`);
chmodSync(folder, 0o1777);
process.env['TMPDIR'] = folder;

// The first one that is registered, and so the last one that runs.
afterAll(() => {
  removeTemporaryFolders();
  const left = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  rmSync(folder, { recursive: true, force: true });
  if (left.length === 0) return;
  const names = `${left.slice(0, 10).join(', ')}${left.length > 10 ? ' …' : ''}`;
  throw new Error(
    `left in the temporary folder: ${names}. Tests make their folders with temporaryFolder of @assay/testkit; ` +
      'the product removes its own, also when it fails',
  );
});
