import type { JsonValue } from '@assay/bytes';
import { assayError, nearestName } from '@assay/bytes/findings';
import type { KeyBroker } from '@assay/kbs';
import type { ReferenceValueAdministration } from '@assay/rvps';
import Type from 'typebox';
import { json, jsonBody, param, principalOf, type Route } from '../route.js';
import { adminRoute, answers, author, parseTime } from './common.js';

const SetBody = Type.Object(
  {
    value: Type.Unknown({ description: 'What policies see; usually a list of texts.' }),
    expires: Type.Optional(
      Type.Union([Type.Literal('never'), Type.String()], {
        description: 'RFC 3339, or `never`; default in 12 months.',
      }),
    ),
    mode: Type.Optional(
      Type.Enum(['replace', 'add', 'keep'], { description: '`add` unites lists; `keep` leaves a live value alone.' }),
    ),
    attempt: Type.Optional(Type.String({ description: 'Attempt that is approved by this value.' })),
    reason: Type.Optional(Type.String({ maxLength: 1000 })),
  },
  { additionalProperties: false },
);

const path = '/api/v1/reference-values/{name}';

/** Reference values with who set them, until when, and what they were before. */
export function referenceValueRoutes(broker: KeyBroker, values: ReferenceValueAdministration): readonly Route[] {
  return [
    {
      ...adminRoute,
      id: 'reference-values.list',
      methods: ['GET'],
      path: '/api/v1/reference-values',
      summary: 'List reference values.',
      responses: { 200: answers('values with their origin') },
      handle: async () => json({ items: await values.list() }),
    },
    {
      ...adminRoute,
      id: 'reference-values.get',
      methods: ['GET'],
      path,
      summary: 'Read a reference value with its history.',
      responses: { 200: answers('value, origin, history') },
      handle: async (call) => {
        const name = param(call, 'name');
        const value = await values.get(name);
        const history = await values.history(name);
        if (value === undefined && history.length === 0)
          throw unknownName(
            name,
            (await values.list()).map((v) => v.name),
          );
        return json({ current: value ?? null, history });
      },
    },
    {
      ...adminRoute,
      id: 'reference-values.set',
      methods: ['PUT'],
      path,
      summary: 'Set a reference value.',
      request: { body: SetBody },
      responses: { 200: answers('what is stored now') },
      handle: async (call) => {
        const principal = principalOf(call);
        const body = jsonBody(call, SetBody);
        const name = param(call, 'name');
        const result = await values.set(name, body.value as JsonValue, {
          by: author(principal),
          ...(body.expires === undefined ? {} : { expires: expiry(body.expires) }),
          ...(body.mode === undefined ? {} : { mode: body.mode }),
          ...(body.attempt === undefined ? {} : { attempt: body.attempt }),
          ...(body.reason === undefined ? {} : { reason: body.reason }),
        });
        await broker.operations.record(
          { act: 'reference-value.set', object: name, version: result.value.version },
          principal,
        );
        return json(result);
      },
    },
    {
      ...adminRoute,
      id: 'reference-values.delete',
      methods: ['DELETE'],
      path,
      summary: 'Delete a reference value; its history stays.',
      responses: { 204: { description: 'deleted' } },
      handle: async (call) => {
        const principal = principalOf(call);
        const name = param(call, 'name');
        if (!(await values.delete(name, { by: author(principal) })))
          throw unknownName(
            name,
            (await values.list()).map((v) => v.name),
          );
        await broker.operations.record({ act: 'reference-value.delete', object: name }, principal);
        return { status: 204 };
      },
    },
  ];
}

function expiry(text: string): number | 'never' {
  if (text === 'never') return 'never';
  return parseTime(text, () =>
    assayError('request.body.form', {
      params: {
        path: '/api/v1/reference-values',
        member: 'expires',
        actual: `\`${text.slice(0, 40)}\``,
        expected: 'RFC 3339 or `never` is wanted',
      },
    }),
  ).getTime();
}

function unknownName(name: string, names: readonly string[]): Error {
  const nearest = nearestName(name, names);
  const others = names.length === 1 ? '1 other name exists' : `${names.length} other names exist`;
  const told = nearest === undefined ? others : `nearest is \`${nearest}\``;
  return assayError('rv.value.present', { params: { name, nearest: told } });
}
