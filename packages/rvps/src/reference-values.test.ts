import { encodeBase64, encodeUtf8, type JsonValue } from '@assay/bytes';
import { MemoryStorage } from '@assay/storage';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { monthsLater } from './expiry.js';
import { ReferenceValues } from './reference-values.js';

const START = Date.UTC(2026, 10, 21, 12, 0, 0, 500);
const ana = { subject: 'ana@example.org', method: 'admin-jwt' };
const ben = { subject: 'ben@example.org', method: 'admin-jwt' };
const clock = { now: START };
const now = () => clock.now;
let storage: MemoryStorage;
let values: ReferenceValues;
beforeEach(() => {
  clock.now = START;
  storage = new MemoryStorage({ now });
  values = new ReferenceValues({ storage, now });
});

const message = (payload: JsonValue, more: object = {}) =>
  JSON.stringify({ type: 'sample', payload: encodeBase64(encodeUtf8(JSON.stringify(payload))), ...more });
const refusal = (code: string, title = /./) => expect.objectContaining({ code, message: expect.stringMatching(title) });

describe('setting', () => {
  test('keeps value and origin; ends after 12 months', async () => {
    const { outcome, value } = await values.set('mr_td', ['aa', 'bb'], { by: ana });
    expect(outcome).toBe('set');
    expect(value).toEqual({
      name: 'mr_td',
      value: ['aa', 'bb'],
      publisher: 'ana@example.org',
      registeredAt: START,
      expires: Date.UTC(2027, 10, 21, 12, 0, 0),
      version: 1,
      source: 'set',
    });
    expect(await values.get('mr_td')).toEqual(value);
    expect(await values.list()).toEqual([value]);
    expect(await values.query('mr_td')).toEqual(['aa', 'bb']);
  });

  test('any JSON, under any printable name', async () => {
    const everything: [string, JsonValue][] = [
      ['rvps:///github.com/confidential-containers/tdx/mr_td:v0.18.0', 'x'],
      ['ACME/RoadRunner/digests', ['y']],
      ['__proto__', { a: { __proto__: null } }],
      ['Ünïcode 名', true],
      ['minimum', 7],
      ['nothing', null],
      ['a.b', 0.5],
      ['a', []],
    ];
    for (const [name, value] of everything) await values.set(name, value, { by: ana });
    for (const [name, value] of everything) expect(await values.query(name)).toEqual(value);
    const sorted = everything.map(([name]) => name).sort();
    expect((await values.snapshot()).names).toEqual(sorted);
    expect((await values.list()).map((value) => value.name)).toEqual(sorted);
  });

  test('is stored as the record of the CoCo RVPS, with additions', async () => {
    await values.set('svn', [1], { by: ana, expires: Date.UTC(2030, 0, 1) });
    const [entry] = await storage.list('reference_value', { limit: 1, values: true });
    expect(JSON.parse(new TextDecoder().decode(entry?.value))).toMatchObject({
      version: '0.1.0',
      name: 'svn',
      expiration: '2030-01-01T00:00:00Z',
      value: [1],
    });
  });

  test('what the caller does to the value afterwards does not matter', async () => {
    const mine = { list: ['a'] };
    const setting = values.set('x', mine, { by: ana });
    mine.list.push('b');
    await setting;
    expect(await values.query('x')).toEqual({ list: ['a'] });
    const got = (await values.query('x')) as { list: string[] };
    expect(() => got.list.push('c')).toThrow(TypeError);
  });

  test.each([
    ['', /empty/],
    ['a\0b', /unprintable/],
    ['a\u202eb', /unprintable/],
    ['\ud800', /unprintable/],
    [' a', /space/],
    ['x'.repeat(257), /257 bytes/],
    ['ü'.repeat(129), /258 bytes/],
  ])('name %j is refused', async (name, what) => {
    await expect(values.set(name, 1, { by: ana })).rejects.toEqual(refusal('rv.name.form', what));
    await expect(values.get(name)).rejects.toEqual(refusal('rv.name.form'));
    expect(await values.query(name)).toBeUndefined();
  });

  test('a value that could not be read again is refused', async () => {
    let deep: JsonValue = 1;
    for (let i = 0; i < 40; i++) deep = [deep];
    for (const value of [deep, Number.NaN, 2 ** 53 + 2, 'x'.repeat(5_000_000), undefined as unknown as JsonValue])
      await expect(values.set('x', value, { by: ana })).rejects.toEqual(refusal('rv.value.form'));
    expect(await values.list()).toEqual([]);
  });

  test('modes: replace, add, keep', async () => {
    await values.set('x', ['a', 'b'], { by: ana, expires: START + 5_000_000 });
    const added = await values.set('x', ['b', 'c'], { by: ben, mode: 'add', expires: START + 1_000_000 });
    expect(added.value).toMatchObject({ value: ['a', 'b', 'c'], publisher: ben.subject, version: 2 });
    expect(added.value.expires).toBe(Math.floor((START + 5_000_000) / 1000) * 1000);
    expect(await values.set('x', ['z'], { by: ben, mode: 'keep' })).toEqual({ outcome: 'kept', value: added.value });
    expect((await values.set('x', 'single', { by: ben })).value.value).toBe('single');
    await expect(values.set('x', ['y'], { by: ben, mode: 'add' })).rejects.toEqual(
      refusal('rv.value.form', /only lists can be added/),
    );
    expect((await values.set('new', ['y'], { by: ben, mode: 'add' })).value.value).toEqual(['y']);
    await values.set('ends', ['old'], { by: ana, expires: clock.now + 1000 });
    clock.now += 5000;
    expect((await values.set('ends', ['new'], { by: ana, mode: 'add' })).value.value).toEqual(['new']);
    expect((await values.set('ends', ['newer'], { by: ana, mode: 'keep' })).outcome).toBe('kept');
  });
});

describe('expiry', () => {
  test('valid at the instant itself, ended one millisecond later, and then still listed', async () => {
    const expires = Date.UTC(2026, 10, 22);
    await values.set('x', 1, { by: ana, expires });
    const snapshot = await values.snapshot();
    expect(snapshot.lookup('x', expires)?.value).toBe(1);
    expect(snapshot.ended('x', expires)).toBeUndefined();
    expect(snapshot.lookup('x', expires + 1)).toBeUndefined();
    expect(snapshot.ended('x', expires + 1)).toMatchObject({ publisher: ana.subject, expires });
    expect(snapshot.all(expires)).toHaveLength(1);
    expect(snapshot.all(expires + 1)).toHaveLength(0);
    clock.now = expires + 1;
    expect(await values.query('x')).toBeUndefined();
    expect(await values.list()).toHaveLength(1);
    expect((await values.get('x'))?.expires).toBe(expires);
  });

  test('never, the past, and what is no time', async () => {
    expect((await values.set('x', 1, { by: ana, expires: 'never' })).value.expires).toBeUndefined();
    clock.now = Date.UTC(9000, 0);
    expect(await values.query('x')).toBe(1);
    for (const expires of [0, clock.now - 1000, Number.NaN, Number.POSITIVE_INFINITY, 9e15])
      await expect(values.set('y', 1, { by: ana, expires })).rejects.toEqual(refusal('rv.value.form', /expiry/));
  });

  test.each([
    ['2024-02-29T10:00:00Z', '2025-02-28T10:00:00Z'],
    ['2023-02-28T00:00:00Z', '2024-02-28T00:00:00Z'],
    ['2026-12-31T23:59:59Z', '2027-12-31T23:59:59Z'],
  ])('12 calendar months after %s is %s', (from, to) => {
    expect(monthsLater(Date.parse(from), 12)).toBe(Date.parse(to));
  });
});

describe('history', () => {
  test('says who set what and when, over deletions, newest first', async () => {
    await values.set('x', 1, { by: ana, attempt: 'att-1', reason: 'release 1' });
    clock.now += 1000;
    await values.set('x', 2, { by: ben });
    clock.now += 1000;
    expect(await values.delete('x', { by: ana, reason: 'withdrawn' })).toBe(true);
    expect(await values.delete('x', { by: ana })).toBe(false);
    expect(await values.get('x')).toBeUndefined();
    clock.now += 1000;
    expect((await values.set('x', 3, { by: ben })).value.version).toBe(4);
    const history = await values.history('x');
    expect(
      history.map(({ version, change, at, by, value }) => [version, change, at - START, by.subject, value]),
    ).toEqual([
      [4, 'set', 3000, ben.subject, 3],
      [3, 'delete', 2000, ana.subject, undefined],
      [2, 'set', 1000, ben.subject, 2],
      [1, 'set', 0, ana.subject, 1],
    ]);
    expect(history[3]).toMatchObject({ attempt: 'att-1', reason: 'release 1', by: ana });
    expect(history[1]?.reason).toBe('withdrawn');
    expect((await values.history('x', { limit: 2 })).map((change) => change.version)).toEqual([4, 3]);
    expect((await values.history('x', { before: 3, limit: 9 })).map((change) => change.version)).toEqual([2, 1]);
  });

  test('of one name is not mixed with that of another', async () => {
    for (const name of ['a', 'a/0000000001', 'a.0000000001', 'ab']) await values.set(name, name, { by: ana });
    for (const name of ['a', 'a/0000000001', 'a.0000000001', 'ab'])
      expect((await values.history(name)).map((change) => change.value)).toEqual([name]);
    expect(await values.history('b')).toEqual([]);
  });

  test('tells when a value was one, and how that ended', async () => {
    const at = (seconds: number) => {
      clock.now = START + 1000 * seconds;
    };
    await values.set('mr_td', ['aa', 'bb'], { by: ana });
    at(1);
    await values.set('mr_td', ['bb'], { by: ben, reason: 'CVE-2026-1' });
    expect(await values.former('mr_td', 'aa')).toEqual({
      name: 'mr_td',
      version: 1,
      by: 'ana@example.org',
      from: START,
      until: START + 1000,
      ended: 'replaced',
      reason: 'CVE-2026-1',
    });
    expect(await values.former('mr_td', 'bb')).toBeUndefined();
    expect(await values.former('mr_td', 'cc')).toBeUndefined();
    expect(await values.former('other', 'aa')).toBeUndefined();
    at(2);
    await values.delete('mr_td', { by: ana });
    expect(await values.former('mr_td', 'bb')).toMatchObject({ version: 2, ended: 'deleted', until: START + 2000 });
    await values.set('svn', { major: 1, minor: 2 }, { by: ana });
    await values.set('svn', { major: 1, minor: 3 }, { by: ana });
    expect(await values.former('svn', { minor: 2, major: 1 })).toMatchObject({ version: 1 });
  });

  test('words with half a character are kept readable', async () => {
    await values.set('x', 1, { by: { subject: 'a\ud800', method: 'local' }, reason: '\udc00' });
    expect((await values.history('x'))[0]).toMatchObject({ reason: '\ufffd', by: { subject: 'a\ufffd' } });
    expect((await values.snapshot()).lookup('x', START)?.publisher).toBe('a\ufffd');
  });

  test('of twenty changes at once misses none', async () => {
    const other = new ReferenceValues({ storage, now });
    const both = [values, other];
    await Promise.all(
      Array.from({ length: 8 }, (_, i) => (both[i % 2] as ReferenceValues).set('x', [i], { by: ana, mode: 'add' })),
    );
    expect((await values.history('x')).map((change) => change.version)).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
    expect([...((await values.query('x')) as number[])].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

describe('snapshot', () => {
  test('does not change, and the next one shows what others changed', async () => {
    const other = new ReferenceValues({ storage, now });
    await values.set('x', 1, { by: ana });
    const before = await values.snapshot();
    expect(await values.snapshot()).toBe(before);
    await other.set('x', 2, { by: ben });
    await other.set('y', 3, { by: ben });
    expect(before.lookup('x', START)?.value).toBe(1);
    expect(before.names).toEqual(['x']);
    const after = await values.snapshot();
    expect([after.lookup('x', START)?.value, after.lookup('y', START)?.value]).toEqual([2, 3]);
    expect(after.revision).toBeGreaterThan(before.revision as number);
    await other.delete('x', { by: ben });
    expect(await values.query('x')).toBeUndefined();
  });

  test('a hundred readers at once load once', async () => {
    await values.set('x', 1, { by: ana });
    let lists = 0;
    const counting = new Proxy(storage, {
      get(target, name) {
        if (name === 'list') lists++;
        const member = Reflect.get(target, name) as unknown;
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const reader = new ReferenceValues({ storage: counting, now });
    const snapshots = await Promise.all(Array.from({ length: 100 }, () => reader.snapshot()));
    expect(new Set(snapshots).size).toBe(1);
    expect(lists).toBe(1);
  });

  test('a load that failed is tried again', async () => {
    await values.set('x', 1, { by: ana });
    const [entry] = await storage.list('reference_value', { limit: 1, values: true });
    const { key, value } = entry as { key: string; value: Uint8Array };
    for (const damage of ['', '{', '[]', '{"version":"0.1.0"}', '{"version":"9","name":"x","value":1}']) {
      await storage.put('reference_value', key, encodeUtf8(damage));
      await expect(values.query('x'), damage).rejects.toEqual(refusal('storage.record.intact'));
      await expect(values.snapshot()).rejects.toEqual(refusal('storage.record.intact'));
    }
    await storage.put('reference_value', key, value);
    expect(await values.query('x')).toBe(1);
  });

  test('holds more than one page', async () => {
    const many = Array.from({ length: 1203 }, (_, i) => `value-${String(i).padStart(4, '0')}`);
    for (let i = 0; i < many.length; i += 400) {
      const part = Object.fromEntries(many.slice(i, i + 400).map((name) => [name, name]));
      await values.registerMessage(message(part), { authenticated: ana });
    }
    expect((await values.snapshot()).names).toEqual(many);
  });
});

describe('messages', () => {
  test('a sample message of an authenticated author sets its values, all with their origin', async () => {
    const text = '{"version":"0.1.0","type":"sample","payload":"eyJzdm4iOlsiMSJdLCJsYXVuY2hfZGlnZXN0IjpbImFiY2RlIl19"}';
    expect(await values.registerMessage(text, { authenticated: ana })).toEqual(['svn', 'launch_digest']);
    expect(await values.query('svn')).toEqual(['1']);
    expect(await values.get('launch_digest')).toMatchObject({
      value: ['abcde'],
      publisher: ana.subject,
      source: 'sample',
      version: 1,
    });
    expect(await values.registerMessage(message({}), { authenticated: ana })).toEqual([]);
  });

  test('without an author it is refused, whatever it says', async () => {
    await expect(values.registerMessage(message({ svn: 1 }), {})).rejects.toEqual(
      refusal('rv.publisher.trust', /nobody/),
    );
    expect(await values.list()).toEqual([]);
  });

  test.each([
    ['not JSON', '{', 'rv.message.form', /text/],
    ['an array', '[]', 'rv.message.form', /not a JSON object/],
    ['duplicate members', '{"type":"sample","type":"sample","payload":""}', 'rv.message.form', /./],
    ['another version', '{"version":"0.2.0","type":1}', 'rv.message.form', /version: not 0\.1\.0/],
    ['a version that is no text', '{"version":1,"type":"sample","payload":""}', 'rv.message.form', /version/],
    ['no type', '{"payload":""}', 'rv.message.form', /type: missing/],
    ['provenance for payload', '{"type":"sample","provenance":""}', 'rv.message.form', /called payload/],
    ['a payload that is no text', '{"type":"sample","payload":{}}', 'rv.message.form', /payload: not a text/],
    ['a type of later', '{"type":"swid","payload":""}', 'rv.message.type', /`swid` has no extractor; there are sample/],
    ['a type in capitals', '{"type":"Sample","payload":""}', 'rv.message.type', /Sample/],
    ['base64url', '{"type":"sample","payload":"eyJhIjoi_z8ifQ=="}', 'rv.message.form', /base64/],
    ['base64 without padding', '{"type":"sample","payload":"eyJhIjoxfQ"}', 'rv.message.form', /base64/],
    ['an empty payload', '{"type":"sample","payload":""}', 'rv.message.form', /payload/],
    ['a payload of an array', message([1]), 'rv.message.form', /object of name to value/],
    [
      'a payload that names a value twice',
      JSON.stringify({ type: 'sample', payload: encodeBase64(encodeUtf8('{"a":1,"a":2}')) }),
      'rv.message.form',
      /./,
    ],
    ['a payload that is not UTF-8', JSON.stringify({ type: 'sample', payload: '/w==' }), 'rv.message.form', /./],
    ['an empty name', message({ '': 1 }), 'rv.name.form', /empty/],
    [
      'too many values',
      message(Object.fromEntries(Array.from({ length: 501 }, (_, i) => [`n${i}`, 1]))),
      'rv.message.form',
      /501 values/,
    ],
  ])('%s is refused', async (_, text, code, title) => {
    await expect(values.registerMessage(text, { authenticated: ana })).rejects.toEqual(refusal(code, title));
    expect(await values.list()).toEqual([]);
  });

  test('one bad value in it: none is set', async () => {
    await expect(values.registerMessage(message({ good: 1, ' bad': 2 }), { authenticated: ana })).rejects.toEqual(
      refusal('rv.name.form'),
    );
    expect(await values.list()).toEqual([]);
  });

  test('fuzz: any text is a known refusal, or sets what it says', async () => {
    const payload = fc.oneof(
      fc.string(),
      fc.json().map((text) => encodeBase64(encodeUtf8(text.replace(/\p{Cs}/gu, '?')))),
    );
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record(
          { version: fc.constantFrom('0.1.0', '1', 1), type: fc.constantFrom('sample', 'x'), payload },
          { requiredKeys: [] },
        )
        .map((m) => JSON.stringify(m)),
    );
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const fresh = new ReferenceValues({ storage: new MemoryStorage({ now }), now });
        const outcome = await fresh.registerMessage(text, { authenticated: ana }).catch((error: { code?: string }) => {
          expect(['rv.message.form', 'rv.message.type', 'rv.name.form', 'rv.value.form']).toContain(error.code);
          return [];
        });
        expect((await fresh.list()).map((value) => value.name)).toEqual([...outcome].sort());
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});
