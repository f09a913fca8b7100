import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map((found) => found[1] ?? '');
const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Runs an example as it stands and returns what it prints. */
async function run(example: string): Promise<string[]> {
  const { outputFiles } = await build({
    stdin: { contents: example, loader: 'ts', resolveDir: source('.') },
    bundle: true,
    format: 'esm',
    platform: 'node',
    write: false,
    alias: { '@assay/rego/tools': source('./tools/index.ts'), '@assay/rego': source('./index.ts') },
    banner: { js: 'const console = globalThis.readmeConsole;' },
  });
  const printed: string[] = [];
  Object.assign(globalThis, {
    readmeConsole: {
      log: (...values: readonly unknown[]) =>
        printed.push(JSON.stringify(values.length === 1 && typeof values[0] !== 'string' ? values[0] : values)),
    },
  });
  await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0]?.contents ?? []).toString('base64')}`);
  return printed;
}

describe('the examples of the README', () => {
  test('are all found', () => expect(examples.length).toBeGreaterThanOrEqual(6));

  test.each(examples.map((example, i) => [i + 1, example] as const))(
    'example %i prints what it says',
    async (_i, example) => {
      const expected = [...example.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map((found) => found[1]);
      expect(expected.length).toBeGreaterThan(0);
      expect(await run(example)).toEqual(expected);
    },
  );
});
