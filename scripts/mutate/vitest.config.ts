// Runs the tests with switches in the sources of the plan.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { mergeConfig } from 'vitest/config';
import usual from '../../vitest.config.ts';
import type { Plan } from './conditions.ts';

const { texts } = JSON.parse(readFileSync(process.env['MUTATE_PLAN'] ?? '', 'utf8')) as Plan;

// biome-ignore lint/style/noDefaultExport: Vitest takes its configuration as the default export
export default mergeConfig(usual, {
  root: fileURLToPath(new URL('../..', import.meta.url)),
  plugins: [{ name: 'switches', enforce: 'pre', load: (path: string) => texts[path.split('?')[0] ?? ''] }],
  test: {
    runner: fileURLToPath(new URL('runner.ts', import.meta.url)),
    pool: 'forks',
    maxWorkers: 1,
    // Fuzz tests would kill by chance.
    testNamePattern: /^(?!.*fuzz)/,
    reporters: ['dot'],
  },
});
