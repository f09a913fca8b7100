import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { referencePages } from './reference-pages.js';

const root = fileURLToPath(new URL('..', import.meta.url));

test.each([...referencePages()])('%s is made from the code', (path, text) => {
  expect(readFileSync(`${root}${path}`, 'utf8')).toBe(text);
});
