import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isJsonObject, parseJsonStrict } from '@assay/bytes';
import type { KeyPems } from '../keys/key-store.js';
import { createTestWorld, type TestWorld, type TestWorldOptions } from '../world.js';

/** Beside the installed packages: never committed, gone with `npm ci`. */
const FILE = join(dirname(fileURLToPath(import.meta.url)), '../../../../node_modules/.cache/assay-soft-tee/rsa.json');
const LABELS = ['amd/ark/Milan', 'amd/ask/Milan', 'amd/asvk/Milan'];

/**
 * A world for tests, with new EC keys and RSA keys that are made once per checkout: RSA-4096 takes seconds. Turin and Genoa
 * have Milan's keys, which nothing in a certificate shows.
 */
export async function createCachedTestWorld(
  now: () => Date,
  options: Partial<TestWorldOptions> = {},
): Promise<TestWorld> {
  return createTestWorld({ now, random: randomBytes, keys: await rsaKeys(), ...options });
}

async function rsaKeys(): Promise<KeyPems> {
  const milan = readKeys() ?? (await makeKeys());
  const others = ['Genoa', 'Turin'].flatMap((product) =>
    Object.entries(milan).map(([label, pem]): [string, string] => [label.replace('Milan', product), pem]),
  );
  return { ...milan, ...Object.fromEntries(others) };
}

function readKeys(): KeyPems | undefined {
  if (!existsSync(FILE)) return undefined;
  const value = parseJsonStrict(readFileSync(FILE));
  if (!isJsonObject(value)) return undefined;
  const keys: Record<string, string> = {};
  for (const label of LABELS) {
    const pem = value[label];
    if (typeof pem !== 'string') return undefined;
    keys[label] = pem;
  }
  return keys;
}

async function makeKeys(): Promise<KeyPems> {
  const maker = createTestWorld({ now: () => new Date(), random: randomBytes });
  await maker.amd.pki.prepare(['Milan'], ['ask', 'asvk']);
  maker.amd.certChain('ask', 'Milan');
  maker.amd.certChain('asvk', 'Milan');
  const keys = maker.exportKeys();
  mkdirSync(dirname(FILE), { recursive: true });
  // Test files run side by side: whoever comes last wins, and no reader sees half a file.
  const part = `${FILE}.${process.pid}`;
  writeFileSync(part, JSON.stringify(keys), { mode: 0o600 });
  renameSync(part, FILE);
  return keys;
}
