/**
 * What the owner asks of the events of a boot, beside what policy asks of their claims.
 *
 * Only events that registers vouch for count (no rule reads EV_NO_ACTION, which extends nothing), and every event of a kind must be as wanted, not one of them: else a log could hold a
 * wanted event beside the one that mattered. What an event's data say is bound by its digest for variables alone; of files and
 * command lines the digest counts, and the data only tell of what kind it is.
 */
import { encodeHex, type JsonObject } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed } from '@assay/bytes/findings';
import type { AuthenticEventlog } from './claims.js';
import { eventDetails } from './details.js';
import { EVENT } from './event-type.js';
import type { EventRecord } from './parse.js';
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
    },
    {
      id: 'eventlog.event.cmdline',
      key: 'cmdline_digests',
      what: 'command line',
      known: rules.commandLines,
      is: tagged(STUB.commandLine),
    },
    {
      id: 'eventlog.event.initrd',
      key: 'initrd_digests',
      what: 'initrd',
      known: rules.initrds,
      is: tagged(STUB.initrd),
    },
  ];
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
  return [
    ...(rules.logRequired === true ? [passed('eventlog.log.missing', 'event log')] : []),
    ...digests.flatMap((rule) => judgeDigests(bound, rule, tee)),
    ...(secureBoot ? judgeSecureBoot(bound, tee) : []),
  ];
}

interface BoundRecord {
  readonly record: EventRecord;
  readonly details: JsonObject;
  /** Hex, of banks that the quote has. */
  readonly digests: readonly string[];
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

function judgeDigests(records: readonly BoundRecord[], rule: DigestRule, tee: string): FindingDraft[] {
  const { id, is, key, known = [], what } = rule;
  const measured = records.filter(({ details, record }) => is(record, details));
  const strange = measured.filter(({ digests }) => !digests.every((digest) => known.includes(digest)));
  if (measured.length > 0 && strange.length === 0)
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
  return strange.slice(0, MOST_ALIKE).map(({ digests, record }) => {
    const actual = digests.join();
    return failed(id, { ...facts, params: { actual, n: record.number, k }, actual });
  });
}

/** The variable as the firmware measured it before anything of the boot: its digest is of its data. */
function judgeSecureBoot(records: readonly BoundRecord[], tee: string): FindingDraft[] {
  const states = records
    .filter(({ details, record }) => record.type === EVENT.efiVariableDriverConfig && isSecureBoot(details))
    .map(({ details, record }) =>
      digestsMatchData(record.data, record.digests) ? stateOf(details['variable_data']) : 'not what its digest says',
    );
  if (states.length > 0 && states.every((state) => state === 'on')) {
    return [passed('eventlog.event.secure-boot', 'firmware variable SecureBoot', 'on')];
  }
  const actual = states.find((state) => state !== 'on') ?? 'not measured';
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

function isSecureBoot(details: JsonObject): boolean {
  return details['unicode_name'] === 'SecureBoot' && details['variable_name'] === GLOBAL_VARIABLE;
}

/** @param value base64 of the variable: one byte */
function stateOf(value: unknown): string {
  if (value === 'AQ==') return 'on';
  return value === 'AA==' ? 'off' : 'of an unknown value';
}
