import { encodeUtf8 } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { explainDifference } from './difference.js';
import { EVENT } from './event-type.js';
import { extended, logOf, type TestEvent } from './eventlog.test.helper.js';
import { parseEventlog } from './parse.js';

const event = (words: string, more: Partial<TestEvent> = {}): TestEvent => ({
  index: 4,
  type: EVENT.efiAction,
  data: encodeUtf8(words),
  ...more,
});
const [first, second, third] = [event('one'), event('two', { type: EVENT.separator }), event('three')] as const;
const elsewhere = event('elsewhere', { index: 5 });
const booted = [first, elsewhere, second, third];

/** What is said of a log beside the register of a boot. */
function explained(log: readonly TestEvent[], boot: readonly TestEvent[] = booted): string | undefined {
  const parsed = parseEventlog(logOf(log, ['sha256']), 'tpm');
  const causes = explainDifference(parsed, 'sha256', 4, extended(boot, 4, 'sha256'));
  expect(causes.every(({ confirmed }) => confirmed === true)).toBe(true);
  return causes[0]?.text;
}

describe('the one event that differs is named', () => {
  test.each<[string, readonly TestEvent[], string]>([
    [
      'added at the end',
      [...booted, event('four')],
      'after 3 of the 4 events: event 5 (EV_EFI_ACTION) and what follows are not in it',
    ],
    ['added before', [event('zero'), ...booted], 'without event 1 (EV_EFI_ACTION)'],
    ['added between', [first, elsewhere, event('x', { type: EVENT.ipl }), second, third], 'without event 3 (EV_IPL)'],
    [
      'with a changed digest',
      [first, elsewhere, { ...second, measured: encodeUtf8('other') }, third],
      'with the hash of the data of event 3 (EV_SEPARATOR) as its digest',
    ],
    [
      'before its predecessor',
      [first, elsewhere, third, second],
      'with event 3 (EV_EFI_ACTION) and the next one in the other order',
    ],
  ])('%s', (_, log, text) => {
    expect(explained(log)).toBe(`the quote is equal to the replay ${text}`);
  });

  test('when nothing was quoted, all of them', () => {
    expect(explained(booted, [])).toContain('after 0 of the 3 events: event 1 (EV_EFI_ACTION)');
  });
});

describe('nothing is said', () => {
  test('of an event that is not in the log', () => {
    expect(explained([first, elsewhere, third])).toBeUndefined();
  });

  test('of two differences', () => {
    expect(explained([event('zero'), first, event('x'), second, third])).toBeUndefined();
  });

  test('of a register with more events than are searched, but for what follows its end', () => {
    const many = Array.from({ length: 65 }, (_, n) => event(`event ${n}`));
    expect(explained([event('zero'), ...many], many)).toBeUndefined();
    expect(explained([...many, event('later')], many)).toContain('after 65 of the 66 events: event 66');
  });
});

test('the start of PCR 0 is that of the locality', () => {
  const locality = { index: 0, type: EVENT.noAction, data: Uint8Array.from([...encodeUtf8('StartupLocality\0'), 3]) };
  const log = parseEventlog(logOf([locality, event('one', { index: 0 })], ['sha256']), 'tpm');
  const start = new Uint8Array(32).fill(3, 31);
  expect(explainDifference(log, 'sha256', 0, start)[0]?.text).toContain('after 0 of the 1 events');
  expect(explainDifference(log, 'sha256', 0, new Uint8Array(32))).toEqual([]);
});
