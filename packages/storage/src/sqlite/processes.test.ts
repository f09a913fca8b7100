import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { temporaryFolder } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { startChild } from '../testing/child.js';
import { crashRounds } from '../testing/crash.js';
import { openSqliteStorage } from './open.js';

const root = temporaryFolder('assay-sqlite-');

describe('SQLite and several processes', () => {
  test('200 takes from two processes at once: exactly one gets each key', async () => {
    const path = join(root, 'takes.db');
    const storage = await openSqliteStorage({ path, now: Date.now });
    const child = startChild('./take-rounds.ts', [path, '100']);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe('ready');
    let wonHere = 0;
    const rounds = 25;
    for (let round = 0; round < rounds; round++) {
      const key = `nonce-${round}`;
      await storage.put('kbs_protocol_session', key, new Uint8Array([round]));
      child.stdin.write(`${key}\n`);
      // spread over the time that the other process needs to hear of it, so that either may win
      await new Promise((resolve) => setTimeout(resolve, (round % 5) * 0.3));
      const here = await Promise.all(Array.from({ length: 100 }, () => storage.take('kbs_protocol_session', key)));
      const won = here.filter((entry) => entry !== undefined).length;
      const there = Number((await lines.next()).value);
      expect(won + there).toBe(1);
      wonHere += won;
    }
    child.stdin.end();
    await storage.close();
    expect(wonHere).toBeLessThanOrEqual(rounds);
  });

  test('kill -9 while writing: nothing acknowledged is lost, nothing is torn', { timeout: 600_000 }, async () => {
    const rounds = Number(process.env['ASSAY_CRASH_ROUNDS'] ?? 25);
    const figures = await crashRounds(join(root, 'crash.db'), rounds);
    expect(figures).toMatchObject({ rounds, lost: 0, torn: 0, damaged: 0 });
    expect(figures.acknowledged).toBeGreaterThan(rounds);
  });
});
