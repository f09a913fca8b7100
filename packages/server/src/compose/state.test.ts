import { X509Certificate } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BuiltinKms } from '@assay/kms';
import { MemoryStorage } from '@assay/storage';
import { temporaryFolder } from '@assay/testkit';
import { beforeEach, describe, expect, test } from 'vitest';
import { defaultSettings } from '../config/load.js';
import type { Settings } from '../config/schema.js';
import { createServerCertificate } from '../http/self-signed.js';
import { hostOf, openKeys, openStorage, serverCertificate, type World } from './state.js';

const root = temporaryFolder('assay-state-');

const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));
const clock = { at: Date.parse('2026-11-21T10:00:00Z') };
const world: World = { now: () => new Date(clock.at), random };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, 'x-'));
  clock.at = Date.parse('2026-11-21T10:00:00Z');
});

const http = (change: Partial<Settings['http']>): Settings => ({
  ...defaultSettings(),
  http: { ...defaultSettings().http, ...change },
});
const memory = () => new MemoryStorage({ now: () => clock.at });
const kms = () => new BuiltinKms({ directory: folder, whenMissing: 'create', random });
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe('the server certificate', () => {
  const pair = createServerCertificate({ hosts: ['kbs.example.org'], now: new Date(clock.at), random });
  const other = createServerCertificate({ hosts: ['kbs.example.org'], now: new Date(clock.at), random });

  test('is the owner’s where there are files', async () => {
    const settings = http({
      certificate: file('c.pem', pair.certificate),
      private_key: file('k.pem', pair.privateKey),
    });
    expect(await serverCertificate(settings, memory(), kms(), world)).toMatchObject({
      selfSigned: false,
      fingerprint: pair.fingerprint,
    });
  });

  test.each([
    ['another key', pair.certificate, other.privateKey, 'does not belong'],
    ['no certificate', 'nonsense', pair.privateKey, 'http.certificate'],
    ['no key', pair.certificate, 'nonsense', 'http.certificate'],
    ['key and certificate swapped', pair.privateKey, pair.certificate, 'http.certificate'],
    ['an empty file', '', '', 'http.certificate'],
  ])('%s: the start ends, and says where', async (_name, certificate, key, words) => {
    const settings = http({ certificate: file('c.pem', certificate), private_key: file('k.pem', key) });
    const error = await serverCertificate(settings, memory(), kms(), world).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'config.file.form' });
    expect(String(error)).toContain(words);
    expect(String(error)).not.toContain('PRIVATE KEY');
  });

  test.each([
    [{ certificate: 'c.pem' }],
    [{ private_key: 'k.pem' }],
    [{ certificate: '/nonexistent/c.pem', private_key: '/nonexistent/k.pem' }],
  ])('%j: the start ends', async (change) => {
    await expect(serverCertificate(http(change), memory(), kms(), world)).rejects.toMatchObject({
      code: 'config.file.form',
    });
  });

  test('is made once, kept sealed, and the same after a restart', async () => {
    const storage = memory();
    const first = await serverCertificate(http({}), storage, kms(), world);
    expect(first.selfSigned).toBe(true);
    clock.at += 300 * 86_400_000;
    expect((await serverCertificate(http({}), storage, kms(), world)).fingerprint).toBe(first.fingerprint);
    const [entry] = await storage.list('signer', { limit: 10 });
    expect(Buffer.from(entry?.value ?? []).toString()).not.toContain('PRIVATE KEY');
  });

  test('is replaced 30 days before its end', async () => {
    const storage = memory();
    const first = await serverCertificate(http({}), storage, kms(), world);
    clock.at = first.notAfter.getTime() - 30 * 86_400_000 + 1000;
    const second = await serverCertificate(http({}), storage, kms(), world);
    expect(second.fingerprint).not.toBe(first.fingerprint);
    expect(second.notAfter.getTime()).toBeGreaterThan(first.notAfter.getTime());
  });

  test('is replaced where it does not name what the server listens on now; what it named stays named', async () => {
    const storage = memory();
    const at = async (...listen: string[]) => {
      const { certificate } = await serverCertificate(http({ listen }), storage, kms(), world);
      return new X509Certificate(certificate);
    };
    const first = await at('127.0.0.1:8080');
    expect((await at('0.0.0.0:8080', '[::]:8080')).fingerprint256).toBe(first.fingerprint256);
    const second = await at('kbs.example.org:443', '[fd00::7]:443');
    expect(second.checkHost('kbs.example.org')).toBeDefined();
    expect(second.checkIP('fd00::7')).toBeDefined();
    const third = await at('10.0.0.7:8080');
    for (const host of ['kbs.example.org', 'localhost']) expect(third.checkHost(host)).toBeDefined();
    for (const address of ['fd00::7', '10.0.0.7', '127.0.0.1', '::1']) expect(third.checkIP(address)).toBeDefined();
    expect((await at('KBS.example.org:443', '[fd00:0::0:7]:443')).fingerprint256).toBe(third.fingerprint256);
  });

  test('is one for all replicas that start at once', async () => {
    const storage = memory();
    const keys = kms();
    const made = await Promise.all(Array.from({ length: 4 }, () => serverCertificate(http({}), storage, keys, world)));
    expect(new Set(made.map(({ fingerprint }) => fingerprint)).size).toBe(1);
  });
});

describe('keys', () => {
  test('are not made anew where sealed values exist: the old one is what is missing', async () => {
    const storage = memory();
    const keys = await openKeys(folder, storage, world);
    await serverCertificate(http({}), storage, keys, world);
    const elsewhere = mkdtempSync(join(root, 'y-'));
    const refused = await openKeys(elsewhere, storage, world)
      .then((k) => serverCertificate(http({}), storage, k, world))
      .catch((e: unknown) => e);
    expect(refused).toMatchObject({ code: expect.stringMatching(/^kms\./) });
  });

  test.each(['signer', 'repository', 'provisioner', 'sev'])('also where only `%s` has any', async (ns) => {
    const storage = memory();
    await storage.put(ns, 'something', Buffer.from('sealed'));
    await expect(openKeys(folder, storage, world)).rejects.toMatchObject({ code: 'kms.key.file' });
  });
});

describe('storage', () => {
  test('PostgreSQL without a URL is a fault of the settings', async () => {
    const settings = { ...defaultSettings(), storage: { ...defaultSettings().storage, backend: 'postgres' as const } };
    await expect(openStorage(settings, folder, world)).rejects.toMatchObject({ code: 'config.file.form' });
  });

  test('SQLite goes into the data directory', async () => {
    const storage = await openStorage(defaultSettings(), join(folder, 'data'), world);
    await storage.put('a', 'b', Buffer.from('c'));
    expect((await storage.health()).ok).toBe(true);
    await storage.close();
  });
});

test.each([
  ['127.0.0.1:8080', '127.0.0.1'],
  ['[::1]:8080', '::1'],
  ['kbs.example.org:443', 'kbs.example.org'],
  ['0.0.0.0:0', '0.0.0.0'],
])('the host of %s', (address, host) => {
  expect(hostOf(address)).toBe(host);
});
