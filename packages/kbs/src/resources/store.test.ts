import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { BuiltinKms } from '@assay/kms';
import { MemoryStorage } from '@assay/storage';
import { fuzzRuns, temporaryFolder } from '@assay/testkit';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AuditLog } from '../audit/log.js';
import { parseResourcePath } from './name.js';
import { decodeRecord, encodeRecord } from './record.js';
import { ResourceStore } from './store.js';

const NOW = new Date('2026-11-21T10:00:00Z');
let folder: string;
let storage: MemoryStorage;
let store: ResourceStore;
let audit: AuditLog;

beforeEach(() => {
  folder = temporaryFolder('assay-resources-');
  storage = new MemoryStorage({ now: () => NOW.getTime() });
  const now = () => NOW;
  audit = new AuditLog({ storage, now, random: randomBytes, days: 1, attempts: 10 });
  const kms = new BuiltinKms({ directory: join(folder, 'kek') });
  store = new ResourceStore({ storage, kms, now, random: randomBytes, secretBytes: 1000 });
});
afterEach(() => rmSync(folder, { recursive: true }));

const name = parseResourcePath('repo/type/tag');
const set = (text: string, of = name) =>
  store.set(of, Buffer.from(text), 'ana', (version) =>
    audit.actOperation({ by: { subject: 'ana', role: 'admin' }, act: 'resource.set', object: of.path, version }),
  );

async function text(): Promise<string | undefined> {
  const found = await store.get(name);
  return found === undefined ? undefined : Buffer.from(found.secret).toString();
}

test('the newest version is read, the empty secret is one', async () => {
  expect(await text()).toBeUndefined();
  await set('one');
  await set('two');
  expect(await text()).toBe('two');
  await set('');
  expect(await text()).toBe('');
});

test('twenty writers at once: each gets a version of its own, all are kept', async () => {
  await Promise.all(Array.from({ length: 12 }, (_, i) => set(`secret ${i}`)));
  const versions = await store.versions(name);
  expect(versions.map((one) => one.version)).toEqual(Array.from({ length: 12 }, (_, i) => 12 - i));
  expect((await audit.acts({ limit: 100 })).items).toHaveLength(12);
});

describe('at rest', () => {
  test('nothing of the secret is readable', async () => {
    await set('a very secret text');
    for (const ns of ['repository', 'admin']) {
      for (const { value } of await storage.list(ns, { limit: 100, values: true }))
        expect(Buffer.from(value ?? []).toString('latin1')).not.toContain('very secret');
    }
  });

  test('a record moved to another name, or an older one put back as another version, does not open', async () => {
    await set('one');
    await set('two');
    const [head, past] = await Promise.all([
      storage.get('repository', 'head/repo/type/tag'),
      storage.get('repository', 'past/repo/type/tag/0000000001'),
    ]);
    await storage.put('repository', 'head/repo/type/other', head?.value ?? new Uint8Array());
    await expect(store.get(parseResourcePath('repo/type/other'))).rejects.toMatchObject({
      code: expect.stringMatching(/^(kms|storage)\./),
    });
    const old = decodeRecord('k', past?.value ?? new Uint8Array());
    const renumbered = encodeRecord({ header: { ...old.header, version: 2 }, sealed: old.sealed });
    await storage.put('repository', 'head/repo/type/tag', renumbered);
    await expect(store.get(name)).rejects.toMatchObject({ code: expect.stringMatching(/^(kms|storage)\./) });
  });

  test('any byte of the sealed part changed is noticed', async () => {
    await set('secret');
    const entry = await storage.get('repository', 'head/repo/type/tag');
    const record = decodeRecord('k', entry?.value ?? new Uint8Array());
    for (let at = 0; at < record.sealed.length; at++) {
      const sealed = record.sealed.with(at, (record.sealed[at] ?? 0) ^ 1);
      await storage.put('repository', 'head/repo/type/tag', encodeRecord({ ...record, sealed }));
      await expect(store.get(name)).rejects.toThrowError();
    }
  });

  test('a header that lies about the length is noticed', async () => {
    await set('secret');
    const entry = await storage.get('repository', 'head/repo/type/tag');
    const record = decodeRecord('k', entry?.value ?? new Uint8Array());
    const lying = encodeRecord({ ...record, header: { ...record.header, bytes: 5 } });
    await storage.put('repository', 'head/repo/type/tag', lying);
    await expect(store.get(name)).rejects.toMatchObject({ code: 'storage.record.intact' });
  });
});

test('records that are no records: an error of the register, never another', async () => {
  await set('secret');
  const entry = await storage.get('repository', 'head/repo/type/tag');
  const whole = entry?.value ?? new Uint8Array();
  const damaged = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.nat({ max: whole.length - 1 }).map((length) => whole.slice(0, length)),
    fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 255 })).map(([at, byte]) => whole.with(at, byte)),
  );
  fc.assert(
    fc.property(damaged, (bytes) => {
      try {
        decodeRecord('k', bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: 'storage.record.intact' });
      }
    }),
    { numRuns: fuzzRuns(300) },
  );
});

describe('lists', () => {
  test('by repository, page by page, deleted ones left out', async () => {
    for (const path of ['a/t/1', 'a/t/2', 'a-b/t/1', 'b/t/1']) await set('x', parseResourcePath(path));
    await store.delete(parseResourcePath('a/t/1'), 'ana', () =>
      audit.actOperation({ by: { subject: 'ana', role: 'admin' }, act: 'resource.delete', object: 'a/t/1' }),
    );
    const all = await store.list();
    expect(all.items.map((one) => one.path)).toEqual(['a-b/t/1', 'a/t/2', 'b/t/1']);
    expect((await store.list({ repository: 'a' })).items.map((one) => one.path)).toEqual(['a/t/2']);
    const first = await store.list({ limit: 2 });
    expect(first.next).toBe('a/t/2');
    expect((await store.list({ limit: 2, after: first.next ?? '' })).items.map((one) => one.path)).toEqual(['b/t/1']);
    await expect(store.list({ repository: '../x' })).rejects.toMatchObject({ code: 'resource.name.form' });
  });

  test('what is missing names what is near', async () => {
    await set('x');
    const near = await store.missing(parseResourcePath('repo/type/tags'));
    expect(near.message).toBe('repo/type/tags is not stored; 1 in `repo`, nearest repo/type/tag');
    const empty = await store.missing(parseResourcePath('nothing/type/tag'));
    expect(empty.message).toContain('repository `nothing` is empty');
  });

  test('what was deleted is not named as near', async () => {
    for (const path of ['repo/type/tag', 'repo/type/tags', 'repo/key/1']) await set('x', parseResourcePath(path));
    for (const path of ['repo/type/tag', 'repo/type/tags'])
      await store.delete(parseResourcePath(path), 'ana', () =>
        audit.actOperation({ by: { subject: 'ana', role: 'admin' }, act: 'resource.delete', object: path }),
      );
    const { message } = await store.missing(name);
    expect(message).toContain('e.g. repo/key/1');
    expect(message).not.toContain('tags');
  });

  test('a guest that asks for what is missing does not have the repository read', async () => {
    for (let i = 0; i < 40; i += 1) await set('x', parseResourcePath(`repo/type/${i}`));
    let read = 0;
    const { get, list } = storage;
    storage.get = async (ns, key) => {
      read += 1;
      return get.call(storage, ns, key);
    };
    storage.list = async (ns, options) => {
      const page = await list.call(storage, ns, options);
      read += page.filter(({ value }) => value !== undefined).length;
      return page;
    };
    await store.missing(name);
    expect(read).toBeLessThan(6);
    // An administrator's list does, a few at a time: each may be megabytes.
    read = 0;
    let most = 0;
    storage.list = async (ns, options) => {
      const page = await list.call(storage, ns, options);
      most = Math.max(most, page.length);
      return page;
    };
    expect((await store.list()).items).toHaveLength(40);
    expect(most).toBeLessThanOrEqual(16);
  });
});
