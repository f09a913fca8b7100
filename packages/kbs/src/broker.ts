/** The Key Broker Service, put together. */
import { assayError, type Finding, type FindingDraft, failed, keyed } from '@assay/bytes/findings';
import type { StorageHealth } from '@assay/storage';
import { openAdminGuard } from './admin/guard.js';
import { Operations } from './admin/operations.js';
import { RefusalRecorder } from './admin/refusals.js';
import { AuditLog } from './audit/log.js';
import { Handshake } from './handshake/handshake.js';
import { SessionStore } from './handshake/session-store.js';
import { parseAttemptId } from './ids.js';
import { NO_METRICS } from './metrics.js';
import { provisionerPlugin } from './plugins/provisioner.js';
import { openPlugins } from './plugins/registry.js';
import { resourcePlugin } from './plugins/resource.js';
import { samplePlugin } from './plugins/sample.js';
import { ResourcePolicyStore } from './policy/store.js';
import { asKnownError } from './protocol-fault.js';
import { Release } from './release/release.js';
import { ResourceService } from './resources/service.js';
import { ResourceStore } from './resources/store.js';
import { openSevBroker } from './sev/broker.js';
import { TokenTrust } from './token/trust.js';
import { TokenVerifier } from './token/verifier.js';
import type { KbsLimits, KeyBroker, KeyBrokerOptions, ServedVersion } from './types.js';

const MIB = 1024 * 1024;

/** Limits where the configuration names none. */
export const DEFAULT_LIMITS: KbsLimits = {
  secretBytes: 2 * MIB,
  authBytes: 64 * 1024,
  attestBytes: 8 * MIB,
  policyBytes: MIB,
  tokenBytes: MIB,
  jsonDepth: 64,
};

const DEFAULT_SESSION_SECONDS = 300;
/** A nonce that lives longer than a day is no proof of freshness. */
const LONGEST_SESSION_SECONDS = 86_400;
const DEFAULT_DAYS = 90;
const DEFAULT_ATTEMPTS = 100_000;
const ALL_VERSIONS: readonly ServedVersion[] = ['0.1.0', '0.1.1', '0.2.0', '0.3.0', '0.4.0'];

/**
 * Opens the broker over a store: writes the default resource policy where there is none, loads trusted keys, compiles policies.
 *
 * @throws AssayError for a configuration that could not be meant (`config.*`), and where store or keys cannot be read
 */
export async function openKeyBroker(options: KeyBrokerOptions): Promise<KeyBroker> {
  const { config, storage, kms, attestation, now, random, sources } = options;
  const metrics = options.metrics ?? NO_METRICS;
  const limits: KbsLimits = { ...DEFAULT_LIMITS, ...config.limits };
  const warn = (finding: FindingDraft): void => {
    const [told] = keyed([finding]);
    if (told !== undefined) options.warn?.(told);
  };
  const audit = new AuditLog({
    storage,
    now,
    random,
    days: config.audit?.days ?? DEFAULT_DAYS,
    attempts: config.audit?.attempts ?? DEFAULT_ATTEMPTS,
  });
  const sessions = new SessionStore(options.sessionStorage ?? storage, storage);
  const { record: refused } = new RefusalRecorder({ audit, now, warn });
  const admin = await openAdminGuard({ config: config.admin, sources, now, warn, refused });
  const trust = await TokenTrust.open({
    config: config.token ?? {},
    own: options.ownIssuer === false ? undefined : attestation,
    sources,
    now,
    warn,
  });
  const tokens = new TokenVerifier({
    trust,
    now,
    maxBytes: limits.tokenBytes,
    extraKeyPaths: config.token?.extra_teekey_paths ?? [],
  });
  const policies = await ResourcePolicyStore.open({ storage, audit, now, maxBytes: limits.policyBytes });
  const store = new ResourceStore({ storage, kms, now, random, secretBytes: limits.secretBytes });
  const resources = new ResourceService(store, audit, metrics);
  const plugins = openPlugins(config.plugins ?? [{ name: 'resource' }], {
    resource: () => resourcePlugin(resources),
    sample: samplePlugin,
    provisioner: (keyLength) => provisionerPlugin({ storage, kms, audit, random, keyLength }),
  });
  const handshake = new Handshake({
    sessions,
    attestation,
    audit,
    metrics,
    now,
    random,
    limits,
    lifetimeMs: 1000 * sessionSeconds(config.sessionSeconds),
    versions: config.versions ?? ALL_VERSIONS,
    issued: options.ownIssuer === true ? (token, digest, claims) => tokens.issued(token, digest, claims) : undefined,
  });
  const release = new Release({ plugins, admin, sessions, tokens, policies, audit, metrics, now, random });
  const sev =
    config.sev === undefined
      ? undefined
      : openSevBroker({ config: config.sev, storage, kms, audit, policies, resources, metrics, now, random });
  return {
    auth: (call) => handshake.auth(call),
    attest: (call) => handshake.attest(call),
    plugin: (call) => release.plugin(call),
    plugins: [...plugins.keys()],
    admin,
    operations: new Operations({ attestation, policies, audit, limits }),
    resources,
    resourcePolicies: policies,
    attempts: {
      list: (filter) => audit.list(filter),
      get: async (attempt) => {
        const id = parseAttemptId(attempt);
        return id === undefined ? undefined : audit.get(id);
      },
    },
    ...(sev === undefined ? {} : { sev }),
    readiness: () => readiness(options, policies),
    sweep: async () => {
      const time = now().getTime();
      for (const one of new Set([storage, options.sessionStorage ?? storage])) await one.sweep(time);
      await audit.enforceCount();
    },
    // What was handed in (store, key management, Attestation Service) is closed by whoever opened it.
    close: async () => {},
  };
}

async function readiness(options: KeyBrokerOptions, policies: ResourcePolicyStore): Promise<readonly Finding[]> {
  const { storage, sessionStorage, kms, attestation } = options;
  const drafts = [...(await attestation.readiness())];
  for (const one of new Set([storage, sessionStorage ?? storage])) {
    const health = await one.health();
    if (!health.ok) drafts.push(storageFinding(health));
  }
  const keys = await kms.health();
  if (!keys.ok) drafts.push(kmsFinding(kms.id, keys.detail));
  try {
    const { policy } = await policies.snapshot();
    if (policy.fault !== undefined) drafts.push(policy.fault.finding);
  } catch (thrown) {
    drafts.push(asKnownError(thrown).finding);
  }
  return keyed(drafts);
}

function storageFinding(health: StorageHealth): FindingDraft {
  return failed('storage.backend.answers', {
    params: { backend: health.backend, address: 'store', reason: health.detail },
  });
}

function kmsFinding(backend: string, detail: string): FindingDraft {
  return failed('kms.backend.answers', {
    params: { backend, address: 'key management', reason: detail, n: 1, ms: 0 },
  });
}

/** @throws AssayError `config.file.form` */
function sessionSeconds(configured = DEFAULT_SESSION_SECONDS): number {
  if (Number.isFinite(configured) && configured >= 1 && configured <= LONGEST_SESSION_SECONDS) return configured;
  throw assayError('config.file.form', {
    params: {
      file: '[attestation_service]',
      line: 'timeout',
      key: 'timeout',
      actual: `${configured} seconds`,
      expected: `1 second to ${LONGEST_SESSION_SECONDS} seconds (upstream counts minutes)`,
    },
  });
}
