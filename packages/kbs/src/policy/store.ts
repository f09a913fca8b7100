/** The resource policy: compiled when written, an immutable snapshot when asked, every revision kept. */
import { policyDigest, typeWarnings } from '@assay/attestation-service';
import type { JsonObject } from '@assay/bytes';
import { assayError, keyed } from '@assay/bytes/findings';
import type { Storage } from '@assay/storage';
import { actor } from '../audit/actor.js';
import type { AuditLog } from '../audit/log.js';
import { asKnownError } from '../protocol-fault.js';
import type { AdminPrincipal, PolicyDecision, PolicyRevision, ResourcePolicies } from '../types.js';
import { decide, type PolicyQuestion } from './decide.js';
import { type AllowPolicy, brokenPolicy, compileAllowPolicy } from './engine.js';
import { POLICY_TEXTS } from './texts.gen.js';

const NS = 'kbs';
/** Id as `GET resource-policy` lists it; the key is upstream's. */
const POLICY_ID = 'resource-policy';
const KEY = `${POLICY_ID}.rego`;
const HISTORY = `history/${POLICY_ID}/`;
/** How long a snapshot is used before the store is asked whether another replica wrote. */
const FRESH_MS = 1000;
const MAX_RACES = 16;

export interface PolicySnapshot {
  readonly revision: PolicyRevision;
  readonly policy: AllowPolicy;
}

export interface PolicyStoreOptions {
  readonly storage: Storage;
  readonly audit: AuditLog;
  readonly now: () => Date;
  /** Largest text, bytes. */
  readonly maxBytes: number;
}

export class ResourcePolicyStore implements ResourcePolicies {
  readonly #options: PolicyStoreOptions;
  #snapshot: PolicySnapshot | undefined;
  #storeRevision = -1;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #loading: Promise<PolicySnapshot> | undefined;
  /** Policies set by this process: a load that one of them overtook is not used. */
  #sets = 0;

  private constructor(options: PolicyStoreOptions) {
    this.#options = options;
  }

  /** Writes the default policy where there is none, and compiles what is there. */
  static async open(options: PolicyStoreOptions): Promise<ResourcePolicyStore> {
    const store = new ResourcePolicyStore(options);
    if ((await options.storage.get(NS, KEY)) === undefined) {
      const first = revisionOf(1, POLICY_TEXTS.default, options.now(), 'default');
      // Another replica may have been faster; either way there is a policy now.
      await options.storage.transact([
        { op: 'put', ns: NS, key: KEY, value: Buffer.from(first.text), ifAbsent: true },
        { op: 'put', ns: NS, key: historyKey(1), value: encode(first), ifAbsent: true },
      ]);
    }
    await store.snapshot();
    return store;
  }

  /** What the hot path decides with. @throws AssayError `policy.id.known` where there is none, and what the store says */
  async snapshot(): Promise<PolicySnapshot> {
    const now = this.#options.now().getTime();
    if (this.#snapshot !== undefined && now - this.#checkedAt < FRESH_MS && now >= this.#checkedAt)
      return this.#snapshot;
    this.#loading ??= this.#load(now).finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async set(text: string, by: AdminPrincipal): Promise<PolicyRevision & { warnings: PolicyDecision['findings'] }> {
    const { storage, audit, now, maxBytes } = this.#options;
    const bytes = Buffer.byteLength(text);
    if (bytes > maxBytes)
      throw assayError('request.body.size', {
        params: { actual: bytes, limit: maxBytes },
        actual: bytes,
        expected: maxBytes,
      });
    const policy = compileAllowPolicy(text, KEY);
    for (let race = 0; race < MAX_RACES; race++) {
      const entry = await storage.get(NS, KEY);
      const last = await this.#lastRevision();
      const revision = revisionOf((last?.revision ?? 0) + 1, text, now(), by.subject);
      const outcome = await storage.transact([
        {
          op: 'put',
          ns: NS,
          key: KEY,
          value: Buffer.from(text),
          ...(entry === undefined ? { ifAbsent: true as const } : { ifVersion: entry.version }),
        },
        { op: 'put', ns: NS, key: historyKey(revision.revision), value: encode(revision), ifAbsent: true },
        audit.actOperation({
          by: actor(by),
          act: 'resource-policy.set',
          object: POLICY_ID,
          digest: revision.digest,
          version: revision.revision,
        }),
      ]);
      if (outcome.outcome !== 'committed') continue;
      this.#sets += 1;
      this.#snapshot = { revision, policy };
      this.#checkedAt = Number.NEGATIVE_INFINITY;
      return { ...revision, warnings: keyed([...policy.warnings, ...typeWarnings(policy.file, text)]) };
    }
    throw assayError('storage.write.possible', { params: { path: `${NS}/${KEY}`, errno: 'other writers came first' } });
  }

  async current(): Promise<PolicyRevision> {
    return (await this.snapshot()).revision;
  }

  async ids(): Promise<readonly string[]> {
    return [POLICY_ID];
  }

  async history(): Promise<readonly PolicyRevision[]> {
    const revisions: PolicyRevision[] = [];
    let before: string | undefined;
    for (;;) {
      const page = await this.#options.storage.list(NS, {
        prefix: HISTORY,
        reverse: true,
        limit: 200,
        values: true,
        ...(before === undefined ? {} : { before }),
      });
      revisions.push(...page.map((entry) => decode(entry.key, entry.value)));
      if (page.length < 200) return revisions;
      before = page[page.length - 1]?.key;
    }
  }

  async tryOut(input: Parameters<ResourcePolicies['tryOut']>[0]): Promise<PolicyDecision> {
    const question: PolicyQuestion = {
      claims: input.claims as JsonObject,
      plugin: input.plugin,
      path: input.path,
      query: input.query ?? {},
    };
    const { policy, revision } =
      input.text === undefined
        ? await this.snapshot()
        : {
            policy: compileAllowPolicy(input.text, 'draft.rego'),
            revision: revisionOf(0, input.text, this.#options.now(), 'draft'),
          };
    const { allow, findings } = decide(policy, question, this.#options.now());
    return { allow, digest: revision.digest, findings: keyed(findings) };
  }

  async #load(now: number): Promise<PolicySnapshot> {
    const { storage } = this.#options;
    const sets = this.#sets;
    // Read before the content: the snapshot is then at least that new.
    const storeRevision = await storage.revision(NS);
    const known = this.#snapshot;
    if (known !== undefined && storeRevision === this.#storeRevision) {
      this.#checkedAt = now;
      return known;
    }
    const entry = await storage.get(NS, KEY);
    if (entry === undefined) {
      throw assayError('policy.id.known', { params: { id: POLICY_ID, list: 'none' }, guestCode: 'resource.refused' });
    }
    const text = Buffer.from(entry.value).toString('utf8');
    const last = await this.#lastRevision();
    if (sets !== this.#sets) return this.#load(now);
    // A text that was stored past this service (a restored Trustee store) has no history of its own.
    const revision = last?.text === text ? last : revisionOf(last?.revision ?? 0, text, new Date(now), 'unknown');
    const policy = known?.revision.text === text ? known.policy : compiledOrBroken(text);
    this.#snapshot = { revision, policy };
    this.#storeRevision = storeRevision;
    this.#checkedAt = now;
    return this.#snapshot;
  }

  async #lastRevision(): Promise<PolicyRevision | undefined> {
    const [last] = await this.#options.storage.list(NS, { prefix: HISTORY, reverse: true, limit: 1, values: true });
    return last === undefined ? undefined : decode(last.key, last.value);
  }
}

/** The service starts with a text that it cannot compile, since only a running service can be given another; it denies meanwhile. */
function compiledOrBroken(text: string): AllowPolicy {
  try {
    return compileAllowPolicy(text, KEY);
  } catch (thrown) {
    return brokenPolicy(text, KEY, asKnownError(thrown));
  }
}

function revisionOf(revision: number, text: string, at: Date, setBy: string): PolicyRevision {
  return { revision, digest: policyDigest(text), text, setAt: at.toISOString(), setBy };
}

function historyKey(revision: number): string {
  return HISTORY + String(revision).padStart(10, '0');
}

function encode(revision: PolicyRevision): Uint8Array {
  return Buffer.from(JSON.stringify(revision));
}

function decode(key: string, value: Uint8Array | undefined): PolicyRevision {
  try {
    return JSON.parse(Buffer.from(value ?? []).toString('utf8')) as PolicyRevision;
  } catch (cause) {
    throw assayError('storage.record.intact', { params: { namespace: NS, key }, cause });
  }
}
