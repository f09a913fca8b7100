import { assayError } from '@assay/bytes/findings';
import type { AttemptFilter, AttemptState, KeyBroker } from '@assay/kbs';
import Type from 'typebox';
import { type Call, json, param, type Route } from '../route.js';
import { adminRoute, afterQuery, answers, badQuery, limitQuery, pageOf, timeQuery } from './common.js';

const states: readonly AttemptState[] = ['challenged', 'attested', 'refused', 'undecided'];

const text = (description: string) => ({ description, schema: Type.String() });
const time = (description: string) => ({ description, schema: Type.String({ format: 'date-time' }) });

/** Attestation attempts with their verdicts, and the record of administrative acts. */
export function attemptRoutes(broker: KeyBroker): readonly Route[] {
  return [
    {
      ...adminRoute,
      id: 'attestations.list',
      methods: ['GET'],
      path: '/api/v1/attestations',
      summary: 'List attestation attempts, newest first.',
      request: {
        query: {
          tee: text('Only this TEE.'),
          state: { description: `One of ${states.join(', ')}.`, schema: Type.Enum([...states]) },
          code: text('Only attempts with this finding id among the roots.'),
          address: text('Only this client address.'),
          key: text('Only this attested key (RFC 7638 thumbprint).'),
          since: time('Begun at or after.'),
          until: time('Begun before.'),
          limit: limitQuery,
          after: afterQuery,
        },
      },
      responses: {
        200: answers(
          'a page of attempts',
          Type.Object({ items: Type.Array(Type.Unknown()), next: Type.Optional(Type.String()) }),
        ),
      },
      handle: async (call) => json(await broker.attempts.list(filterOf(call))),
    },
    {
      ...adminRoute,
      id: 'attestations.get',
      methods: ['GET'],
      path: '/api/v1/attestations/{attempt}',
      summary:
        'One attempt: every finding, the verdict, the policy and reference values it rests on, what was released.',
      responses: { 200: answers('the attempt') },
      handle: async (call) => {
        const id = param(call, 'attempt');
        const attempt = await broker.attempts.get(id);
        if (attempt === undefined) throw assayError('audit.attempt.known', { params: { attempt: id.slice(0, 40) } });
        return json(attempt, { attempt: attempt.attempt });
      },
    },
    {
      ...adminRoute,
      id: 'audit.acts',
      methods: ['GET'],
      path: '/api/v1/audit',
      summary: 'List administrative acts, newest first.',
      request: { query: { limit: limitQuery, after: afterQuery } },
      responses: { 200: answers('a page of acts') },
      handle: async (call) => json(await broker.operations.acts(pageOf(call))),
    },
    {
      ...adminRoute,
      id: 'audit.refused',
      methods: ['GET'],
      path: '/api/v1/audit/refused',
      summary: 'List administrative calls that were refused, newest first.',
      request: { query: { limit: limitQuery, after: afterQuery } },
      responses: { 200: answers('a page of refused calls') },
      handle: async (call) => json(await broker.operations.refused(pageOf(call))),
    },
  ];
}

function filterOf(call: Call): AttemptFilter {
  const { tee, state, code, address, key } = call.query;
  if (state !== undefined && !isState(state)) throw badQuery(call, 'state', `one of ${states.join(', ')} is wanted`);
  const since = timeQuery(call, 'since');
  const until = timeQuery(call, 'until');
  return {
    ...pageOf(call),
    ...(tee === undefined ? {} : { tee }),
    ...(state === undefined ? {} : { state }),
    ...(code === undefined ? {} : { code }),
    ...(address === undefined ? {} : { address }),
    ...(key === undefined ? {} : { key }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
}

function isState(value: string): value is AttemptState {
  return (states as readonly string[]).includes(value);
}
