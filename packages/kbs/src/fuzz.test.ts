/** Hostile input: whatever comes, an answer in the protocol's form, an attempt with a root, nothing leaked and nothing broken. */
import type { JsonObject, JsonValue } from '@assay/bytes';
import { AssayError } from '@assay/bytes/findings';
import { PROTOCOL_VERSIONS, type ProtocolVersion } from '@assay/protocol';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toKbsError } from './errors.js';
import { ALLOW_ALL, type Bench, call, Guest, openBench } from './testing/harness.test.helper.js';
import type { Method } from './types.js';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
  await bench.broker.resourcePolicies.set(ALLOW_ALL, bench.admin);
});
afterAll(() => bench.close());

const VERSIONS = Object.keys(PROTOCOL_VERSIONS) as ProtocolVersion[];
const guests = new Map(VERSIONS.map((version) => [version, undefined as Guest | undefined]));

function guestOf(version: ProtocolVersion): Guest {
  const guest = guests.get(version) ?? new Guest(bench, version);
  guests.set(version, guest);
  return guest;
}

/** Every refusal: an AssayError, an answer old clients parse, and a record that says why. */
async function wellRefused(run: () => Promise<unknown>): Promise<boolean> {
  try {
    await run();
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(AssayError);
    const answer = toKbsError(error);
    expect([401, 404, 413, 503]).toContain(answer.status);
    expect(answer.body.type).toMatch(/^https:\/\/github\.com\/confidential-containers\/kbs\/errors\/[A-Za-z]+$/);
    expect(answer.body.detail).not.toBe('');
    const text = JSON.stringify(answer);
    for (const hidden of ['shhhhhhh', 'default/test', 'rego', 'packages/']) expect(text).not.toContain(hidden);
    if (answer.body.attempt === undefined) return true;
    const detail = await bench.broker.attempts.get(answer.body.attempt);
    const { code } = error as AssayError;
    const recorded = [...(detail?.findings ?? []), ...(detail?.releases.flatMap((release) => release.findings) ?? [])];
    expect(recorded.some((finding) => finding.id === code && finding.outcome === 'fail')).toBe(true);
    return true;
  }
}

/** A JSON value with one place changed to something else. */
function mutated(value: JsonObject): fc.Arbitrary<JsonValue> {
  const places: string[][] = [];
  const collect = (part: JsonValue, path: string[]): void => {
    if (path.length > 0) places.push(path);
    if (typeof part !== 'object' || part === null) return;
    for (const [name, inner] of Object.entries(part)) collect(inner as JsonValue, [...path, name]);
  };
  collect(value, []);
  const replacement = fc.oneof(
    fc.constant(undefined),
    fc.jsonValue() as fc.Arbitrary<JsonValue>,
    fc.string({ maxLength: 60 }),
    fc.constantFrom('', '{}', '[]', 'null', '{"sample":{}}', '\u0000', '\ud800', '__proto__', 'A'.repeat(5000)),
  );
  return fc.tuple(fc.constantFrom(...places), replacement).map(([path, other]) => {
    const copy = structuredClone(value) as Record<string, unknown>;
    let inner = copy;
    for (const name of path.slice(0, -1)) inner = inner[name] as Record<string, unknown>;
    const last = path[path.length - 1] ?? '';
    if (other === undefined) delete inner[last];
    else inner[last] = other;
    return copy as JsonValue;
  });
}

test('attest bodies of every version, one place changed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...VERSIONS), fc.infiniteStream(fc.nat()), async (version, numbers) => {
      const guest = guestOf(version);
      await guest.auth();
      const seed = numbers.next().value ?? 0;
      const [body] = fc.sample(mutated(guest.attestationBody()), { numRuns: 1, seed });
      const bytes = Buffer.from(JSON.stringify(body));
      // Some places do not matter (an unknown member, the sample's svn): then the answer is a token.
      await wellRefused(() => bench.broker.attest({ session: guest.session, body: bytes }));
    }),
    { numRuns: fuzzRuns(400) },
  );
});

test('attest bodies that are bytes', async () => {
  const junk = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((text) => new Uint8Array(Buffer.from(text))),
    fc.nat({ max: 2000 }).map((depth) => new Uint8Array(Buffer.from('['.repeat(depth)))),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...VERSIONS), junk, async (version, body) => {
      const guest = guestOf(version);
      await guest.auth();
      expect(await wellRefused(() => bench.broker.attest({ session: guest.session, body }))).toBe(true);
    }),
    { numRuns: fuzzRuns(200) },
  );
});

test('auth bodies', async () => {
  const request = { version: '0.4.0', tee: 'sample', 'extra-params': { 'supported-hash-algorithms': ['sha384'] } };
  const junk = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    mutated(request).map((value) => new Uint8Array(Buffer.from(JSON.stringify(value)))),
  );
  await fc.assert(
    fc.asyncProperty(junk, async (body) => {
      await wellRefused(() => bench.broker.auth({ body }));
    }),
    { numRuns: fuzzRuns(300) },
  );
});

test('session cookies and tokens', async () => {
  const guest = guestOf('0.4.0');
  await guest.handshake();
  const { token } = guest;
  const changed = fc
    .tuple(fc.nat({ max: token.length - 1 }), fc.constantFrom(...'ABab01-_.=~ '))
    .map(([at, character]) => token.slice(0, at) + character + token.slice(at + 1));
  const bearer = fc.oneof(
    fc.string({ maxLength: 100 }),
    changed,
    fc.nat({ max: token.length }).map((n) => token.slice(0, n)),
  );
  const cookie = fc.option(fc.oneof(fc.string({ maxLength: 40 }), fc.stringMatching(/^[0-9a-f]{32}$/)), {
    nil: undefined,
  });
  await fc.assert(
    fc.asyncProperty(cookie, bearer, async (session, text) => {
      if (text.trim() === token) return;
      const more = { authorization: `Bearer ${text}`, session };
      expect(await wellRefused(() => call(bench, 'GET', 'resource/default/test/secret', more))).toBe(true);
    }),
    { numRuns: fuzzRuns(400) },
  );
});

test('paths, methods and queries', async () => {
  const guest = guestOf('0.4.0');
  await guest.handshake();
  const segment = fc.oneof(
    fc.string({ maxLength: 20 }),
    fc.constantFrom(
      'resource',
      '',
      '.',
      '..',
      'default',
      'test',
      'secret',
      'head',
      'past',
      '%2e%2e',
      '\u0000',
      'a'.repeat(300),
    ),
  );
  const path = fc.array(segment, { maxLength: 6 }).map((segments) => segments.join('/'));
  const method = fc.constantFrom<Method>('GET', 'PUT');
  const query = fc.dictionary(fc.string({ maxLength: 10 }), fc.string({ maxLength: 10 }), { maxKeys: 4 });
  await fc.assert(
    fc.asyncProperty(method, path, query, async (verb, text, asked) => {
      const right = [
        'resource/default/test/secret',
        'resource//default/test/secret',
        'resource/test/secret',
        'resource//test/secret',
      ];
      const refused = await wellRefused(() => call(bench, verb, text, { session: guest.session, query: asked }));
      expect(refused).toBe(!(verb === 'GET' && right.includes(text)));
    }),
    { numRuns: fuzzRuns(400) },
  );
});

test('administrators’ bodies', async () => {
  const { operations } = bench.broker;
  const junk = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    mutated({ policy_id: 'default_cpu', policy: 'cGFja2FnZSBwb2xpY3k', type: 'sample', payload: 'e30=' }).map(
      (value) => new Uint8Array(Buffer.from(JSON.stringify(value))),
    ),
  );
  await fc.assert(
    fc.asyncProperty(junk, async (body) => {
      await wellRefused(() => operations.setAttestationPolicy(body, bench.admin));
      expect(
        await wellRefused(() => operations.setResourcePolicy(Buffer.concat([body, Buffer.from('x')]), bench.admin)),
      ).toBe(true);
    }),
    { numRuns: fuzzRuns(200) },
  );
});
