import { deepStrictEqual, notStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict';
import { LIMITS } from '../contract.js';
import { concurrencyCases } from './concurrency.js';
import { bytes, type ContractCase } from './subject.js';

const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value);
/** A wrong argument. */
const wrong = { code: 'storage.key.form' };
const keys = (entries: readonly { readonly key: string }[]): string[] => entries.map((entry) => entry.key);

export const contractCases: readonly ContractCase[] = [
  {
    name: 'a value put is got, byte for byte, with its version',
    async run({ storage }) {
      const value = Uint8Array.from({ length: 256 }, (_, i) => i);
      const written = await storage.put('repository', 'default/key/1', value);
      strictEqual(written.outcome, 'written');
      const entry = await storage.get('repository', 'default/key/1');
      deepStrictEqual(entry, { value, version: written.outcome === 'written' ? written.version : undefined });
      strictEqual(Object.getPrototypeOf(entry?.value), Uint8Array.prototype);
      strictEqual(await storage.get('repository', 'default/key'), undefined);
      strictEqual(await storage.get('kbs', 'default/key/1'), undefined);
    },
  },
  {
    name: 'an empty value is a value; a large one comes back whole',
    async run({ storage }) {
      await storage.put('repository', 'empty', new Uint8Array(0));
      deepStrictEqual((await storage.get('repository', 'empty'))?.value, new Uint8Array(0));
      const large = new Uint8Array(3 * 1024 * 1024).fill(0xa5);
      large[large.length - 1] = 7;
      await storage.put('repository', 'large', large);
      ok(Buffer.from((await storage.get('repository', 'large'))?.value ?? []).equals(large));
    },
  },
  {
    name: 'values are copied in and out',
    async run({ storage }) {
      const mine = Buffer.from('before');
      const writing = storage.put('kbs', 'a', mine);
      mine.fill(0);
      await writing;
      const first = await storage.get('kbs', 'a');
      strictEqual(text(first?.value), 'before');
      first?.value.fill(0);
      strictEqual(text((await storage.get('kbs', 'a'))?.value), 'before');
    },
  },
  {
    name: 'every write changes the version, and a version never comes back',
    async run({ storage }) {
      const versions = new Set<number>();
      for (let i = 0; i < 4; i++) {
        const put = await storage.put('kbs', 'a', bytes('same'));
        if (put.outcome === 'written') versions.add(put.version);
        if (i === 1) await storage.delete('kbs', 'a');
      }
      strictEqual(versions.size, 4);
    },
  },
  {
    name: 'ifAbsent writes once, and says what stood in the way',
    async run({ storage }) {
      const first = await storage.put('kbs', 'a', bytes('1'), { ifAbsent: true });
      strictEqual(first.outcome, 'written');
      const second = await storage.put('kbs', 'a', bytes('2'), { ifAbsent: true });
      deepStrictEqual(second, { outcome: 'conflict', current: first.outcome === 'written' ? first.version : 0 });
      strictEqual(text((await storage.get('kbs', 'a'))?.value), '1');
    },
  },
  {
    name: 'ifVersion writes only over that version',
    async run({ storage }) {
      const first = await storage.put('kbs', 'a', bytes('1'));
      const v1 = first.outcome === 'written' ? first.version : 0;
      const second = await storage.put('kbs', 'a', bytes('2'), { ifVersion: v1 });
      strictEqual(second.outcome, 'written');
      const third = await storage.put('kbs', 'a', bytes('3'), { ifVersion: v1 });
      deepStrictEqual(third, { outcome: 'conflict', current: second.outcome === 'written' ? second.version : 0 });
      deepStrictEqual(await storage.put('kbs', 'missing', bytes('x'), { ifVersion: v1 }), {
        outcome: 'conflict',
        current: undefined,
      });
      strictEqual(await storage.get('kbs', 'missing'), undefined);
      strictEqual(text((await storage.get('kbs', 'a'))?.value), '2');
    },
  },
  {
    name: 'delete and take return what was there, once',
    async run({ storage }) {
      for (const method of ['delete', 'take'] as const) {
        await storage.put('kbs', 'a', bytes('v'));
        strictEqual(text((await storage[method]('kbs', 'a'))?.value), 'v');
        strictEqual(await storage[method]('kbs', 'a'), undefined);
        strictEqual(await storage.get('kbs', 'a'), undefined);
      }
    },
  },
  {
    name: 'an entry is there until the millisecond before expiresAt, and for no method afterwards',
    async run({ storage, clock }) {
      const expiresAt = clock.now + 1000;
      const put = await storage.put('kbs', 'a', bytes('v'), { expiresAt });
      const version = put.outcome === 'written' ? put.version : 0;
      clock.now = expiresAt - 1;
      deepStrictEqual(await storage.get('kbs', 'a'), { value: bytes('v'), version, expiresAt });
      clock.now = expiresAt;
      strictEqual(await storage.get('kbs', 'a'), undefined);
      deepStrictEqual(await storage.list('kbs', { limit: 10, values: true }), []);
      deepStrictEqual(await storage.put('kbs', 'a', bytes('w'), { ifVersion: version }), {
        outcome: 'conflict',
        current: undefined,
      });
      deepStrictEqual(await storage.transact([{ op: 'delete', ns: 'kbs', key: 'a', ifVersion: version }]), {
        outcome: 'conflict',
        index: 0,
        current: undefined,
      });
      strictEqual(await storage.take('kbs', 'a'), undefined);
      await storage.put('kbs', 'b', bytes('v'), { expiresAt });
      strictEqual(await storage.delete('kbs', 'b'), undefined);
      await storage.put('kbs', 'c', bytes('v'), { expiresAt });
      deepStrictEqual(await storage.transact([{ op: 'delete', ns: 'kbs', key: 'c' }]), {
        outcome: 'committed',
        results: [{ outcome: 'deleted', previous: undefined }],
      });
    },
  },
  {
    name: 'an ended entry is absent for ifAbsent, and a later put takes the expiry away',
    async run({ storage, clock }) {
      await storage.put('kbs', 'a', bytes('old'), { expiresAt: clock.now + 1 });
      clock.now += 1;
      strictEqual((await storage.put('kbs', 'a', bytes('new'), { ifAbsent: true })).outcome, 'written');
      clock.now += 1_000_000;
      strictEqual(text((await storage.get('kbs', 'a'))?.value), 'new');
      strictEqual((await storage.put('kbs', 'a', bytes('x'), { ifAbsent: true })).outcome, 'conflict');
    },
  },
  {
    name: 'sweep removes what has ended, and nothing else',
    async run({ storage, clock }) {
      for (let i = 0; i < 5; i++) await storage.put('kbs', `ends-${i}`, bytes('v'), { expiresAt: clock.now + i });
      await storage.put('admin', 'stays', bytes('v'));
      strictEqual(await storage.sweep(clock.now + 2), 3);
      strictEqual(await storage.sweep(clock.now + 2), 0);
      deepStrictEqual(keys(await storage.list('kbs', { limit: 10 })), ['ends-3', 'ends-4']);
      strictEqual(text((await storage.get('admin', 'stays'))?.value), 'v');
    },
  },
  {
    name: 'lists are in byte order, bounded and paged both ways',
    async run({ storage }) {
      const names = ['Z', 'a', 'a-b', 'a.b', 'a/1', 'a/2', 'a/3', 'a0', 'aB', 'a_b', 'ab', 'b/1'];
      for (const name of [...names].reverse()) await storage.put('repository', name, bytes(name));
      await storage.put('kbs', 'a/9', bytes('another namespace'));
      deepStrictEqual(keys(await storage.list('repository', { limit: 1000 })), names);
      deepStrictEqual(keys(await storage.list('repository', { limit: 1000, reverse: true })), [...names].reverse());
      deepStrictEqual(keys(await storage.list('repository', { prefix: 'a/', limit: 1000 })), ['a/1', 'a/2', 'a/3']);
      deepStrictEqual(keys(await storage.list('repository', { prefix: 'a', limit: 3 })), ['a', 'a-b', 'a.b']);
      deepStrictEqual(keys(await storage.list('repository', { prefix: 'a/', after: 'a/1', limit: 1 })), ['a/2']);
      deepStrictEqual(keys(await storage.list('repository', { prefix: 'a/', after: 'Z', limit: 1 })), ['a/1']);
      deepStrictEqual(keys(await storage.list('repository', { prefix: 'a/', after: 'b', limit: 1 })), []);
      deepStrictEqual(keys(await storage.list('repository', { after: 'a/3', before: 'a_b', limit: 9 })), ['a0', 'aB']);
      deepStrictEqual(keys(await storage.list('repository', { before: 'a-b', reverse: true, limit: 9 })), ['a', 'Z']);
      const walked: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await storage.list('repository', { limit: 5, ...(after === undefined ? {} : { after }) });
        walked.push(...keys(page));
        after = page.at(-1)?.key;
        if (page.length < 5) break;
      }
      deepStrictEqual(walked, names);
    },
  },
  {
    name: 'a list carries values only if asked',
    async run({ storage, clock }) {
      const put = await storage.put('kbs', 'a', bytes('v'), { expiresAt: clock.now + 5 });
      const version = put.outcome === 'written' ? put.version : 0;
      const plain = { key: 'a', version, expiresAt: clock.now + 5 };
      deepStrictEqual(await storage.list('kbs', { limit: 1 }), [plain]);
      deepStrictEqual(await storage.list('kbs', { limit: 1, values: true }), [{ ...plain, value: bytes('v') }]);
    },
  },
  {
    name: 'a limit counts live entries only',
    async run({ storage, clock }) {
      await storage.put('kbs', 'a', bytes('v'), { expiresAt: clock.now });
      await storage.put('kbs', 'b', bytes('v'), { expiresAt: clock.now + 1 });
      await storage.put('kbs', 'c', bytes('v'));
      deepStrictEqual(keys(await storage.list('kbs', { limit: 2 })), ['b', 'c']);
    },
  },
  {
    name: 'transact writes all or nothing, over namespaces, and answers in the order asked',
    async run({ storage }) {
      await storage.put('kbs', 'z', bytes('old'));
      const done = await storage.transact([
        { op: 'put', ns: 'repository', key: 'b', value: bytes('1'), ifAbsent: true },
        { op: 'delete', ns: 'kbs', key: 'z' },
        { op: 'put', ns: 'admin', key: 'a', value: bytes('2') },
        { op: 'delete', ns: 'admin', key: 'missing' },
      ]);
      strictEqual(done.outcome, 'committed');
      const results = done.outcome === 'committed' ? done.results : [];
      deepStrictEqual(
        results.map((result) => result.outcome),
        ['written', 'deleted', 'written', 'deleted'],
      );
      strictEqual(results[1]?.outcome === 'deleted' ? text(results[1].previous?.value) : '', 'old');
      strictEqual(results[3]?.outcome === 'deleted' ? results[3].previous : 'none', undefined);
      const b = await storage.get('repository', 'b');
      strictEqual(results[0]?.outcome === 'written' ? results[0].version : 0, b?.version);

      const refused = await storage.transact([
        { op: 'put', ns: 'admin', key: 'c', value: bytes('3') },
        { op: 'put', ns: 'repository', key: 'b', value: bytes('4'), ifAbsent: true },
        { op: 'delete', ns: 'admin', key: 'a' },
      ]);
      deepStrictEqual(refused, { outcome: 'conflict', index: 1, current: b?.version });
      strictEqual(await storage.get('admin', 'c'), undefined);
      strictEqual(text((await storage.get('admin', 'a'))?.value), '2');
      strictEqual(text((await storage.get('repository', 'b'))?.value), '1');
    },
  },
  {
    name: 'transact checks versions of what it replaces and of what it deletes',
    async run({ storage }) {
      const put = await storage.put('kbs', 'a', bytes('1'));
      const version = put.outcome === 'written' ? put.version : 0;
      const moved = await storage.transact([
        { op: 'delete', ns: 'kbs', key: 'a', ifVersion: version },
        { op: 'put', ns: 'kbs', key: 'b', value: bytes('1'), ifAbsent: true },
      ]);
      strictEqual(moved.outcome, 'committed');
      const again = await storage.transact([
        { op: 'put', ns: 'kbs', key: 'b', value: bytes('2'), ifVersion: version },
        { op: 'delete', ns: 'kbs', key: 'a' },
      ]);
      strictEqual(again.outcome, 'conflict');
      strictEqual(text((await storage.get('kbs', 'b'))?.value), '1');
    },
  },
  {
    name: 'the revision rises with each write of the namespace, and only then',
    async run({ storage, clock }) {
      strictEqual(await storage.revision('kbs'), 0);
      let last = 0;
      const rises = async (rise: boolean): Promise<void> => {
        const revision = await storage.revision('kbs');
        ok(rise ? revision > last : revision === last, `revision went from ${last} to ${revision}`);
        last = revision;
      };
      const put = await storage.put('kbs', 'a', bytes('1'), { expiresAt: clock.now + 10 });
      notStrictEqual(put.outcome, 'conflict');
      await rises(true);
      await storage.put('kbs', 'a', bytes('1'));
      await rises(true);
      await storage.put('kbs', 'a', bytes('2'), { ifAbsent: true });
      await storage.transact([{ op: 'put', ns: 'kbs', key: 'a', value: bytes('2'), ifAbsent: true }]);
      await storage.put('admin', 'a', bytes('other'));
      await storage.delete('kbs', 'missing');
      await storage.take('kbs', 'missing');
      await storage.get('kbs', 'a');
      await storage.sweep(clock.now);
      await rises(false);
      await storage.take('kbs', 'a');
      await rises(true);
      await storage.transact([{ op: 'put', ns: 'kbs', key: 'b', value: bytes('1') }]);
      await rises(true);
      await storage.delete('kbs', 'b');
      await rises(true);
    },
  },
  {
    name: 'keys and namespaces outside the alphabet are refused, before anything is read',
    async run({ storage }) {
      for (const key of [
        '',
        '.',
        '/a',
        '.a',
        'a b',
        'a\0b',
        'ü',
        'a:b',
        'a%2f',
        'a\n',
        'x'.repeat(LIMITS.keyLength + 1),
      ]) {
        await rejects(storage.get('kbs', key), wrong, JSON.stringify(key));
        await rejects(storage.put('kbs', key, bytes('v')), wrong);
        await rejects(storage.take('kbs', key), wrong);
        await rejects(storage.delete('kbs', key), wrong);
        await rejects(storage.transact([{ op: 'delete', ns: 'kbs', key }]), wrong);
      }
      for (const ns of ['', 'A', '1', 'a b', 'a/b', "a'", 'x'.repeat(LIMITS.namespaceLength + 1)]) {
        await rejects(storage.get(ns, 'a'), wrong, JSON.stringify(ns));
        await rejects(storage.revision(ns), wrong);
        await rejects(storage.list(ns, { limit: 1 }), wrong);
      }
      await storage.put('kbs', 'x'.repeat(LIMITS.keyLength), bytes('v'));
    },
  },
  {
    name: 'other arguments out of range are refused',
    async run({ storage }) {
      for (const limit of [0, -1, 1.5, Number.NaN, LIMITS.listEntries + 1])
        await rejects(storage.list('kbs', { limit }), wrong);
      await rejects(storage.list('kbs', { limit: 1, prefix: 'a%' }), wrong);
      await rejects(storage.list('kbs', { limit: 1, after: 'a\0' }), wrong);
      await rejects(storage.put('kbs', 'a', bytes('v'), { expiresAt: 1.5 }), wrong);
      await rejects(storage.put('kbs', 'a', bytes('v'), { ifVersion: 0 }), wrong);
      await rejects(storage.put('kbs', 'a', bytes('v'), { ifVersion: 1, ifAbsent: true }), wrong);
      await rejects(storage.put('kbs', 'a', 'text' as unknown as Uint8Array), wrong);
      await rejects(storage.put('kbs', 'a', new Uint8Array(LIMITS.valueBytes + 1)), wrong);
      await rejects(storage.transact([]), wrong);
      const twice = { op: 'delete', ns: 'kbs', key: 'a' } as const;
      await rejects(storage.transact([twice, twice]), wrong);
      await rejects(storage.sweep(Number.NaN), wrong);
      strictEqual(await storage.get('kbs', 'a'), undefined);
    },
  },
  {
    name: 'health says ok; after close every call rejects and health says so',
    async run({ storage }) {
      const health = await storage.health();
      deepStrictEqual([health.ok, health.backend], [true, storage.backend]);
      const writing = storage.put('kbs', 'a', bytes('v'));
      await storage.close();
      strictEqual((await writing).outcome, 'written');
      await storage.close();
      strictEqual((await storage.health()).ok, false);
      const closed = { code: 'storage.backend.answers' };
      await rejects(storage.get('kbs', 'a'), closed);
      await rejects(storage.put('kbs', 'a', bytes('v')), closed);
      await rejects(storage.take('kbs', 'a'), closed);
      await rejects(storage.delete('kbs', 'a'), closed);
      await rejects(storage.list('kbs', { limit: 1 }), closed);
      await rejects(storage.transact([{ op: 'delete', ns: 'kbs', key: 'a' }]), closed);
      await rejects(storage.revision('kbs'), closed);
      await rejects(storage.sweep(0), closed);
    },
  },
  ...concurrencyCases,
];
