import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { distance, ended, ends, notYetValid, utc } from './dates.js';
import { cut, inLine, listInLine, nearestName, onOneLine, shortened, visible } from './text.js';

describe('text from outside', () => {
  test('control, escape and bidirectional characters are shown', () => {
    expect(visible('a\u001b[31mb\u202ec\n\ud800')).toBe('a\\u{1b}[31mb\\u{202e}c\\u{a}\\u{d800}');
  });

  test('whatever it holds, it stays on its line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(inLine(text)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
        expect(Array.from(inLine(text)).length).toBeLessThanOrEqual(120);
      }),
    );
  });

  test('source keeps its words and loses its layout', () => {
    expect(onOneLine('\n\tsome x in {\r\n\t\t"a",\n\t}  ')).toBe('some x in { "a", }');
  });

  test('digests keep their ends', () => {
    expect(shortened(`a1f39304${'0'.repeat(84)}d38c`)).toBe('a1f39304…d38c');
    expect(shortened(`sha256:a1f39304${'0'.repeat(52)}d38c`)).toBe('sha256:a1f39304…d38c');
    expect(shortened('short')).toBe('short');
    expect(cut('abcdef', 4)).toBe('abc…');
  });

  test('lists are counted', () => {
    expect(listInLine([])).toBe('none');
    expect(listInLine(['a', 'b', 'c'], 2)).toBe('a, b and 1 more');
  });
});

describe('nearest name', () => {
  test.each([
    ['trust_claim', ['allow', 'trust_claims'], 'trust_claims'],
    ['tcb_bootloader', ['reported_tcb_bootloader', 'chip_id'], 'reported_tcb_bootloader'],
    ['measurement', ['svn'], undefined],
    ['minimum_minor_version', ['major_version'], undefined],
    ['measurement', ['snp_launch_measurement'], 'snp_launch_measurement'],
    ['snp_measurement', ['snp_launch_measurement'], 'snp_launch_measurement'],
  ])('%s', (name, known, nearest) => {
    expect(nearestName(name, known)).toBe(nearest);
  });
});

describe('dates', () => {
  const now = new Date('2026-11-21T00:00:00Z');
  test('say the time, the relation, the distance and the clock', () => {
    expect(ended(new Date('2026-09-01T00:00:00Z'), now, "this server's clock")).toBe(
      "ended 2026-09-01T00:00:00Z, 81 days before this server's clock",
    );
    expect(notYetValid(new Date('2026-11-21T00:00:05Z'), now, '--at x')).toBe(
      'not yet valid until 2026-11-21T00:00:05Z, 5 seconds after --at x',
    );
    expect(ends(new Date('2026-11-30T00:00:00Z'), now)).toBe('ends 2026-11-30T00:00:00Z, in 9 days');
    expect(utc(new Date(Number.NaN))).toBe('an impossible date');
    expect(distance(3_600_000)).toBe('60 minutes');
  });
});
