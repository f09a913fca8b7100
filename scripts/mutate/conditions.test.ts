import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { expect, test } from 'vitest';
import { planOf } from './conditions.ts';

const folder = temporaryFolder('assay-mutate-test-');

/** Changes and changed text of one source. */
function planned(text: string): { readonly changes: string[]; readonly text: string | undefined } {
  const file = join(folder, 'source.ts');
  writeFileSync(file, text);
  writeFileSync(join(folder, 'source.test.ts'), 'if (a) b();');
  const { changes, texts } = planOf([folder]);
  return {
    changes: changes.map(
      ({ always, condition, line, number }) => `${number} line ${line} ${always ? 'true' : 'false'}: ${condition}`,
    ),
    text: texts[file],
  };
}

test('a condition gets a switch; where its branch lets something through, it is made true as well', () => {
  expect(planned('if (a(")")) throw b;\nelse if (\n  c\n)\n  return true;\n')).toEqual({
    changes: ['0 line 1 false: a(")")', '1 line 3 false: c', '1 line 3 true: c'],
    text: 'if (__decides(0, (a(")")))) throw b;\nelse if (\n  __decides(1, (c))\n)\n  return true;\n',
  });
});

test('conditions inside of conditions have switches of their own', () => {
  const { changes, text } = planned('if (list.some((x) => { if (x) return false; return y; })) stop();');
  expect(changes).toEqual([
    '0 line 1 false: list.some((x) => { if (x) return false; return y; })',
    '1 line 1 false: x',
  ]);
  expect(text).toBe(
    'if (__decides(0, (list.some((x) => { if (__decides(1, (x))) return false; return y; })))) stop();',
  );
});

test('what passes a foreign exception on is left out; nothing else in text or comments is a condition', () => {
  expect(planned('if (!(error instanceof Ours)) throw error;').changes).toEqual([]);
  expect(planned('if (error instanceof Ours) return undefined;').changes).toHaveLength(1);
  expect(planned('// if (a)\nconst b = "if (c)";').changes).toEqual([]);
});
