/** Keys that sign reports: made here, sealed in the store, used here. Only the public half is ever shown. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { encodeBase64 } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import { type KeyManagement, open, seal } from '@assay/kms';
import type { Storage } from '@assay/storage';
import { actor } from '../audit/actor.js';
import type { AuditLog } from '../audit/log.js';
import type { AdminPrincipal } from '../types.js';
import type { ReportKeyRecord, ReportKeys } from './contract.js';
import type { LaunchFacts } from './facts.js';
import { reportKeyName } from './secret-ids.js';

const NS = 'sev';

export interface ReportKeyOptions {
  readonly storage: Storage;
  readonly kms: KeyManagement;
  readonly audit: AuditLog;
  readonly now: () => Date;
  readonly random: (bytes: number) => Uint8Array;
}

interface Stored extends ReportKeyRecord {
  /** PKCS#8 DER, sealed; base64. */
  readonly sealed: string;
}

export class ReportKeyStore implements ReportKeys {
  readonly #options: ReportKeyOptions;

  constructor(options: ReportKeyOptions) {
    this.#options = options;
  }

  async create(id: string, by: AdminPrincipal): Promise<ReportKeyRecord> {
    const { kms, random, audit, now } = this.#options;
    const key = reportKeyName(id);
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const der = privateKey.export({ type: 'pkcs8', format: 'der' });
    const sealed = await seal(kms, der, { ns: NS, key }, random);
    der.fill(0);
    const record: ReportKeyRecord = {
      id,
      publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      createdAt: now().toISOString(),
      createdBy: by.subject,
    };
    const stored: Stored = { ...record, sealed: encodeBase64(sealed) };
    await audit.commit([
      { op: 'put', ns: NS, key, value: Buffer.from(JSON.stringify(stored)) },
      audit.actOperation({ by: actor(by), act: 'sev-report-key.create', object: key }),
    ]);
    return record;
  }

  async get(id: string): Promise<ReportKeyRecord | undefined> {
    const stored = await this.#stored(reportKeyName(id));
    if (stored === undefined) return undefined;
    const { sealed: _, ...record } = stored;
    return record;
  }

  /** The signed statement of a launch: `{connection, signature}`; undefined where there is no such key. */
  async report(id: string, launch: LaunchFacts): Promise<Uint8Array | undefined> {
    const key = reportKeyName(id);
    const stored = await this.#stored(key);
    if (stored === undefined) return undefined;
    const der = await open(this.#options.kms, Buffer.from(stored.sealed, 'base64'), { ns: NS, key });
    const privateKey = createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' });
    der.fill(0);
    // A record whose public half was exchanged would have others believe a key that signs nothing.
    if (createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString() !== stored.publicKey)
      throw assayError('storage.record.intact', { params: { namespace: NS, key } });
    const connection = JSON.stringify({
      policy: launch.policy,
      fw_api_major: launch.api.major,
      fw_api_minor: launch.api.minor,
      fw_build_id: launch.build,
      launch_description: launch.description,
      fw_digest: launch.digest,
    });
    const signature = sign('sha256', Buffer.from(connection), { key: privateKey, dsaEncoding: 'der' });
    return Buffer.from(JSON.stringify({ connection, signature: encodeBase64(signature) }));
  }

  async #stored(key: string): Promise<Stored | undefined> {
    const entry = await this.#options.storage.get(NS, key);
    if (entry === undefined) return undefined;
    try {
      return JSON.parse(Buffer.from(entry.value).toString('utf8')) as Stored;
    } catch (cause) {
      throw assayError('storage.record.intact', { params: { namespace: NS, key }, cause });
    }
  }
}
