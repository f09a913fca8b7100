import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { describe, test } from 'vitest';
import { CONTRACT_START, contractCases } from '../contract-tests/index.js';
import { openSqliteStorage } from './open.js';

const root = temporaryFolder('assay-sqlite-');

describe('SQLite keeps the contract', () => {
  test.each(contractCases.map((contractCase, i) => ({ ...contractCase, i })))('$name', async ({ run, i }) => {
    const clock = { now: CONTRACT_START };
    const storage = await openSqliteStorage({ path: join(root, `${i}`, 'assay.db'), now: () => clock.now });
    await run({ storage, clock }).finally(() => storage.close());
  });
});
