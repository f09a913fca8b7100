/** Findings about event logs, in one place so that their facts have one form. */
import { type DecodeError, encodeHex } from '@assay/bytes';
import { type Cause, type FindingDraft, failed, passed, unmet, warned } from '@assay/bytes/findings';
import { eventTypeName } from './event-type.js';
import type { EventRecord } from './parse.js';
import type { DataComparison } from './replay.js';

const SUBJECT = 'event log';
const PROFILE = 'TCG PC Client Platform Firmware Profile';

export function malformedLog(error: Pick<DecodeError, 'reason' | 'offset'>): FindingDraft {
  const offset = error.offset ?? 0;
  return failed('eventlog.log.form', {
    subject: SUBJECT,
    params: { offset, what: error.reason },
    actual: error.reason,
    compare: { relation: 'well-formed', type: 'bytes' },
    source: `${PROFILE}, section 10: event log format`,
    origin: { kind: 'spec', document: PROFILE, clause: '10' },
  });
}

export function replayDiffers(
  register: string,
  replayed: Uint8Array,
  quoted: Uint8Array,
  events: number,
  proven: readonly Cause[],
): FindingDraft {
  return failed('eventlog.register.replay', {
    subject: register,
    params: { register, actual: encodeHex(replayed), n: events, expected: encodeHex(quoted) },
    expected: encodeHex(quoted),
    actual: encodeHex(replayed),
    compare: { relation: 'equal', type: 'digest' },
    // What the log itself proves of the difference, instead of what may have caused it.
    ...(proven.length === 0 ? {} : { causes: proven }),
    source: `value of ${register} in the signed quote`,
    origin: { kind: 'spec', document: PROFILE, clause: 'replay' },
  });
}

/** A register that the log extends and that nothing signed vouches for. */
export function unquotedRegister(index: number, replayed: Uint8Array, events: number): FindingDraft {
  const register = `register ${index}`;
  return failed('eventlog.register.replay', {
    subject: register,
    params: { register, actual: encodeHex(replayed), n: events, expected: 'no such register' },
    expected: null,
    actual: encodeHex(replayed),
    compare: { relation: 'present', type: 'digest' },
    source: 'registers of the signed quote',
  });
}

export function unlogged(register: string, value: Uint8Array, events: number): FindingDraft {
  return unmet('eventlog.register.unlogged', {
    subject: register,
    params: { register, actual: encodeHex(value), n: events },
    expected: null,
    actual: encodeHex(value),
    compare: { relation: 'present', type: 'digest' },
    source: `value of ${register} in the signed quote`,
  });
}

export function dataDiffer(comparison: DataComparison, others: number): FindingDraft {
  const { record, digest, computed, required, bank } = comparison;
  const type = eventTypeName(record.type);
  const facts = {
    subject: `event ${record.number}`,
    params: { n: record.number, type, actual: encodeHex(digest), expected: encodeHex(computed) },
    expected: encodeHex(computed),
    actual: encodeHex(digest),
    compare: {
      relation: 'equal',
      type: 'digest',
      also: [`bank ${bank}`, ...(others > 0 ? [`${others} more events like this`] : [])],
    },
    source: `${PROFILE}, section 10.4: digest of ${type}`,
  } as const;
  if (required) return failed('eventlog.event.digest', facts);
  return warned('eventlog.event.digest', {
    ...facts,
    severity: 'low',
    remedy: 'Do not read the data of this event in policy: nothing binds them.',
    causes: [{ text: 'firmware that hashes something else for this type' }],
  });
}

export function duplicateSeparator(record: EventRecord, register: string): FindingDraft {
  return warned('eventlog.event.order', {
    subject: register,
    severity: 'medium',
    params: { register, n: record.number },
    expected: 1,
    actual: 2,
    compare: { relation: 'at-most', type: 'integer' },
    source: `${PROFILE}, section 10.4.1: EV_SEPARATOR`,
  });
}

export function malformedAgentEvent(number: number, what: string): FindingDraft {
  return failed('eventlog.aael.form', {
    subject: `event ${number}`,
    params: { n: number, what },
    actual: what,
    compare: { relation: 'well-formed', type: 'text' },
    source: 'attestation agent event log of Confidential Containers',
  });
}

export function holds(
  id: 'eventlog.log.form' | 'eventlog.event.digest' | 'eventlog.event.order' | 'eventlog.aael.form',
) {
  return passed(id, SUBJECT);
}
