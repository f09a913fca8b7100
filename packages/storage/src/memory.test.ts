import { describe, test } from 'vitest';
import { CONTRACT_START, contractCases } from './contract-tests/index.js';
import { MemoryStorage } from './memory.js';

describe('memory keeps the contract', () => {
  test.each(contractCases)('$name', async ({ run }) => {
    const clock = { now: CONTRACT_START };
    const storage = new MemoryStorage({ now: () => clock.now });
    await run({ storage, clock }).finally(() => storage.close());
  });
});
