/**
 * What the owner asks of the events of a boot, beside what policy asks of their claims.
 *
 * Only events that registers vouch for count (no rule reads EV_NO_ACTION, which extends nothing), and every event of a kind must be as wanted, not one of them: else a log could hold a
 * wanted event beside the one that mattered. What an event's data say is bound by its digest for variables alone; of files and
 * command lines the digest counts, and the data only tell of what kind it is. That a log may tell of another kind: see `boot.ts`.
 */
import { encodeHex, type JsonObject } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed } from '@assay/bytes/findings';
import { type BoundRecord, beforeSeparator, extensionsOf, isHarmless, REGISTERS } from './boot.js';
import type { AuthenticEventlog } from './claims.js';
import { eventDetails } from './details.js';
import { EVENT, eventTypeName } from './event-type.js';
import type { EventRecord, LogKind } from './parse.js';
import { digestsMatchData } from './replay.js';

export interface EventRules {
  /** Without an event log nothing is accepted. Any rule below asks for one as well. */
  readonly logRequired?: boolean;
  /** Digests (hex, of the quote's bank) of the EFI applications that firmware may load: kernel, and boot loaders before it. */
  readonly kernels?: readonly string[];
  /** Digests of command lines, as the Linux EFI stub measures them: UTF-16LE with its NUL. */
  readonly commandLines?: readonly string[];
  readonly initrds?: readonly string[];
  /** Firmware must have measured the variable SecureBoot with the value 1, and no other. */
  readonly secureBoot?: boolean;
}

type DigestRow = 'eventlog.event.kernel' | 'eventlog.event.cmdline' | 'eventlog.event.initrd';

interface DigestRule {
  readonly id: DigestRow;
  readonly key: string;
  readonly what: string;
  readonly known: readonly string[] | undefined;
  readonly is: (record: EventRecord, details: JsonObject) => boolean;
  /** Records that the log names otherwise, and that may be of this kind all the same. */
  readonly unnamed: (boot: Boot, known: readonly string[]) => readonly BoundRecord[];
  /** What is said of them. */
  readonly unnamedAs: string;
}

/** How the Linux EFI stub names what it measures (EV_EVENT_TAG). */
const STUB = { commandLine: 'LOADED_IMAGE::LoadOptions', initrd: 'Linux initrd' } as const;
const GLOBAL_VARIABLE = '61dfe48b-ca93-d211-aa0d-00e098032b8c';
const MOST_ALIKE = 8;

function digestRules(rules: EventRules): readonly DigestRule[] {
  const tagged = (name: string) => (record: EventRecord, details: JsonObject) =>
    record.type === EVENT.eventTag && details['string'] === name;
  return [
    {
      id: 'eventlog.event.kernel',
      key: 'kernel_digests',
      what: 'kernel',
      known: rules.kernels,
      is: (record) => record.type === EVENT.efiBootServicesApplication,
      // Drivers and boot loaders are measured where kernels are, and run before them.
      unnamed: ({ kind, records }, known) =>
        extensionsOf(records, REGISTERS[kind].applications).filter(
          (record) => !isKnown(record, known) && !isHarmless(record),
        ),
      unnamedAs: 'is no known kernel, and not what its data say',
    },
    {
      id: 'eventlog.event.cmdline',
      key: 'cmdline_digests',
      what: 'command line',
      known: rules.commandLines,
      is: tagged(STUB.commandLine),
      // The stub measures the command line before all else: what comes first is it, whatever the log calls it.
      unnamed: ({ direct, ...boot }, known) => {
        const [first] = direct ? measuredByStub(boot) : [];
        return first === undefined || isKnown(first, known) ? [] : [first];
      },
      unnamedAs: 'came before the command line, and is not known',
    },
    {
      id: 'eventlog.event.initrd',
      key: 'initrd_digests',
      what: 'initrd',
      known: rules.initrds,
      is: tagged(STUB.initrd),
      // First, or behind the command line, which not every kernel measures.
      unnamed: ({ direct, ...boot }, known) => {
        const early = direct ? measuredByStub(boot).slice(0, 2) : [];
        return early.some((record) => isKnown(record, known)) ? [] : early.slice(-1);
      },
      unnamedAs: 'came before the initrd, and is not known',
    },
  ];
}

function measuredByStub({ kind, records }: Pick<Boot, 'kind' | 'records'>): readonly BoundRecord[] {
  return extensionsOf(records, REGISTERS[kind].stub);
}

/**
 * Judges the events of a boot.
 *
 * @param log undefined: none was sent, or it is not authentic
 * @param sent whether one was sent
 * @param tee prefix of the settings, for findings
 */
export function judgeEvents(
  log: AuthenticEventlog | undefined,
  sent: boolean,
  rules: EventRules,
  tee: string,
): FindingDraft[] {
  const digests = digestRules(rules).filter(({ known }) => known !== undefined);
  const secureBoot = rules.secureBoot === true;
  if (!sent) {
    const asking =
      rules.logRequired === true
        ? 'event_log_required'
        : (digests[0]?.key ?? (secureBoot ? 'secure_boot_required' : undefined));
    return asking === undefined ? [] : [missingLog(`${tee}.${asking}`)];
  }
  if (log === undefined) {
    const why = 'not checked: the event log is not what the quote vouches for';
    const ids = [...digests.map(({ id }) => id), ...(secureBoot ? (['eventlog.event.secure-boot'] as const) : [])];
    return ids.map((id) =>
      notChecked(id, why, { subject: 'event log', causedBy: ['eventlog.log.form', 'eventlog.register.replay'] }),
    );
  }
  const bound = boundRecords(log);
  const boot = { records: bound, kind: log.log.kind, direct: isDirectBoot(bound, log.log.kind, rules.kernels) };
  return [
    ...(rules.logRequired === true ? [passed('eventlog.log.missing', 'event log')] : []),
    ...digests.flatMap((rule) => judgeDigests(boot, rule, tee)),
    ...(secureBoot ? judgeSecureBoot(boot, tee) : []),
  ];
}

interface Boot {
  readonly records: readonly BoundRecord[];
  readonly kind: LogKind;
  /** There is a rule for kernels, and firmware loaded one program alone: nobody could measure before its EFI stub. */
  readonly direct: boolean;
}

function isDirectBoot(records: readonly BoundRecord[], kind: LogKind, kernels: readonly string[] | undefined): boolean {
  const loaded = extensionsOf(records, REGISTERS[kind].applications).filter((record) => !isHarmless(record));
  return kernels !== undefined && loaded.length === 1;
}

function isKnown({ digests }: BoundRecord, known: readonly string[]): boolean {
  return digests.every((digest) => known.includes(digest));
}

function boundRecords({ bound, log }: AuthenticEventlog): readonly BoundRecord[] {
  return log.records.flatMap((record) => {
    const vouched = record.digests.filter(({ algorithm: { bank } }) => bound.get(bank)?.has(record.index) === true);
    if (vouched.length === 0) return [];
    const details = eventDetails(record.type, record.data);
    return [
      { record: { ...record, digests: vouched }, details, digests: vouched.map(({ digest }) => encodeHex(digest)) },
    ];
  });
}

function setting(key: string) {
  return { source: `rule of the owner: ${key}`, origin: { kind: 'setting', key } } as const;
}

function missingLog(key: string): FindingDraft {
  return failed('eventlog.log.missing', {
    subject: 'event log',
    expected: 'an event log',
    actual: null,
    compare: { relation: 'present', type: 'bytes' },
    ...setting(key),
  });
}

function judgeDigests(boot: Boot, rule: DigestRule, tee: string): FindingDraft[] {
  const { id, is, key, known = [], what } = rule;
  const measured = boot.records.filter(({ details, record }) => is(record, details));
  const strange = measured.filter((record) => !isKnown(record, known));
  const unnamed = measured.length === 0 || strange.length > 0 ? [] : rule.unnamed(boot, known);
  if (measured.length > 0 && strange.length === 0 && unnamed.length === 0)
    return [
      passed(
        id,
        what,
        measured.map(({ digests }) => digests.join()),
      ),
    ];
  const facts = {
    subject: what,
    expected: known,
    compare: { relation: 'one-of', type: 'digest' },
    ...setting(`${tee}.${key}`),
  } as const;
  const k = known.length;
  if (measured.length === 0) {
    const title = `the event log names no ${what}; ${k} ${k === 1 ? 'value is' : 'values are'} known`;
    return [{ ...failed(id, { ...facts, params: { actual: '', n: 0, k }, actual: null }), title }];
  }
  const differing = (digests: readonly string[], n: number): FindingDraft => {
    const actual = digests.join();
    return failed(id, { ...facts, params: { actual, n, k }, actual });
  };
  return [
    ...strange.map(({ digests, record }) => differing(digests, record.number)),
    ...unnamed.map(({ digests, record: { number, type } }) => {
      const title = `event ${number} (${eventTypeName(type)}) ${rule.unnamedAs}`;
      return { ...differing(digests, number), title, remedy: UNNAMED_REMEDY };
    }),
  ].slice(0, MOST_ALIKE);
}

const UNNAMED_REMEDY =
  'Refuse: the log gives a measurement another name. Or add its digest to the rule, if it is right.';

/** The variable as the firmware measured it before anything of the boot: its digest is of its data. */
function judgeSecureBoot({ kind, records }: Boot, tee: string): FindingDraft[] {
  const variables = extensionsOf(records, REGISTERS[kind].variables);
  // Behind the separator whatever booted may have measured it again, as it likes.
  const before = beforeSeparator(variables);
  const states = (before ?? [])
    .filter(isSecureBoot)
    .map(({ details, record }) =>
      digestsMatchData(record.data, record.digests) ? stateOf(details['variable_data']) : 'not what its digest says',
    );
  if (states.length > 0 && states.every((state) => state === 'on')) {
    return [passed('eventlog.event.secure-boot', 'firmware variable SecureBoot', 'on')];
  }
  const later = variables.some(isSecureBoot);
  const where = before === undefined ? 'not measured before a separator' : 'not measured before the separator';
  const actual = states.find((state) => state !== 'on') ?? (later ? where : 'not measured');
  return [
    failed('eventlog.event.secure-boot', {
      subject: 'firmware variable SecureBoot',
      params: { actual, expected: 'on' },
      expected: 'on',
      actual,
      compare: { relation: 'equal', type: 'text' },
      ...setting(`${tee}.secure_boot_required`),
    }),
  ];
}

function isSecureBoot({ details, record }: BoundRecord): boolean {
  const named = details['unicode_name'] === 'SecureBoot' && details['variable_name'] === GLOBAL_VARIABLE;
  return named && record.type === EVENT.efiVariableDriverConfig;
}

/** @param value base64 of the variable: one byte */
function stateOf(value: unknown): string {
  if (value === 'AQ==') return 'on';
  return value === 'AA==' ? 'off' : 'of an unknown value';
}
