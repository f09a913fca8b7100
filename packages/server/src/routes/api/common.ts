import { assayError } from '@assay/bytes/findings';
import type { AdminPrincipal } from '@assay/kbs';
import Type, { type TSchema } from 'typebox';
import type { Call, ResponseShape } from '../route.js';

/** What every administration route has in common. */
export const adminRoute = { tag: 'admin', errors: 'problem', access: 'admin' } as const;

/** A JSON answer in the route's declaration. */
export function answers(description: string, schema?: TSchema): ResponseShape {
  return { description, contentType: 'application/json', ...(schema === undefined ? {} : { schema }) };
}

/** Author of a change, as stored beside it. */
export function author(principal: AdminPrincipal): { readonly subject: string; readonly method: string } {
  return { subject: principal.subject, method: principal.issuer === undefined ? 'local' : 'admin-jwt' };
}

export const limitQuery = {
  description: 'Most entries of the answer, 1 to 500.',
  schema: Type.Integer({ minimum: 1, maximum: 500 }),
};
export const afterQuery = { description: 'The `next` of the page before.', schema: Type.String() };

/** Characters of every cursor: those of the store's keys. */
const cursor = /^[A-Za-z0-9_./-]{1,1000}$/;

/** `limit` and `after` of the query. @throws AssayError `request.body.form` */
export function pageOf(call: Call): { readonly limit?: number; readonly after?: string } {
  const limit = integerQuery(call, 'limit', 1, 500);
  const after = call.query['after'];
  if (after !== undefined && !cursor.test(after)) throw badQuery(call, 'after', 'the `next` of a page is wanted');
  return { ...(limit === undefined ? {} : { limit }), ...(after === undefined ? {} : { after }) };
}

/** An integer of the query. @throws AssayError `request.body.form` */
export function integerQuery(call: Call, name: string, minimum: number, maximum: number): number | undefined {
  const text = call.query[name];
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= minimum && value <= maximum))
    throw badQuery(call, name, `an integer from ${minimum} to ${maximum} is wanted`);
  return value;
}

/** A time of the query, RFC 3339. @throws AssayError `request.body.form` */
export function timeQuery(call: Call, name: string): Date | undefined {
  const text = call.query[name];
  return text === undefined ? undefined : parseTime(text, () => badQuery(call, name, 'an RFC 3339 time is wanted'));
}

/** RFC 3339 with zone, as in `2026-11-02T10:00:00Z`. */
export function parseTime(text: string, refuse: () => Error): Date {
  const time = new Date(text);
  if (
    !/^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/.test(text) ||
    Number.isNaN(time.getTime())
  )
    throw refuse();
  return time;
}

export function badQuery(call: Call, name: string, expected: string): Error {
  return assayError('request.body.form', {
    params: {
      path: call.uri.split('?', 1)[0] ?? '',
      member: name,
      actual: `\`${(call.query[name] ?? '').slice(0, 40)}\``,
      expected,
    },
  });
}
