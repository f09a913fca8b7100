import { createHash } from 'node:crypto';
import { concatBytes, encodeUtf8 } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { EVENT } from './event-type.js';
import { agentEvent, extended, logOf, type TestEvent, u32 } from './eventlog.test.helper.js';
import { type EventRules, judgeEvents } from './rules.js';
import { verifyEventlog } from './verify.js';

const sha384 = (text: string): string => createHash('sha384').update(text).digest('hex');
const tagged = (name: string): Uint8Array => concatBytes(u32(1), u32(name.length), encodeUtf8(name));
const tag = (name: string, measured: string): TestEvent => ({
  index: 3,
  type: EVENT.eventTag,
  data: tagged(name),
  measured: encodeUtf8(measured),
});
const application = (measured: string): TestEvent => ({
  index: 2,
  type: EVENT.efiBootServicesApplication,
  data: new Uint8Array(36),
  measured: encodeUtf8(measured),
});
const variable = (name: string, value: number, changes: Partial<TestEvent> = {}, guid?: string): TestEvent => {
  const text = Buffer.from(name, 'utf16le');
  const bytes = Uint8Array.from(Buffer.from(guid ?? '61dfe48bca93d211aa0d00e098032b8c', 'hex'));
  const data = concatBytes(bytes, u32(name.length), u32(0), u32(1), u32(0), text, Uint8Array.of(value));
  return { index: 1, type: EVENT.efiVariableDriverConfig, data, ...changes };
};

const kernel = application('kernel');
const cmdline = tag('LOADED_IMAGE::LoadOptions', 'console=hvc0');
const initrd = tag('Linux initrd', 'initrd');
const secure = variable('SecureBoot', 1);
/** A variable of which firmware measures the value alone. */
const bootVariable = (value: string, measured: string): TestEvent => {
  const name = Buffer.from('Boot0000', 'utf16le');
  const lengths = concatBytes(u32(8), u32(0), u32(value.length), u32(0));
  const data = concatBytes(new Uint8Array(16), lengths, name, encodeUtf8(value));
  return { index: 2, type: EVENT.efiVariableBoot, data, measured: encodeUtf8(measured) };
};
const separator = (index: number, changes: Partial<TestEvent> = {}): TestEvent => ({
  index,
  type: EVENT.separator,
  data: new Uint8Array(4),
  ...changes,
});
const text = (index: number, type: number, data: string, measured = data): TestEvent => ({
  index,
  type,
  data: encodeUtf8(data),
  measured: encodeUtf8(measured),
});

/** Judges a boot whose registers are what its events make of them. */
function judge(events: readonly TestEvent[], rules: EventRules): string[] {
  const registers = [1, 2, 3, 4].map((index) => ({
    bank: 'sha384' as const,
    index,
    name: `RTMR${index - 1}`,
    value: extended(events, index),
  }));
  const { authentic, findings } = verifyEventlog({ log: logOf(events), kind: 'cc', registers });
  expect(findings.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
  return said(judgeEvents(authentic, true, rules, 'tdx'));
}

function said(findings: ReturnType<typeof judgeEvents>): string[] {
  return findings.map(({ id, outcome, title }) => `${outcome} ${id}${title === undefined ? '' : `: ${title}`}`);
}

const boot = [secure, separator(1), kernel, cmdline, initrd];
const RULES = {
  kernel: { kernels: [sha384('kernel')] },
  cmdline: { commandLines: [sha384('console=hvc0')] },
  initrd: { initrds: [sha384('initrd'), sha384('older initrd')] },
  secureBoot: { secureBoot: true },
} as const;

test('nothing is asked without a rule', () => {
  expect(judge(boot, {})).toEqual([]);
  expect(judgeEvents(undefined, false, {}, 'tdx')).toEqual([]);
  expect(judgeEvents(undefined, false, { secureBoot: false, logRequired: false }, 'tdx')).toEqual([]);
});

test('a boot as wanted', () => {
  const all: EventRules = {
    logRequired: true,
    ...RULES.kernel,
    ...RULES.cmdline,
    ...RULES.initrd,
    ...RULES.secureBoot,
  };
  expect(judge(boot, all)).toEqual([
    'pass eventlog.log.missing',
    'pass eventlog.event.kernel',
    'pass eventlog.event.cmdline',
    'pass eventlog.event.initrd',
    'pass eventlog.event.secure-boot',
  ]);
});

describe('another', () => {
  const cases: readonly (readonly [string, readonly TestEvent[], EventRules, string])[] = [
    ['kernel', [application('other')], RULES.kernel, 'eventlog.event.kernel: kernel measured'],
    ['kernel beside the known one', [kernel, application('other')], RULES.kernel, '(event 2); 1 values known'],
    ['boot loader before the kernel', [application('loader'), kernel], RULES.kernel, '(event 1); 1 values known'],
    ['no kernel', [cmdline], RULES.kernel, 'the event log names no kernel; 1 value is known'],
    ['command line', [tag('LOADED_IMAGE::LoadOptions', 'init=/bin/sh')], RULES.cmdline, 'command line measured'],
    [
      'second command line',
      [cmdline, tag('LOADED_IMAGE::LoadOptions', 'more')],
      RULES.cmdline,
      'command line measured',
    ],
    ['no command line', [kernel, initrd], RULES.cmdline, 'the event log names no command line'],
    ['initrd', [tag('Linux initrd', 'other')], RULES.initrd, '2 values known, none equal'],
    ['no initrd', [cmdline], RULES.initrd, 'the event log names no initrd; 2 values are known'],
    ['known ones of nothing', [kernel], { kernels: [] }, '0 values known'],
  ];
  test.each(cases)('%s', (_, events, rules, message) => {
    const findings = judge(events, rules);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatch(/^fail /);
    expect(findings[0]).toContain(message);
  });
});

describe('Secure Boot', () => {
  const cases: readonly (readonly [string, readonly TestEvent[], string])[] = [
    ['off', [variable('SecureBoot', 0), separator(1)], 'is off; wanted on'],
    ['on and off', [secure, variable('SecureBoot', 0), separator(1)], 'is off; wanted on'],
    ['of another value', [variable('SecureBoot', 2), separator(1)], 'is of an unknown value'],
    ['not measured', [separator(1), kernel], 'is not measured; wanted on'],
    ['another variable', [variable('SetupMode', 1), separator(1)], 'is not measured; wanted on'],
    ['of another vendor', [variable('SecureBoot', 1, {}, '00'.repeat(16)), separator(1)], 'is not measured; wanted on'],
    [
      'a boot variable',
      [variable('SecureBoot', 1, { type: EVENT.efiVariableBoot2 }), separator(1)],
      'is not measured; wanted on',
    ],
    ['in another register', [separator(1), { ...secure, index: 4 }, separator(4)], 'is not measured; wanted on'],
    ['by nothing that ends with a separator', [secure], 'is not measured before a separator'],
    ['behind the separator', [separator(1), secure], 'is not measured before the separator'],
    [
      'behind the separator of ones',
      [separator(1, { data: new Uint8Array(4).fill(0xff) }), secure],
      'is not measured before the separator',
    ],
    [
      // What booted extends the register again; the log calls the true variable and the true separator something else.
      'measured again by what booted',
      [
        variable('SecureBoot', 0, { type: EVENT.efiVariableBoot2 }),
        separator(1, { type: EVENT.ipl, data: encodeUtf8('x'), measured: new Uint8Array(4) }),
        secure,
        separator(1),
      ],
      'is not measured before the separator',
    ],
  ];
  test.each(cases)('%s', (_, events, message) => {
    const [finding = ''] = judge(events, RULES.secureBoot);
    expect(finding).toContain('fail eventlog.event.secure-boot');
    expect(finding).toContain(message);
  });

  test('what comes behind the separator counts for nothing', () => {
    const again = [secure, separator(1), variable('SecureBoot', 0), separator(1)];
    expect(judge(again, RULES.secureBoot)).toEqual(['pass eventlog.event.secure-boot']);
  });

  test('the value that is shown must be the one that was measured', () => {
    const events = [variable('SecureBoot', 1, { measured: variable('SecureBoot', 0).data })];
    const registers = [{ bank: 'sha384' as const, index: 1, name: 'RTMR0', value: extended(events, 1) }];
    const { authentic, findings } = verifyEventlog({ log: logOf(events), kind: 'cc', registers });
    // Such a log is refused as a whole; the rule is then not asked, and never passes.
    expect(findings.some(({ id, outcome }) => id === 'eventlog.event.digest' && outcome === 'fail')).toBe(true);
    expect(said(judgeEvents(authentic, true, RULES.secureBoot, 'tdx'))[0]).toMatch(
      /^not-checked eventlog.event.secure-boot/,
    );
  });
});

describe('a kernel that the log calls something else, and then extends the register with the known digest', () => {
  const cases: readonly (readonly [string, TestEvent])[] = [
    ['a firmware volume', text(2, EVENT.efiPlatformFirmwareBlob2, 'x', 'MZ evil')],
    ['an action', text(2, EVENT.ipl, 'Calling EFI Application', 'MZ evil')],
    ['a driver', text(2, 0x80000004, 'x', 'MZ evil')],
    ['an event whose data are its file', text(2, EVENT.ipl, 'MZ evil')],
    ['a file without a DOS header', text(2, EVENT.ipl, 'PE\0\0 evil')],
    ['a terse image', text(2, EVENT.ipl, 'VZ evil')],
    ['a boot variable whose value is its file', bootVariable('MZ evil', 'MZ evil')],
    ['a boot variable of another value', bootVariable('x', 'MZ evil')],
  ];
  test.each(cases)('%s', (_, evil) => {
    const [finding = '', ...others] = judge([evil, kernel], RULES.kernel);
    expect(finding).toMatch(
      /^fail eventlog.event.kernel: event 1 \(.*\) is no known kernel, and not what its data say/,
    );
    expect(others).toEqual([]);
  });
});

test('events beside the kernel that show what was measured', () => {
  const others = [
    bootVariable('a device', 'a device'),
    text(2, EVENT.efiAction, 'Calling EFI Application from Boot Option'),
    separator(2),
    text(2, 0x80000006, 'EFI PART …'),
    { ...text(2, EVENT.noAction, 'x', 'MZ'), type: EVENT.noAction },
    text(3, EVENT.ipl, 'MokList', 'of shim, into its own register'),
  ];
  expect(judge([...others, kernel], RULES.kernel)).toEqual(['pass eventlog.event.kernel']);
  expect(judge([text(2, 0x80000004, 'a driver', 'kernel'), kernel], RULES.kernel)).toEqual([
    'pass eventlog.event.kernel',
  ]);
});

describe('after a direct boot the kernel measures first', () => {
  const evil = text(3, EVENT.ipl, 'MokList', 'init=/bin/sh');
  const all = { ...RULES.kernel, ...RULES.cmdline, ...RULES.initrd };
  const first = /^fail eventlog.event.cmdline: event 2 \(EV_IPL\) came before the command line/;
  test('another command line, and then the known one', () => {
    expect(judge([kernel, evil, initrd, cmdline], { ...RULES.kernel, ...RULES.cmdline })).toEqual([
      'pass eventlog.event.kernel',
      expect.stringMatching(first),
    ]);
  });

  test('another initrd, and then the known one', () => {
    const events = [kernel, cmdline, text(3, EVENT.ipl, 'MokList', 'other initrd'), initrd];
    expect(judge(events, all)).toEqual([
      'pass eventlog.event.kernel',
      'pass eventlog.event.cmdline',
      expect.stringMatching(/^fail eventlog.event.initrd: event 3 \(EV_IPL\) came before the initrd/),
    ]);
    expect(judge([kernel, evil, evil, cmdline, initrd], all)).toHaveLength(3);
  });

  test('an initrd alone, with or without a command line before it', () => {
    const rules = { ...RULES.kernel, ...RULES.initrd };
    const passing = ['pass eventlog.event.kernel', 'pass eventlog.event.initrd'];
    expect(judge([kernel, initrd], rules)).toEqual(passing);
    expect(judge([kernel, cmdline, initrd, agentEvent('a b c', { index: 3 })], rules)).toEqual(passing);
  });

  test('of a program that nobody asked about there is no telling either: it may be a boot loader', () => {
    const events = [application('loader'), text(3, EVENT.ipl, 'MokList', 'keys'), cmdline];
    expect(judge(events, RULES.cmdline)).toEqual(['pass eventlog.event.cmdline']);
  });

  test('boot loaders measure before it: then there is no telling', () => {
    const rules = { ...all, kernels: [...RULES.kernel.kernels, sha384('loader')] };
    const events = [application('loader'), kernel, text(3, EVENT.ipl, 'MokList', 'keys'), cmdline, initrd];
    expect(judge(events, rules).every((line) => line.startsWith('pass'))).toBe(true);
  });
});

test('events that extend nothing, or registers that nobody vouches for, say nothing', () => {
  const registers = [{ bank: 'sha384' as const, index: 3, name: 'RTMR2', value: extended([cmdline], 3) }];
  const events = [kernel, { ...kernel, index: 3, type: EVENT.noAction }, cmdline];
  const { authentic } = verifyEventlog({ log: logOf(events), kind: 'cc', registers, unquoted: 'omit' });
  expect(authentic).toBeDefined();
  expect(said(judgeEvents(authentic, true, RULES.kernel, 'tdx'))[0]).toContain('names no kernel');
});

test.each([
  [{ logRequired: true }, 'tdx.event_log_required'],
  [RULES.kernel, 'tdx.kernel_digests'],
  [RULES.cmdline, 'tdx.cmdline_digests'],
  [RULES.initrd, 'tdx.initrd_digests'],
  [RULES.secureBoot, 'tdx.secure_boot_required'],
])('without a log %j is refused by name of the rule', (rules, key) => {
  expect(judgeEvents(undefined, false, rules, 'tdx')).toEqual([
    expect.objectContaining({ id: 'eventlog.log.missing', outcome: 'fail', origin: { kind: 'setting', key } }),
  ]);
});

test('digests are told in hex', () => {
  const other = application('other');
  const registers = [{ bank: 'sha384' as const, index: 2, name: 'RTMR1', value: extended([other], 2) }];
  const { authentic } = verifyEventlog({ log: logOf([other]), kind: 'cc', registers });
  expect(judgeEvents(authentic, true, RULES.kernel, 'tdx')).toEqual([
    expect.objectContaining({ actual: sha384('other'), expected: [sha384('kernel')] }),
  ]);
});
