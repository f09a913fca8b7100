/** Launch policies in the store: the tenant's default, and one for each resource or report key that has its own. */
import { createHash } from 'node:crypto';
import { assayError } from '@assay/bytes/findings';
import type { Operation, Storage } from '@assay/storage';
import { actor } from '../audit/actor.js';
import type { AuditLog } from '../audit/log.js';
import { parseResourcePath } from '../resources/name.js';
import type { AdminPrincipal, Page } from '../types.js';
import type { LaunchPolicies, LaunchPolicyRecord } from './contract.js';
import { type LaunchPolicy, parseLaunchPolicy } from './launch-policy.js';
import { reportKeyName } from './secret-ids.js';

const NS = 'sev';
const PREFIX = 'policy/';
export const DEFAULT_TARGET = 'default';
const MOST_LISTED = 500;

export class LaunchPolicyStore implements LaunchPolicies {
  readonly #storage: Storage;
  readonly #audit: AuditLog;
  readonly #now: () => Date;

  constructor(storage: Storage, audit: AuditLog, now: () => Date) {
    this.#storage = storage;
    this.#audit = audit;
    this.#now = now;
  }

  async set(target: string, document: Uint8Array, by: AdminPrincipal): Promise<LaunchPolicyRecord> {
    const name = targetName(target);
    const policy = parseLaunchPolicy(document);
    const record: LaunchPolicyRecord = {
      target: name,
      policy,
      setAt: this.#now().toISOString(),
      setBy: by.subject,
    };
    const text = JSON.stringify(policy);
    const digest = createHash('sha384').update(text).digest('hex');
    await this.#audit.commit([
      { op: 'put', ns: NS, key: PREFIX + name, value: Buffer.from(JSON.stringify(record)) },
      this.#audit.actOperation({ by: actor(by), act: 'sev-policy.set', object: name, digest }),
    ]);
    return record;
  }

  async get(target: string): Promise<LaunchPolicyRecord | undefined> {
    const key = PREFIX + targetName(target);
    const entry = await this.#storage.get(NS, key);
    return entry === undefined ? undefined : decode(key, entry.value);
  }

  async delete(target: string, by: AdminPrincipal): Promise<boolean> {
    const name = targetName(target);
    const key = PREFIX + name;
    if ((await this.#storage.get(NS, key)) === undefined) return false;
    const operations: Operation[] = [
      { op: 'delete', ns: NS, key },
      this.#audit.actOperation({ by: actor(by), act: 'sev-policy.delete', object: name }),
    ];
    await this.#audit.commit(operations);
    return true;
  }

  async list(options: { after?: string; limit?: number } = {}): Promise<Page<LaunchPolicyRecord>> {
    const limit = Math.min(Math.max(1, options.limit ?? 100), MOST_LISTED);
    const page = await this.#storage.list(NS, {
      prefix: PREFIX,
      limit: limit + 1,
      values: true,
      ...(options.after === undefined ? {} : { after: PREFIX + options.after }),
    });
    const items = page.slice(0, limit).map(({ key, value }) => decode(key, value ?? new Uint8Array()));
    const last = items[items.length - 1];
    return { items, ...(page.length > limit && last !== undefined ? { next: last.target } : {}) };
  }

  /** Policies that a release of these targets is asked of, the tenant's default first. A target without its own has none. */
  async applying(
    targets: readonly string[],
  ): Promise<readonly { readonly name: string; readonly policy: LaunchPolicy }[]> {
    const records = await Promise.all([DEFAULT_TARGET, ...targets].map((target) => this.get(target)));
    return records.flatMap((record) => (record === undefined ? [] : [{ name: record.target, policy: record.policy }]));
  }
}

/** @throws AssayError `resource.name.form` */
function targetName(target: string): string {
  if (target === DEFAULT_TARGET) return target;
  const [first, second, ...more] = target.split('/');
  if (first === 'report-key' && second !== undefined && more.length === 0) return reportKeyName(second);
  return parseResourcePath(target).path;
}

/** A policy that cannot be read must not count as one that allows everything. */
function decode(key: string, value: Uint8Array): LaunchPolicyRecord {
  try {
    const record = JSON.parse(Buffer.from(value).toString('utf8')) as LaunchPolicyRecord;
    return { ...record, policy: parseLaunchPolicy(Buffer.from(JSON.stringify(record.policy))) };
  } catch (cause) {
    throw assayError('storage.record.intact', { params: { namespace: NS, key }, cause });
  }
}
