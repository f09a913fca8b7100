import { type AttestationBackend, type ReferenceValueView, replay } from '@assay/attestation-service';
import type { JsonValue } from '@assay/bytes';
import { assayError, listInLine, type PolicyUse, type Verdict } from '@assay/bytes/findings';
import type { KeyBroker } from '@assay/kbs';
import type { ReferenceValueSource } from '@assay/rvps';
import Type from 'typebox';
import { json, jsonBody, param, type Route } from '../route.js';
import { adminRoute, answers, parseTime } from './common.js';

const path = '/api/v1/attestations/{attempt}/replay';

const Name = Type.String({ minLength: 1, maxLength: 256 });

const ReplayBody = Type.Object(
  {
    at: Type.Optional(Type.String({ description: 'RFC 3339: another time. Default: that of the attempt.' })),
    policies: Type.Optional(
      Type.Record(Name, Type.String({ maxLength: 1024 * 1024 }), {
        description: 'Texts to ask instead of those of the attempt, by stored id.',
      }),
    ),
    reference_values: Type.Optional(
      Type.Enum(['recorded', 'current'], {
        description: '`recorded` (default): as the attempt met them; `current`: as they are now.',
      }),
    ),
    values: Type.Optional(
      Type.Record(Name, Type.Unknown(), { description: 'Reference values on top of the current ones; never stored.' }),
    ),
  },
  { additionalProperties: false },
);

/** Asking a stored attempt again: with other policies, other reference values, another date. Nothing is stored or released. */
export function replayRoutes(
  broker: KeyBroker,
  attestation: AttestationBackend,
  values: ReferenceValueSource | undefined,
): readonly Route[] {
  return [
    {
      ...adminRoute,
      id: 'attestations.replay',
      methods: ['POST'],
      path,
      summary:
        'Ask the policies about a stored attempt again: with a draft, other reference values or another date. Nothing is stored.',
      request: { body: ReplayBody },
      responses: {
        200: answers(
          'what was, and what would be',
          Type.Object({ recorded: Type.Unknown(), replayed: Type.Unknown() }),
        ),
      },
      handle: async (call) => {
        const body = jsonBody(call, ReplayBody);
        const id = param(call, 'attempt');
        const attempt = await broker.attempts.get(id);
        if (attempt === undefined) throw assayError('audit.attempt.known', { params: { attempt: id.slice(0, 40) } });
        const refuse = (member: string, actual: string, expected: string): Error =>
          assayError('request.body.form', { params: { path, member, actual, expected } });
        const at =
          body.at === undefined
            ? undefined
            : parseTime(body.at, () => refuse('at', 'another text', 'RFC 3339 is wanted'));
        const asked = body.reference_values === 'current' || body.values !== undefined;
        if (asked && values === undefined)
          throw refuse(
            'reference_values',
            'current',
            'this server holds no reference values; only `recorded` can be had',
          );
        const view = asked && values !== undefined ? withValues(await values.snapshot(), body.values ?? {}) : undefined;
        const texts = await policyTexts(attempt.verdict, attestation, body.policies ?? {});
        const replayed = replay(attempt.verdict, {
          policies: (use) => texts.get(use),
          ...(at === undefined ? {} : { at }),
          ...(view === undefined ? {} : { referenceValues: view }),
        });
        return json({ recorded: attempt.verdict, replayed }, { attempt: attempt.attempt });
      },
    },
  ];
}

/** The text of each policy of a verdict: the caller's, or the stored one with the recorded digest. */
async function policyTexts(
  verdict: Verdict,
  attestation: AttestationBackend,
  given: Readonly<Record<string, string>>,
): Promise<ReadonlyMap<PolicyUse, string>> {
  const texts = new Map<PolicyUse, string>();
  for (const use of verdict.policies ?? []) {
    const own = Object.hasOwn(given, use.id) ? given[use.id] : undefined;
    const stored = own === undefined ? await attestation.getPolicy(use.id, use.version) : undefined;
    const text = own ?? (stored?.digest === use.digest ? stored.text : undefined);
    // A replay that left a policy out would accept what that policy refused.
    if (text === undefined) {
      const list = listInLine((await attestation.listPolicies()).map((policy) => policy.id));
      throw assayError('policy.id.known', { params: { id: `${use.id}, version ${use.version ?? '?'}`, list } });
    }
    texts.set(use, text);
  }
  const asked = new Set((verdict.policies ?? []).map((use) => use.id));
  const stray = Object.keys(given).find((id) => !asked.has(id));
  if (stray !== undefined) throw assayError('policy.id.known', { params: { id: stray, list: listInLine([...asked]) } });
  return texts;
}

function withValues(base: ReferenceValueView, values: Readonly<Record<string, unknown>>): ReferenceValueView {
  const own = new Map(Object.entries(values));
  return {
    lookup: (name, now) =>
      own.has(name) ? { value: own.get(name) as JsonValue, publisher: 'this replay' } : base.lookup(name, now),
    ended: (name, now) => (own.has(name) ? undefined : base.ended?.(name, now)),
    names: [...new Set([...base.names, ...own.keys()])].sort(),
  };
}
