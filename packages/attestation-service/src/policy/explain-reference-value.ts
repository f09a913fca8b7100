/** Why a reference value could not be compared with: never registered, or over its time. */
import { distance, type FindingDraft, failed, nearestName } from '@assay/bytes/findings';
import type { ReferenceValueRecorder } from './reference-values.js';

/** @returns undefined for a value that is there */
export function explainReferenceValue(
  name: string,
  recorder: ReferenceValueRecorder,
  now: Date,
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
    expected: name,
    actual: null,
    compare: { relation: 'present', type: 'json' },
    source: `reference value ${name}, asked for by the policy`,
    origin: { kind: 'reference-value', name },
  });
}

function nearestNote(nearest: string | undefined, known: number): string {
  if (nearest !== undefined) return `the nearest name is \`${nearest}\``;
  return known === 0 ? 'none is registered' : `${known} other name${known === 1 ? '' : 's'} exist`;
}
