import { concatBytes, DecodeError } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LARGEST_AGENT_LOG, parseAgentLog } from './agent-log.js';
import { eventlogClaims } from './claims.js';
import { EVENT } from './event-type.js';
import { agentEvent, extended, logOf, record, type TestEvent } from './eventlog.test.helper.js';
import { type EventlogInput, verifyEventlog } from './verify.js';

const event = (text: string, index = 15): TestEvent => agentEvent(text, { index });
const entries = (events: readonly TestEvent[]): Uint8Array =>
  concatBytes(...events.map((each) => record(each, ['sha256'])));
const large = event(`d o ${'c'.repeat(LARGEST_AGENT_LOG)}`);
const two = [event('d first c'), event('d second {"a":1}')];
const register = (value: Uint8Array, index = 15) => ({ bank: 'sha256' as const, index, name: `PCR ${index}`, value });
const verify = (input: Partial<EventlogInput>) =>
  verifyEventlog({
    log: undefined,
    agentLog: entries(two),
    kind: 'tpm',
    registers: [register(extended(two, 15, 'sha256'))],
    unquoted: 'omit',
    ...input,
  });
const failures = (input: Partial<EventlogInput>): readonly string[] =>
  verify(input)
    .findings.filter(({ outcome }) => outcome === 'fail')
    .map(({ id }) => id);

test('a log of the agent that is too long is not read', () => {
  expect(() => parseAgentLog(new Uint8Array(LARGEST_AGENT_LOG + 1))).toThrow('1048577 bytes are too many');
});

describe('a log of the agent beside a quote', () => {
  test('is believed where it replays to the register', () => {
    const { accepted, authentic } = verify({});
    expect(accepted).toBe(true);
    const claims = authentic === undefined ? [] : eventlogClaims(authentic);
    expect(claims).toHaveLength(2);
    expect(claims[1]).toMatchObject({
      index: 15,
      type_name: 'EV_EVENT_TAG',
      digest_matches_event: true,
      details: { data: { domain: 'd', operation: 'second' } },
    });
  });

  test('comes after the events of the firmware, in one register and in others', () => {
    const banks = ['sha1', 'sha256'] as const;
    const boot: TestEvent[] = [
      { index: 4, type: EVENT.efiBootServicesApplication, data: Uint8Array.of(1) },
      { index: 15, type: EVENT.ipl, data: Uint8Array.of(2) },
    ];
    const log = logOf(boot, banks);
    const registers = [register(extended(boot, 4, 'sha256'), 4), register(extended([...boot, ...two], 15, 'sha256'))];
    const found = verify({ log, registers });
    expect(found.accepted).toBe(true);
    expect(found.parsed?.records.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
    // The other way round the register would hold something else.
    expect(failures({ log, registers: [register(extended([...two, ...boot], 15, 'sha256'))] })).toEqual([
      'eventlog.register.replay',
    ]);
    // Only the bank of the agent is extended by its events.
    const sha1 = { ...register(extended(boot, 15, 'sha1')), bank: 'sha1' as const };
    expect(failures({ log, registers: [sha1, ...registers] })).toEqual([]);
    // A firmware's log is judged as ever.
    expect(failures({ log: log.subarray(0, 20), registers })).toEqual(['eventlog.log.form']);
  });

  test.each<[string, Partial<EventlogInput>, string]>([
    ['lacks an event', { agentLog: entries(two.slice(1)) }, 'eventlog.register.replay'],
    ['has one more', { agentLog: entries([...two, event('d o c')]) }, 'eventlog.register.replay'],
    ['has them in another order', { agentLog: entries([...two].reverse()) }, 'eventlog.register.replay'],
    [
      'names another register',
      {
        agentLog: entries(two.map((each) => ({ ...each, index: 14 }))),
        registers: [register(new Uint8Array(32).fill(1), 14)],
      },
      'eventlog.register.replay',
    ],
    ['is cut', { agentLog: entries(two).subarray(0, -1) }, 'eventlog.log.form'],
    ['goes on', { agentLog: concatBytes(entries(two), Uint8Array.of(0)) }, 'eventlog.log.form'],
    ['has an end marker', { agentLog: concatBytes(entries(two), new Uint8Array(8).fill(0xff)) }, 'eventlog.log.form'],
    ['has digests of another bank', { agentLog: record(event('d o c'), ['sha384']) }, 'eventlog.log.form'],
    ['has digests of two banks', { agentLog: record(event('d o c'), ['sha256', 'sha384']) }, 'eventlog.log.form'],
    [
      'has an event of another type',
      { agentLog: entries([{ ...event('d o c'), type: EVENT.ipl }]) },
      'eventlog.log.form',
    ],
    [
      'has an event of another tag',
      { agentLog: entries([{ ...event('d o c'), data: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) }]) },
      'eventlog.log.form',
    ],
    [
      'has an event of one field',
      { agentLog: entries([event('d')]), registers: [register(extended([event('d')], 15, 'sha256'))] },
      'eventlog.aael.form',
    ],
    [
      'is larger than agents write',
      { agentLog: entries([large]), registers: [register(extended([large], 15, 'sha256'))] },
      'eventlog.log.form',
    ],
  ])('that %s is not', (_, input, finding) => {
    const found = verify(input);
    expect([found.accepted, found.authentic]).toEqual([false, undefined]);
    expect(failures(input)).toContain(finding);
  });

  test('whose digest is not of its text is not, even where it replays', () => {
    const lying = { ...event('d said c'), measured: event('d done c').data };
    const registers = [register(extended([lying], 15, 'sha256'))];
    expect(failures({ agentLog: entries([lying]), registers })).toEqual(['eventlog.aael.form']);
  });

  test('that is empty says nothing', () => {
    expect(parseAgentLog(new Uint8Array())).toEqual([]);
    expect(verify({ agentLog: new Uint8Array(), registers: [] }).accepted).toBe(true);
  });
});

test('fuzz: any change is a DecodeError, or does not replay to the register', () => {
  const original = entries(two);
  fc.assert(
    fc.property(fc.nat(original.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, difference, cut) => {
      const changed = Uint8Array.from(original);
      changed[at] = (changed[at] ?? 0) ^ difference;
      const agentLog = cut ? changed.subarray(0, at) : changed;
      try {
        parseAgentLog(agentLog);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
      // Without any entry nothing is claimed of the register; with some, it says so.
      const { accepted, authentic } = verify({ agentLog });
      expect(accepted).toBe(agentLog.length === 0);
      expect(authentic === undefined ? [] : eventlogClaims(authentic)).toEqual([]);
    }),
    { numRuns: fuzzRuns(300) },
  );
});
