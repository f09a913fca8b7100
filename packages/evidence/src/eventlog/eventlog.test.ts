import { concatBytes, decodeHex, encodeHex, encodeUtf8 } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { verifyAgentText } from './agent-text.js';
import type { Bank } from './algorithm.js';
import { eventlogClaims } from './claims.js';
import { EVENT } from './event-type.js';
import {
  agentEvent,
  extended,
  logOf,
  record,
  sha1Record,
  specId,
  type TestEvent,
  u16,
  u32,
} from './eventlog.test.helper.js';
import { verifyEventlogFiles } from './files.js';
import { parseEventlog } from './parse.js';
import { replay } from './replay.js';
import { type EventlogInput, type EventlogResult, verifyEventlog } from './verify.js';

const text = (words: string): Uint8Array => encodeUtf8(words);
const events: readonly TestEvent[] = [
  { index: 1, type: EVENT.efiAction, data: text('Calling EFI Application from Boot Option') },
  { index: 1, type: EVENT.separator, data: new Uint8Array(4) },
  { index: 2, type: EVENT.efiBootServicesApplication, data: text('not of the form'), measured: text('a kernel') },
  { index: 2, type: EVENT.noAction, data: text('a remark') },
  { index: 3, type: EVENT.ipl, data: text('grub_cmd: set\0'), measured: text('set') },
  agentEvent('github.com/confidential-containers PullImage {"digest":"sha256:00","image":"alpine"}'),
];
const names = ['RTMR0', 'RTMR1', 'RTMR2', 'RTMR3'];
const registersOf = (from: readonly TestEvent[]): NonNullable<EventlogInput['registers']> =>
  names.map((name, n) => ({ bank: 'sha384', index: n + 1, name, value: extended(from, n + 1) }));
const check = (log: Uint8Array, more: Partial<EventlogInput> = {}): EventlogResult =>
  verifyEventlog({ log, kind: 'cc', registers: registersOf(events), ...more });
const failures = ({ findings }: EventlogResult): string[] =>
  findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
const outcomes = ({ findings }: EventlogResult, id: string): string[] =>
  findings.filter((finding) => finding.id === id).map(({ outcome }) => outcome);

describe('format', () => {
  const good = logOf(events);

  test.each<[string, Uint8Array]>([
    ['as it is', good],
    ['filled up with 00', concatBytes(good, new Uint8Array(100))],
    ['filled up with ff', concatBytes(good, new Uint8Array(8).fill(0xff))],
    [
      'vendor data in the header',
      concatBytes(specId(['sha384'], text('vendor')), good.subarray(specId(['sha384']).length)),
    ],
  ])('%s', (_, log) => {
    const result = check(log);
    expect(failures(result)).toEqual([]);
    expect(result.authentic?.log.records).toHaveLength(events.length);
  });

  const header = specId(['sha384']).length;
  const at = (offset: number, bytes: Uint8Array): Uint8Array => {
    const log = Uint8Array.from(good);
    log.set(bytes, offset);
    return log;
  };
  const first = header;
  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['only filling', new Uint8Array(64)],
    ['the agent’s text', text(`INIT sha384/${'0'.repeat(96)}\n`)],
    ['no Spec ID record', good.subarray(header)],
    ['another signature', at(32, text('Spec ID Event02'))],
    ['cut in the header', good.subarray(0, header - 1)],
    ['cut in a record', good.subarray(0, good.length - 1)],
    ['bytes after it', concatBytes(good, text('x'))],
    ['filling of two kinds', concatBytes(good, new Uint8Array(8).fill(0xff), new Uint8Array(8))],
    ['no digests', at(first + 8, u32(0))],
    ['two digests', at(first + 8, u32(2))],
    ['huge count', at(first + 8, u32(0xffff_ffff))],
    ['algorithm that is not in the header', at(first + 12, u16(0x000b))],
    ['unknown algorithm', at(first + 12, u16(0x0005))],
    ['data beyond the end', at(first + 12 + 50, u32(0xffff_fff0))],
    ['header: unknown algorithm', at(32 + 28, u16(0x0001))],
    ['header: digest size', at(32 + 30, u16(32))],
    ['header: more algorithms than there are', at(32 + 24, u32(2))],
    ['header: no algorithm', concatBytes(specId([]), new Uint8Array(8))],
    ['header: an algorithm twice', specId(['sha384', 'sha384'])],
    ['header: vendor size', at(32 + 32, Uint8Array.of(1))],
    ['too long', new Uint8Array(8 * 1024 * 1024 + 1)],
  ])('malformed: %s', (_, log) => {
    const result = check(log);
    expect(failures(result)).toEqual(['eventlog.log.form']);
    expect(result.authentic).toBeUndefined();
  });

  test('a digest of one bank twice', () => {
    const banks: Bank[] = ['sha256', 'sha384'];
    const twice = record({ index: 1, type: EVENT.action, data: text('x') }, ['sha256', 'sha256']);
    expect(failures(check(concatBytes(specId(banks), twice)))).toEqual(['eventlog.log.form']);
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['a header without algorithms', specId([]), /lists no algorithm/],
    ['more bytes than are read', new Uint8Array(8 * 1024 * 1024 + 1), /are too many/],
  ])('%s', (_, log, message) => {
    expect(() => parseEventlog(log, 'cc')).toThrow(message);
  });

  test('too many records of the SHA-1 format', () => {
    const one = sha1Record(0, EVENT.postCode, new Uint8Array(20).fill(1), new Uint8Array());
    const log = concatBytes(...Array.from({ length: 65_537 }, () => one), Uint8Array.of(1));
    expect(() => parseEventlog(log, 'tpm')).toThrow(/more than 65536 records/);
  });

  test('registers of CC logs begin at zero, whatever their index', () => {
    const late = [{ index: 17, type: EVENT.postCode, data: text('x') }];
    expect(replay(parseEventlog(logOf(late), 'cc'), 'sha384').get(17)?.value).toEqual(extended(late, 17));
  });

  test('too many records', () => {
    const one = record({ index: 1, type: EVENT.postCode, data: new Uint8Array() }, ['sha1']);
    const log = concatBytes(specId(['sha1']), ...Array.from({ length: 65_537 }, () => one));
    expect(() => parseEventlog(log, 'cc')).toThrow(/more than 65536 records/);
  });

  test('a TPM log without the Spec ID record is of the SHA-1 format', () => {
    const log = concatBytes(
      sha1Record(0, EVENT.noAction, new Uint8Array(20), text('counted, not extended')),
      sha1Record(0, EVENT.sCrtmVersion, new Uint8Array(20).fill(1), text('1')),
    );
    const parsed = parseEventlog(log, 'tpm');
    expect(parsed).toMatchObject({ format: 'sha1', records: { length: 2 } });
    expect([...replay(parsed, 'sha1').keys()]).toEqual([0]);
    expect(() => parseEventlog(log, 'cc')).toThrow(/Spec ID/);
    expect(() => replay(parsed, 'sha256')).toThrow(RangeError);
  });

  test('StartupLocality sets where PCR 0 begins', () => {
    const locality = (value: number): Uint8Array =>
      logOf(
        [
          { index: 0, type: EVENT.noAction, data: concatBytes(text('StartupLocality\0'), Uint8Array.of(value)) },
          { index: 0, type: EVENT.postCode, data: text('x') },
          { index: 17, type: EVENT.postCode, data: text('x') },
        ],
        ['sha256'],
      );
    const values = [0, 3].map((value) => replay(parseEventlog(locality(value), 'tpm'), 'sha256').get(0)?.value);
    expect(values[0]).toEqual(extended([{ index: 0, type: EVENT.postCode, data: text('x') }], 0, 'sha256'));
    expect(values[1]).not.toEqual(values[0]);
    // Registers of a dynamic launch begin with all bits set.
    const dynamic = replay(parseEventlog(locality(0), 'tpm'), 'sha256').get(17)?.value;
    expect(dynamic).not.toEqual(extended([{ index: 17, type: EVENT.postCode, data: text('x') }], 17, 'sha256'));
    expect(() => parseEventlog(locality(9), 'tpm')).toThrow(/StartupLocality/);
  });
});

test('every question has an answer', () => {
  const answers = (log: readonly TestEvent[]): string[] =>
    check(logOf(log), { registers: registersOf(log) }).findings.map(({ id, outcome }) => `${outcome} ${id}`);
  const common = ['pass eventlog.log.form', ...Array.from({ length: 3 }, () => 'pass eventlog.register.replay')];
  const judged = ['pass eventlog.event.digest', 'pass eventlog.event.order'];
  expect(answers(events)).toEqual([...common, 'pass eventlog.register.replay', ...judged, 'pass eventlog.aael.form']);
  const silent = events.filter(({ index }) => index !== 4);
  expect(answers(silent)).toEqual([...common, 'pass eventlog.register.unlogged', ...judged]);
});

describe('registers', () => {
  test('every one that the log extends must be reached', () => {
    names.forEach((name, n) => {
      const registers = registersOf(events).map((register) =>
        register.name === name
          ? { ...register, value: register.value.with(0, (register.value[0] ?? 0) ^ 1) }
          : register,
      );
      const result = check(logOf(events), { registers });
      expect(failures(result)).toEqual(['eventlog.register.replay']);
      expect(result.findings.find(({ outcome }) => outcome === 'fail')?.subject).toBe(names[n]);
      expect(result.authentic).toBeUndefined();
    });
  });

  test.each<[string, readonly TestEvent[]]>([
    ['an event removed', events.slice(1)],
    ['an event added', [...events, { index: 3, type: EVENT.postCode, data: text('x') }]],
    ['events swapped', [events[1] as TestEvent, events[0] as TestEvent, ...events.slice(2)]],
    ['an event in another register', events.map((event, n) => (n === 0 ? { ...event, index: 3 } : event))],
  ])('%s', (_, changed) => {
    expect(failures(check(logOf(changed)))).toContain('eventlog.register.replay');
  });

  test('a log that goes on after the quote is told apart', () => {
    const more = [...events, agentEvent('a b c')];
    const finding = check(logOf(more)).findings.find(({ outcome }) => outcome === 'fail');
    expect(finding).toMatchObject({ subject: 'RTMR3', causes: [{ confirmed: true }] });
    expect(finding?.causes?.[0]?.text).toContain('after 1 of the 2 events');
  });

  test('a register that was extended without a log entry is told, not refused', () => {
    const unlogged = events.filter(({ index }) => index !== 4);
    const result = check(logOf(unlogged));
    expect(failures(result)).toEqual([]);
    expect(outcomes(result, 'eventlog.register.unlogged')).toEqual(['warn']);
    expect(result.authentic).toBeDefined();
    const silent = check(logOf(unlogged), { registers: registersOf(unlogged) });
    expect(outcomes(silent, 'eventlog.register.unlogged')).toEqual(['pass']);
  });

  test.each([1, 2, 3])('a log without any event of register %i, which the boot extended, is refused', (index) => {
    const value = new Uint8Array(48).fill(0xa5);
    const registers = registersOf(events).map((register) =>
      register.index === index ? { ...register, value } : register,
    );
    const result = check(logOf(events.filter((event) => event.index !== index)), { registers });
    expect(failures(result)).toEqual(['eventlog.register.replay']);
    expect(result.authentic).toBeUndefined();
  });

  test('a register that no quote has refuses for RTMRs and is left out for PCRs', () => {
    const stray = [...events, { index: 9, type: EVENT.eventTag, data: text('x') }];
    expect(failures(check(logOf(stray)))).toEqual(['eventlog.register.replay']);
    const selected = check(logOf(stray), { kind: 'tpm', unquoted: 'omit', registers: registersOf(events).slice(0, 1) });
    expect(failures(selected)).toEqual([]);
    if (selected.authentic === undefined) throw new Error('not authentic');
    const claims = eventlogClaims(selected.authentic) as { index: number; type_name: string }[];
    expect(claims.filter(({ type_name }) => type_name !== 'EV_NO_ACTION').map(({ index }) => index)).toEqual([1, 1]);
  });

  test('a bank that the log does not have', () => {
    expect(failures(check(logOf(events, ['sha256'])))).toEqual(['eventlog.log.form']);
  });

  test('digests of banks that no register vouches for are no claims', () => {
    const result = check(logOf(events, ['sha256', 'sha384']));
    if (result.authentic === undefined) throw new Error('not authentic');
    for (const claim of eventlogClaims(result.authentic) as { digests: { alg: string }[] }[]) {
      expect(claim.digests.map(({ alg }) => alg)).toEqual(['SHA-384']);
    }
  });

  test('records that extend nothing are shown whatever register they name, as what they are', () => {
    const remark = [...events, { index: 0, type: EVENT.noAction, data: text('x') }];
    const result = check(logOf(remark));
    if (result.authentic === undefined) throw new Error('not authentic');
    expect(eventlogClaims(result.authentic)).toContainEqual(
      expect.objectContaining({ index: 0, type_name: 'EV_NO_ACTION', details: {} }),
    );
  });

  test('without a quote a log is read and not believed', () => {
    const result = check(logOf(events), { registers: undefined });
    expect(failures(result)).toEqual([]);
    expect(result.authentic).toBeUndefined();
    expect(outcomes(result, 'eventlog.register.replay')).toEqual(['not-checked']);
  });
});

describe('data', () => {
  test.each([
    ['EV_SEPARATOR', EVENT.separator],
    ['EV_ACTION', EVENT.action],
    ['EV_S_CRTM_VERSION', EVENT.sCrtmVersion],
    ['EV_EFI_VARIABLE_DRIVER_CONFIG', EVENT.efiVariableDriverConfig],
    ['EV_EFI_ACTION', EVENT.efiAction],
  ])('%s is bound by its digest', (_, type) => {
    const changed = [{ index: 1, type, data: text('shown'), measured: text('measured') }];
    const result = check(logOf(changed), { registers: registersOf(changed) });
    expect(failures(result)).toEqual(['eventlog.event.digest']);
    expect(result.authentic).toBeUndefined();
  });

  test('EV_EFI_VARIABLE_AUTHORITY may differ, and says so', () => {
    const changed = [{ index: 1, type: EVENT.efiVariableAuthority, data: text('shown'), measured: text('measured') }];
    const result = check(logOf(changed), { registers: registersOf(changed) });
    expect(failures(result)).toEqual([]);
    expect(outcomes(result, 'eventlog.event.digest')).toEqual(['pass', 'warn']);
    if (result.authentic === undefined) throw new Error('not authentic');
    expect(eventlogClaims(result.authentic)).toMatchObject([{ digest_matches_event: false, index: 1 }]);
  });

  test('one fault many times is told a few times', () => {
    const changed = Array.from({ length: 50 }, () => ({
      index: 1,
      type: EVENT.action,
      data: text('a'),
      measured: text('b'),
    }));
    const result = check(logOf(changed), { registers: registersOf(changed) });
    expect(failures(result)).toHaveLength(8);
    expect(result.findings.filter(({ outcome }) => outcome === 'fail').at(-1)?.compare?.also).toContain(
      '42 more events like this',
    );
  });

  test('a second separator is told, not refused: OVMF measured one into the wrong register', () => {
    const changed = [...events, { index: 1, type: EVENT.separator, data: new Uint8Array(4) }];
    const result = check(logOf(changed), { registers: registersOf(changed) });
    expect(failures(result)).toEqual([]);
    expect(outcomes(result, 'eventlog.event.order')).toEqual(['warn']);
  });
});

describe('a log that an agent began', () => {
  const header = sha1Record(
    0,
    EVENT.noAction,
    new Uint8Array(20),
    decodeHex(`${'00'.repeat(24)}020000000c00300012002000${'00'}`),
  );
  const event = agentEvent('domain operation content');
  const began = (bank: Bank, expected: Bank = bank): EventlogResult =>
    verifyEventlog({
      log: concatBytes(header, record(event, [bank])),
      kind: 'cc',
      registers: [{ bank: expected, index: 4, name: 'RTMR3', value: extended([event], 4, expected) }],
    });

  test('holds digests of SHA-384 or SM3, and of nothing else', () => {
    expect(failures(began('sha384'))).toEqual([]);
    expect(failures(began('sm3'))).toEqual([]);
    const other = began('sha256');
    expect(failures(other)).toContain('eventlog.log.form');
    expect(other.authentic).toBeUndefined();
  });

  test('may hold nothing yet', () => {
    const value = new Uint8Array(48);
    const log = { log: header, kind: 'cc', registers: [{ bank: 'sha384', index: 4, name: 'RTMR3', value }] } as const;
    expect(failures(verifyEventlog(log))).toEqual([]);
    expect(verifyEventlog(log).authentic?.log.records).toEqual([]);
  });
});

describe('agent events', () => {
  const line = 'github.com/confidential-containers PullImage {"digest":"sha256:00","image":"alpine"}';

  test('digest and register are those of the published example', () => {
    const only = [agentEvent(line)];
    expect(encodeHex(extended(only, 4))).toBe(
      '2ba7c3c7b0adfad288144b7e9608efb75bb21b6af62da85e0a2ca592827c5a3881ccddb5c31deb29abe3024b65ff2a2e',
    );
    const result = check(logOf(only), { registers: registersOf(only) });
    if (result.authentic === undefined) throw new Error('not authentic');
    expect(eventlogClaims(result.authentic)).toMatchObject([
      {
        type_name: 'EV_EVENT_TAG',
        digest_matches_event: true,
        details: {
          unicode_name: 'AAEL',
          string: line,
          data: {
            domain: 'github.com/confidential-containers',
            operation: 'PullImage',
            content: { digest: 'sha256:00', image: 'alpine' },
          },
        },
      },
    ]);
  });

  test.each<[string, TestEvent]>([
    ['two fields', agentEvent('domain operation')],
    ['one field', agentEvent('domain')],
    ['empty domain', agentEvent(' operation content')],
    ['empty operation', agentEvent('domain  content')],
    ['line break', agentEvent('domain operation con\ntent')],
    ['digest of the text alone', agentEvent(line, { measured: text(line) })],
    ['digest of another event', agentEvent(line, { measured: text('x') })],
    ['bytes after the text', { index: 4, type: EVENT.eventTag, data: concatBytes(agentEvent(line).data, text('x')) }],
    [
      'size beyond the data',
      { index: 4, type: EVENT.eventTag, data: concatBytes(u32(0x4141454c), u32(9), text('a b c')) },
    ],
    [
      'not UTF-8',
      {
        index: 4,
        type: EVENT.eventTag,
        data: concatBytes(u32(0x4141454c), u32(6), Uint8Array.of(0x61, 0x20, 0x62, 0x20, 0xff, 0xff)),
      },
    ],
  ])('refused: %s', (_, event) => {
    const result = check(logOf([event]), { registers: registersOf([event]) });
    expect(failures(result)).toEqual(['eventlog.aael.form']);
    expect(result.authentic).toBeUndefined();
  });

  test('one fault many times is told a few times', () => {
    const many = Array.from({ length: 20 }, () => agentEvent('two fields'));
    expect(failures(check(logOf(many), { registers: registersOf(many) }))).toHaveLength(8);
  });

  test('content that is no JSON stays text', () => {
    const event = agentEvent('domain operation some {words');
    const result = check(logOf([event]), { registers: registersOf([event]) });
    if (result.authentic === undefined) throw new Error('not authentic');
    expect(eventlogClaims(result.authentic)).toMatchObject([{ details: { data: { content: 'some {words' } } }]);
  });
});

describe('text log of guests 0.10 to 0.14', () => {
  const initial = `INIT sha384/${'0'.repeat(96)}`;
  const line = 'github.com/confidential-containers PullImage {"digest":"sha256:00","image":"alpine"}';
  const afterInit = decodeHex(
    '6c365f76661093e45396aa72e4b9da060ba558a71df61eda609c51ae4b47908d2d04abde885a1501689217d0a2419613',
  );
  const afterLine = decodeHex(
    '4d3d0b05b86b3e098482edce899927840c058ad4354082732e45655dcbdfdb28762b85481947485498ee444be0042ef2',
  );
  const rtmr3 = (value: Uint8Array) => ({ name: 'RTMR3', bank: 'sha384' as const, value });
  const ids = (result: { findings: EventlogResult['findings'] }): string[] =>
    result.findings.filter(({ outcome }) => outcome === 'fail' || outcome === 'warn').map(({ id }) => id);

  test('the published example', () => {
    expect(verifyAgentText(`${initial}\n`, rtmr3(afterInit))).toMatchObject({ accepted: true, events: [] });
    expect(verifyAgentText(`${initial}\n${line}\n`, rtmr3(afterLine))).toMatchObject({
      accepted: true,
      events: [{ operation: 'PullImage' }],
    });
  });

  test('a changed line', () => {
    const result = verifyAgentText(`${initial}\n${line} \n`, rtmr3(afterLine));
    expect(result.accepted).toBe(false);
    expect(ids(result)).toEqual(['eventlog.register.replay']);
    expect(result).not.toHaveProperty('events');
  });

  test('a register that was in use before the log began', () => {
    const start = `INIT sha384/${'01'.repeat(48)}`;
    const other = verifyAgentText(start, rtmr3(afterInit));
    expect(other.accepted).toBe(false);
    const [, { actual = '' } = {}] = other.findings;
    const reached = verifyAgentText(start, rtmr3(decodeHex(String(actual))));
    expect(reached.accepted).toBe(true);
    expect(ids(reached)).toEqual(['eventlog.register.unlogged']);
  });

  test.each<[string, string, RegExp]>([
    ['empty', '', /no first line/],
    ['no first line', line, /no first line/],
    ['another hash', `INIT sha256/${'0'.repeat(64)}`, /hash sha256; the register is of sha384/],
    ['unknown hash', `INIT md5/${'0'.repeat(32)}`, /no first line/],
    ['short start value', 'INIT sha384/00', /start value of 2 hex digits/],
    ['upper-case digits', `INIT sha384/${'A'.repeat(96)}`, /no first line/],
    ['a line of two fields', `${initial}\na b`, /fewer than three fields/],
    ['an empty line between', `${initial}\n\n${line}`, /fewer than three fields/],
    ['too many lines', `${initial}\n${'a b c\n'.repeat(65_536)}`, /too many lines/],
    ['huge', 'x'.repeat(4 * 1024 * 1024 + 1), /at most 4194304 are read/],
  ])('malformed: %s', (_, log, title) => {
    const result = verifyAgentText(log, rtmr3(afterInit));
    expect(result.accepted).toBe(false);
    expect(ids(result)).toEqual(['eventlog.aael.form']);
    expect(result.findings[0]?.title).toMatch(title);
  });
});

describe('files', () => {
  test('a log is needed, and a quote must be one', () => {
    expect(() => verifyEventlogFiles({}, { at: new Date(0) })).toThrow(RangeError);
    const result = verifyEventlogFiles({ event_log: logOf(events), quote: new Uint8Array(700) }, { at: new Date(0) });
    expect(result.verdict).toBe('reject');
    expect(
      verifyEventlogFiles({ event_log: logOf(events), quote: new Uint8Array(3) }, { at: new Date(0) }).verdict,
    ).toBe('reject');
  });

  const quoteOf = (version: number, tee = 0x81): Uint8Array => {
    const body = concatBytes(
      new Uint8Array(328),
      ...registersOf(events).map(({ value }) => value),
      new Uint8Array(64).fill(7),
    );
    const header = concatBytes(u16(version), u16(2), u32(tee), new Uint8Array(40));
    return concatBytes(header, ...(version === 5 ? [new Uint8Array(6)] : []), body);
  };

  test.each<[string, Uint8Array]>([
    ['version 3', quoteOf(3)],
    ['version 6', quoteOf(6)],
    ['SGX', quoteOf(4, 0)],
    ['cut', quoteOf(4).subarray(0, 600)],
  ])('a quote that is none of TDX: %s', (_, quote) => {
    const result = verifyEventlogFiles({ event_log: logOf(events), quote }, { at: new Date(0) });
    expect(result.verdict).toBe('reject');
    expect(result).not.toHaveProperty('claims');
  });

  test.each([4, 5])('registers of a quote of version %i', (version) => {
    const quote = quoteOf(version);
    const result = verifyEventlogFiles({ event_log: logOf(events), quote }, { at: new Date(0) });
    expect(result).toMatchObject({
      verdict: 'accept',
      register_matches: { '1': true, '2': true, '3': true, '4': true },
      quote_report_data: '07'.repeat(64),
      claims: { uefi_event_logs: { length: events.length } },
    });
  });
});

test('fuzz: hostile logs never throw and never replay by accident', () => {
  const original = logOf(events, ['sha256', 'sha384']);
  const registers = registersOf(events);
  // Data that no digest binds may change; what is bound, and every digest of the compared bank, may not.
  const bound = verifyEventlog({ log: original, kind: 'cc', registers }).authentic;
  expect(bound).toBeDefined();
  const claimsOf = (log: Uint8Array): string => {
    const { authentic } = verifyEventlog({ log, kind: 'cc', registers });
    if (authentic === undefined) return 'refused';
    return JSON.stringify(
      eventlogClaims(authentic).flatMap((claim) => {
        const { index, digests, type_name } = claim as { index: number; digests: unknown; type_name: string };
        return type_name === 'EV_NO_ACTION' ? [] : [[index, digests]];
      }),
    );
  };
  const good = claimsOf(original);
  const changes = fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
  const mutated = fc.oneof(
    changes.map((list) => {
      const log = Uint8Array.from(original);
      for (const [at, octet] of list) log[at] = octet;
      return log;
    }),
    fc.nat(original.length).map((length) => original.subarray(0, length)),
    fc.uint8Array({ maxLength: 4096 }).map((tail) => concatBytes(specId(['sha384']), tail)),
    fc.uint8Array({ maxLength: 1024 }),
  );
  fc.assert(
    fc.property(mutated, (log) => {
      const claims = claimsOf(log);
      // A log without any event is true of registers that it does not speak of.
      if (claims !== 'refused' && claims !== '[]') expect(isPartOf(JSON.parse(claims), JSON.parse(good))).toBe(true);
      verifyEventlog({ log, kind: 'tpm', registers: undefined });
    }),
    { numRuns: fuzzRuns(800) },
  );
});

/** Every register that the claims speak of has all its events: the same ones, in the same order. */
function isPartOf(claims: readonly [number, unknown][], good: readonly [number, unknown][]): boolean {
  return [...new Set(claims.map(([index]) => index))].every((register) => {
    const of = (list: readonly [number, unknown][]): string =>
      JSON.stringify(list.filter(([index]) => index === register));
    return of(claims) === of(good);
  });
}
