/** Why a reference value could not be compared with: never registered, or over its time. */
import type { JsonValue } from '@assay/bytes';
import { distance, type FindingDraft, failed, nearestName } from '@assay/bytes/findings';
import type { ReferenceValueRecorder } from './reference-values.js';

/** @returns undefined for a value that is there */
export function explainReferenceValue(
  name: string,
  recorder: ReferenceValueRecorder,
  now: Date,
  shown: { readonly value: JsonValue | undefined; readonly operator: string },
): FindingDraft | undefined {
  const use = recorder.use(name);
  if (use === undefined || use.state === 'present') return undefined;
  if (use.state === 'expired' && use.expires !== undefined) {
    const over = now.getTime() - Date.parse(use.expires);
    const { name: _, state: __, value: ___, ...facts } = use;
    return failed('rv.value.time', {
      subject: name,
      params: {
        name,
        time: use.expires,
        distance: distance(over),
        clock: "this server's clock",
        publisher: use.publisher ?? 'an unknown publisher',
      },
      expected: now.toISOString(),
      actual: use.expires,
      compare: { relation: 'at-least', type: 'time' },
      source: `reference value ${name}${use.publisher === undefined ? '' : `, set by ${use.publisher}`}`,
      origin: { kind: 'reference-value', name, ...facts },
    });
  }
  const nearest = nearestName(name, recorder.names);
  return failed('rv.value.present', {
    subject: name,
    params: { name, nearest: nearestNote(nearest, recorder.names.length) },
    expected: null,
    ...(shown.value === undefined ? {} : { actual: shown.value }),
    compare: { relation: 'present', type: 'json' },
    source: `reference value ${name}, asked for by the policy`,
    ...remedyFor(name, shown),
    causes:
      nearest === undefined
        ? []
        : [{ text: `the policy or the registration has a typing error: \`${nearest}\` exists` }],
    origin: { kind: 'reference-value', name },
  });
}

function remedyFor(
  name: string,
  { value, operator }: { readonly value: JsonValue | undefined; readonly operator: string },
) {
  const run = setCommand(name, value, operator, false);
  if (run === undefined) return {};
  return {
    remedy: 'Find out whether what the guest shows is what you expect; if it is, register it.',
    actions: [{ run, on: 'owner' as const }],
  };
}

/** The command that registers a value, for values that need no quoting. */
export function setCommand(
  name: string,
  value: JsonValue | undefined,
  operator: string,
  add: boolean,
): string | undefined {
  const text =
    typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
  if (!/^[A-Za-z0-9_.:+/=][A-Za-z0-9_.:+/=-]*$/.test(text) || !/^[A-Za-z0-9_][A-Za-z0-9_./-]*$/.test(name))
    return undefined;
  const kind = typeof value === 'number' ? ' --as-integer' : typeof value === 'boolean' ? ' --as-bool' : '';
  const single = operator === 'in' ? '' : ' --as-single-value';
  return `assay rv set ${name} ${text}${kind}${single}${add && operator === 'in' ? ' --add' : ''}`;
}

function nearestNote(nearest: string | undefined, known: number): string {
  if (nearest !== undefined) return `the nearest name is \`${nearest}\``;
  if (known === 0) return 'none is registered';
  return known === 1 ? '1 other name exists' : `${known} other names exist`;
}
