import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assayError } from '@assay/bytes/findings';
import { BuiltinKms, type KeyManagement, open, seal } from '@assay/kms';
import { MemoryStorage, openPostgresStorage, openSqliteStorage, type Storage } from '@assay/storage';
import type { Settings } from '../config/schema.js';
import {
  createServerCertificate,
  describeCertificate,
  namesAll,
  namesOf,
  type ServerCertificate,
} from '../http/self-signed.js';

/** Sources of time and randomness; wired to the real ones by `startServer`, and to others in tests. */
export interface World {
  readonly now: () => Date;
  readonly random: (bytes: number) => Uint8Array;
}

/** Opens the storage back end of the settings. */
export async function openStorage(settings: Settings, dataDir: string, world: World): Promise<Storage> {
  const now = (): number => world.now().getTime();
  switch (settings.storage.backend) {
    case 'memory':
      return new MemoryStorage({ now });
    case 'sqlite':
      return openSqliteStorage({ path: join(dataDir, 'assay.db'), now });
    case 'postgres': {
      const url = settings.storage.postgres_url;
      if (url === undefined) {
        throw assayError('config.file.form', {
          params: {
            file: 'settings',
            line: '',
            key: 'storage.postgres_url',
            actual: 'absent',
            expected: 'a postgres:// URL is wanted',
          },
        });
      }
      return openPostgresStorage({ url, now, pool: settings.storage.pool });
    }
  }
}

/** Namespaces that hold sealed values. */
const sealedNamespaces = ['signer', 'repository', 'provisioner', 'sev'] as const;

/**
 * Opens the key-encryption keys beside the data. Where sealed values exist but no key does, none is made: it would open
 * nothing, and hide that the right one is missing.
 */
export async function openKeys(dataDir: string, storage: Storage, world: World): Promise<KeyManagement> {
  const sealed = await Promise.all(sealedNamespaces.map((ns) => storage.list(ns, { limit: 1 })));
  return new BuiltinKms({
    directory: dataDir,
    whenMissing: sealed.some((entries) => entries.length > 0) ? 'refuse' : 'create',
    random: world.random,
  });
}

/** Days before its end at which Assay replaces a certificate that it made itself. */
const renewalDays = 30;
const certificateRecord = { ns: 'signer', key: 'tls-certificate' } as const;

interface StoredCertificate {
  readonly certificate: string;
  /** PKCS#8 PEM, sealed; base64. */
  readonly sealedKey: string;
}

/**
 * The server certificate: the owner's files, or a self-signed one that is made at first start and kept sealed in storage.
 */
export async function serverCertificate(
  settings: Settings,
  storage: Storage,
  keys: KeyManagement,
  world: World,
): Promise<ServerCertificate & { readonly selfSigned: boolean }> {
  const { certificate, private_key: privateKey } = settings.http;
  if (certificate !== undefined && privateKey !== undefined) {
    return { ...fromFiles(certificate, privateKey), selfSigned: false };
  }
  if (certificate !== undefined || privateKey !== undefined) {
    throw invalidCertificate('http.certificate', 'only one of certificate and private key is given');
  }
  const entry = await storage.get(certificateRecord.ns, certificateRecord.key);
  const hosts = settings.http.listen.map(hostOf);
  if (entry !== undefined) {
    const stored = JSON.parse(Buffer.from(entry.value).toString('utf8')) as StoredCertificate;
    const key = await open(keys, Buffer.from(stored.sealedKey, 'base64'), certificateRecord);
    const found = describeCertificate(stored.certificate, Buffer.from(key).toString('utf8'));
    const lasts = found.notAfter.getTime() - world.now().getTime() > renewalDays * 86_400_000;
    if (lasts && namesAll(found.certificate, hosts)) return { ...found, selfSigned: true };
    // Replicas that listen elsewhere share it: what it named stays named.
    hosts.push(...namesOf(found.certificate));
  }
  const made = createServerCertificate({
    hosts,
    now: world.now(),
    random: world.random,
  });
  const sealed = await seal(keys, Buffer.from(made.privateKey, 'utf8'), certificateRecord, world.random);
  const record: StoredCertificate = {
    certificate: made.certificate,
    sealedKey: Buffer.from(sealed).toString('base64'),
  };
  const put = await storage.put(certificateRecord.ns, certificateRecord.key, Buffer.from(JSON.stringify(record)), {
    ...(entry === undefined ? { ifAbsent: true as const } : { ifVersion: entry.version }),
  });
  // Another replica was faster: take its certificate, so that all replicas show one.
  if (put.outcome === 'conflict') return serverCertificate(settings, storage, keys, world);
  return { ...made, selfSigned: true };
}

function fromFiles(certificate: string, privateKey: string): ServerCertificate {
  try {
    return describeCertificate(readFileSync(certificate, 'utf8'), readFileSync(privateKey, 'utf8'));
  } catch (error) {
    throw invalidCertificate(
      'http.certificate',
      error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error),
    );
  }
}

function invalidCertificate(key: string, actual: string): Error {
  return assayError('config.file.form', {
    params: {
      file: 'settings',
      line: '',
      key,
      actual,
      expected: 'a PEM chain, leaf first, and its private key are wanted',
    },
  });
}

/** Host of `HOST:PORT` or `[V6]:PORT`. */
export function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}
