import { AssayError } from '@assay/bytes/findings';
import fc from 'fast-check';
import Type from 'typebox';
import { describe, expect, test } from 'vitest';
import { pageOf } from './api/common.js';
import { type Call, json, jsonBody, param, principalOf } from './route.js';

const Body = Type.Object(
  {
    text: Type.String({ maxLength: 10 }),
    n: Type.Optional(Type.Integer({ minimum: 1 })),
    list: Type.Optional(Type.Array(Type.Object({ id: Type.String() }, { additionalProperties: false }))),
  },
  { additionalProperties: false },
);

function call(body: string | Uint8Array, more: Partial<Call> = {}): Call {
  return {
    method: 'PUT',
    params: {},
    query: {},
    body: Buffer.from(body),
    uri: '/api/v1/things/1?secret=query',
    session: undefined,
    authorization: undefined,
    caller: { address: '127.0.0.1' },
    origin: 'https://localhost',
    principal: undefined,
    ...more,
  };
}

function refusal(act: () => unknown): AssayError {
  try {
    act();
  } catch (error) {
    if (error instanceof AssayError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a JSON body', () => {
  test('that fits is given as it is', () => {
    expect(jsonBody(call('{"text":"a","n":1,"list":[{"id":"x"}]}'), Body)).toEqual({
      text: 'a',
      n: 1,
      list: [{ id: 'x' }],
    });
  });

  test.each([
    ['', 'body'],
    ['nonsense', 'body'],
    ['{"text":"a"', 'body'],
    ['{"text":"a"}{}', 'body'],
    ['{"text":"a","text":"b"}', 'body'],
    [`${'['.repeat(65)}${']'.repeat(65)}`, 'body'],
    [Uint8Array.of(0x22, 0xff, 0x22), 'body'],
    ['[]', 'body'],
    ['null', 'body'],
    ['{}', 'text'],
    ['{"text":1}', 'text'],
    ['{"text":"longer than ten"}', 'text'],
    ['{"text":"a","n":0}', 'n'],
    ['{"text":"a","n":1.5}', 'n'],
    ['{"text":"a","list":[{"id":"x"},{"id":2}]}', 'list.1.id'],
    ['{"text":"a","extra":1}', 'extra'],
  ])('%j is refused, naming the member', (body, member) => {
    const error = refusal(() => jsonBody(call(body), Body));
    expect(error.code).toBe('request.body.form');
    expect(error.httpStatus).toBe(400);
    expect(error.message).toContain(member);
    expect(error.message).toContain('/api/v1/things/1');
    expect(error.message).not.toContain('secret=query');
  });

  test('any bytes are read or refused', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.json().map(Buffer.from), fc.string().map(Buffer.from)),
        (bytes) => {
          try {
            expect(typeof jsonBody(call(bytes), Body).text).toBe('string');
          } catch (error) {
            expect(error).toBeInstanceOf(AssayError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

test('a handler of an admin route without a principal is a defect', () => {
  expect(() => principalOf(call(''))).toThrow('no principal on PUT /api/v1/things/1');
  expect(() => param(call(''), 'id')).toThrow('no parameter id');
});

describe('a page of the query', () => {
  test('is given as it is', () => {
    expect(pageOf(call('', { query: { limit: '2', after: 'default/key/1' } }))).toEqual({
      limit: 2,
      after: 'default/key/1',
    });
    expect(pageOf(call(''))).toEqual({});
  });

  test.each([
    ['after', ''],
    ['after', 'a\u0000b'],
    ['after', 'é'],
    ['after', 'a b'],
    ['after', 'a'.repeat(1001)],
    ['limit', '0'],
    ['limit', '501'],
    ['limit', '1e2'],
  ])('%s, case %#, is refused as the caller’s mistake', (name, value) => {
    const error = refusal(() => pageOf(call('', { query: { [name]: value } })));
    expect(error).toMatchObject({ code: 'request.body.form', httpStatus: 400 });
    expect(error.message).toContain(name);
  });
});

test('an answer of JSON', () => {
  expect(json({ a: [1] }, { status: 503 })).toEqual({
    status: 503,
    contentType: 'application/json',
    body: '{"a":[1]}',
  });
});
