import { describe, expect, test } from 'vitest';
import type { Terminal } from '../terminal/style.js';
import { told } from './image/acts.js';
import { narratorOn } from './narrator.js';
import { briefly } from './why.js';

function written(width: number, unicode: boolean, tell: (narrator: ReturnType<typeof narratorOn>) => void): string[] {
  const parts: string[] = [];
  const out: Terminal = { width, unicode, colour: false, write: (part) => parts.push(part) };
  tell(narratorOn(out));
  return parts.join('').split('\n').slice(0, -1);
}

const LONG = 'a word and then another one, '.repeat(12).trim();

describe('the story', () => {
  test.each([60, 80, 100])('stays within %i columns', (width) => {
    const lines = written(width, true, (tell) => {
      tell.says(LONG);
      tell.step(LONG, LONG);
      tell.refused(LONG);
      tell.ownerProse([`do     ${LONG}`]);
      tell.owner(`${'x'.repeat(300)}\nshort`);
    });
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    expect(Math.max(...lines.map((line) => line.length))).toBeGreaterThan(width - 15);
    expect(lines.at(-2)).toMatch(/^ {4}│ x+…$/);
    expect(lines.at(-1)).toBe('    │ short');
  });

  test('hangs further lines below the first word', () => {
    const [first, second] = written(60, true, (tell) => tell.ownerProse([`do     ${LONG}`]));
    expect(first).toMatch(/^ {4}│ do {5}a word/);
    expect(second).toMatch(/^ {4}│ {8}\S/);
  });

  test('is ASCII where nothing else can be shown', () => {
    const lines = written(80, false, (tell) => {
      tell.step('the guest’s “line” …');
      tell.refused('no');
      tell.owner('a · b');
    });
    expect(lines).toEqual([`  + the guest's "line" ~`, '  x no', '    | a - b']);
  });
});

describe('a reason', () => {
  const digest = 'ab'.repeat(48);

  test('is its title, what differs, what to do and who can do it', () => {
    expect(
      briefly({ id: 'rv.match.any', title: 'no', expected: digest, actual: 'x', remedy: 'Act.', party: 'owner' }),
    ).toEqual(['no', 'found  x', 'wanted abababab…abab', 'do     Act.', 'id     rv.match.any; owner can act']);
  });

  test('tells no value twice, and none that is no text', () => {
    expect(briefly({ id: 'rv.match.any', title: `is abababab…abab`, actual: digest, expected: [1] })).toEqual([
      'is abababab…abab',
      'id     rv.match.any',
    ]);
    expect(briefly({ id: 'rv.match.any' })[0]).toBe('rv.match.any');
  });

  test('other than the one that a scene is about ends the demo', () => {
    const played = { scene: 'A scene', code: 'evidence.refused', findings: [{ id: 'dcap.tcb.level' as const }] };
    expect(told(played, 401, 'dcap.tcb.level')).toEqual({ ...played, status: 401 });
    expect(() => told(played, 401, 'dcap.pck.revoked')).toThrow('A scene: refused by dcap.tcb.level');
    expect(() => told({ ...played, findings: [] }, 401, 'dcap.pck.revoked')).toThrow('refused by evidence.refused');
  });
});
