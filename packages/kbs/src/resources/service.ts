/** Secrets as administrators and plug-ins use them: the store, with every act recorded and counted. */

import { actor } from '../audit/actor.js';
import type { AuditLog } from '../audit/log.js';
import type {
  AdminPrincipal,
  KbsMetrics,
  Lease,
  Page,
  ResourceDescription,
  Resources,
  ResourceVersion,
} from '../types.js';
import { parseResourcePath, type ResourceName } from './name.js';
import type { ResourceStore, StoredSecret } from './store.js';

export class ResourceService implements Resources {
  readonly #store: ResourceStore;
  readonly #audit: AuditLog;
  readonly #metrics: KbsMetrics;

  constructor(store: ResourceStore, audit: AuditLog, metrics: KbsMetrics) {
    this.#store = store;
    this.#audit = audit;
    this.#metrics = metrics;
  }

  async set(path: string, secret: Uint8Array, by: AdminPrincipal): Promise<ResourceDescription> {
    const name = parseResourcePath(path);
    this.#metrics.resourceWrite();
    return this.#store.set(name, secret, by.subject, this.#act('resource.set', name, by));
  }

  async delete(path: string, by: AdminPrincipal): Promise<void> {
    const name = parseResourcePath(path);
    this.#metrics.resourceDelete();
    await this.#store.delete(name, by.subject, this.#act('resource.delete', name, by));
  }

  /** The newest version in clear; only for a release that the policy allowed. @throws AssayError `resource.object.present` */
  async read(name: ResourceName): Promise<StoredSecret> {
    this.#metrics.resourceRead();
    const found = await this.#store.get(name);
    if (found === undefined) throw await this.#store.missing(name);
    return found;
  }

  describe(path: string): Promise<ResourceDescription | undefined> {
    return this.#store.describe(parseResourcePath(path));
  }

  versions(path: string): Promise<readonly ResourceVersion[]> {
    return this.#store.versions(parseResourcePath(path));
  }

  list(options: { repository?: string; after?: string; limit?: number } = {}): Promise<Page<ResourceDescription>> {
    return this.#store.list(options);
  }

  leases(path: string, options: { after?: string; limit?: number } = {}): Promise<Page<Lease>> {
    return this.#audit.leases(parseResourcePath(path).path, options);
  }

  #act(act: string, { path }: ResourceName, by: AdminPrincipal) {
    return (version: number) => this.#audit.actOperation({ by: actor(by), act, object: path, version });
  }
}
