import { afterEach, describe, expect, test, vi } from 'vitest';
import { postgresForTests } from './start-postgres.js';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe('where PostgreSQL is not installed', () => {
  test('its tests are skipped, and a line says how to run them', async () => {
    vi.stubEnv('CI', '');
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    expect(await postgresForTests('/nowhere')).toBeUndefined();
    expect(write).toHaveBeenCalledWith(expect.stringContaining('apt-get install postgresql'));
  });

  test('they fail with CI=true', async () => {
    vi.stubEnv('CI', 'true');
    await expect(postgresForTests('/nowhere')).rejects.toThrow('apt-get install postgresql');
  });
});
