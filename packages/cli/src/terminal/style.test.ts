import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { columns, styled, terminalOf, wrap } from './style.js';

const stream = (tty: boolean, width?: number) =>
  ({ isTTY: tty, columns: width, write: () => true }) as unknown as NodeJS.WriteStream;
const utf8 = { LANG: 'C.UTF-8', TERM: 'xterm' };

describe('a terminal', () => {
  test.each([
    [true, 120, 100],
    [true, 80, 80],
    [true, 40, 60],
    [true, 0, 80],
    [false, 200, 80],
  ])('tty %s with %i columns is %i wide', (tty, has, width) => {
    expect(terminalOf(stream(tty, has), utf8).width).toBe(width);
  });

  test.each([
    [true, utf8, true],
    [false, utf8, false],
    [true, { ...utf8, TERM: 'dumb' }, false],
    [true, { ...utf8, NO_COLOR: '1' }, false],
    // no-color.org: set and not empty.
    [true, { ...utf8, NO_COLOR: '' }, true],
    [false, { ...utf8, FORCE_COLOR: '1' }, true],
    [false, { ...utf8, FORCE_COLOR: '1', NO_COLOR: '1' }, true],
    [true, { ...utf8, FORCE_COLOR: '0' }, false],
  ])('tty %s with %j has colour: %s', (tty, env, colour) => {
    expect(terminalOf(stream(tty, 80), env).colour).toBe(colour);
  });

  test.each([
    [{ LANG: 'de_DE.UTF-8' }, true],
    [{ LANG: 'C.utf8' }, true],
    [{ LANG: 'C' }, false],
    [{}, false],
    [{ LANG: 'C.UTF-8', LC_ALL: 'C' }, false],
    [{ LANG: 'C', LC_CTYPE: 'C.UTF-8' }, true],
    [{ LANG: 'C.UTF-8', TERM: 'dumb' }, false],
  ])('%j shows more than ASCII: %s', (env, unicode) => {
    expect(terminalOf(stream(true, 80), env).unicode).toBe(unicode);
  });
});

test('columns are as wide as their widest cell, whatever its colour', () => {
  const terminal = terminalOf(stream(true, 80), utf8);
  const text = columns([
    [styled(terminal, 'bold', 'A'), 'B', 'C'],
    ['long', styled(terminal, 'red', 'x'), ''],
    ['', 'yy', 'last'],
  ]);
  const esc = String.fromCharCode(27);
  const plain = text.replaceAll(new RegExp(`${esc}\\[\\d+m`, 'g'), '');
  expect(text).not.toBe(plain);
  expect(plain).toBe('A     B   C\nlong  x\n      yy  last\n');
  expect(columns([])).toBe('');
});

test('wrapping keeps every word, and no line is too long unless one word is', () => {
  const word = fc.stringMatching(/^[a-z]{1,30}$/);
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1 }),
      fc.integer({ min: 10, max: 40 }),
      fc.nat(5),
      (words, width, indent) => {
        const lines = wrap(words.join(' '), width, ' '.repeat(indent)).split('\n');
        expect(lines.flatMap((line) => line.trim().split(' '))).toEqual(words);
        for (const line of lines) {
          expect(line.startsWith(' '.repeat(indent))).toBe(true);
          expect(line.length <= width || !line.trim().includes(' ')).toBe(true);
        }
      },
    ),
  );
});
