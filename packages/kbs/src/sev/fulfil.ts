/** From a secret request to its payload: every policy is asked, then the secret is read. */
import { DecodeError, encodeBase64, isJsonArray, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { AssayError, assayError, type FindingDraft, passed } from '@assay/bytes/findings';
import type { LaunchClaims } from '@assay/evidence/sev';
import { decide } from '../policy/decide.js';
import type { ResourcePolicyStore } from '../policy/store.js';
import { asKnownError } from '../protocol-fault.js';
import type { ResourceName } from '../resources/name.js';
import type { ResourceService } from '../resources/service.js';
import type { KbsMetrics } from '../types.js';
import { type LaunchFacts, policyInput } from './facts.js';
import { askLaunchPolicy, namesDigest } from './launch-policy.js';
import type { LaunchPolicyStore } from './policy-store.js';
import { Worded } from './refusal.js';
import type { ReportKeyStore } from './report-keys.js';
import { reportKeyName, resourceOf } from './secret-ids.js';
import type { SecretRequest } from './secret-request.js';

export interface FulfilOptions {
  readonly policies: ResourcePolicyStore;
  readonly launchPolicies: LaunchPolicyStore;
  readonly resources: ResourceService;
  readonly reportKeys: ReportKeyStore;
  readonly metrics: KbsMetrics;
  readonly now: () => Date;
}

/** A stored secret that goes out with an answer. */
export interface Released {
  /** `repository/type/tag` */
  readonly path: string;
  readonly version: number;
  readonly policyDigest: string;
}

/** What one call has come to know, for its record. */
export interface Ledger {
  readonly findings: FindingDraft[];
  readonly released: Released[];
}

export class Fulfilment {
  readonly #options: FulfilOptions;

  constructor(options: FulfilOptions) {
    this.#options = options;
  }

  /** Asks the tenant's default alone. @throws Worded */
  async admit(launch: LaunchFacts, ledger: Ledger): Promise<void> {
    await this.#askLaunch([], launch, ledger);
  }

  /** Payload of a request for stored secrets or a report. @throws Worded */
  async payload(
    request: SecretRequest & { readonly type: 'bundle' | 'key' | 'resource' | 'report' },
    launch: LaunchFacts,
    ledger: Ledger,
  ): Promise<Uint8Array> {
    switch (request.type) {
      case 'bundle':
        return this.#bundle(request.id, launch, ledger);
      case 'report':
        return this.#report(request.id, launch, ledger);
      case 'key': {
        const secret = await this.#secret(named('key', request.id), launch, ledger);
        if (request.format === 'binary') return secret;
        return Buffer.from(JSON.stringify({ id: request.id, payload: encodeBase64(secret) }));
      }
      case 'resource': {
        const secret = await this.#secret(named('resource', request.id), launch, ledger);
        if (request.format === 'binary') return secret;
        return Buffer.from(JSON.stringify({ [request.id]: encodeBase64(secret) }));
      }
    }
  }

  async #bundle(id: string, launch: LaunchFacts, ledger: Ledger): Promise<Uint8Array> {
    const keyset = named('keyset', id);
    const ids = readKeyset(await this.#secret(keyset, launch, ledger), keyset.path);
    const keys: [string, string][] = [];
    for (const key of ids) keys.push([key, encodeBase64(await this.#secret(named('key', key), launch, ledger))]);
    return Buffer.from(JSON.stringify(Object.fromEntries(keys)));
  }

  async #report(id: string, launch: LaunchFacts, ledger: Ledger): Promise<Uint8Array> {
    let target: string;
    try {
      target = reportKeyName(id);
    } catch (thrown) {
      throw new Worded('Bad secret request: Id not valid', asKnownError(thrown));
    }
    await this.#askLaunch([target], launch, ledger);
    const report = await this.#options.reportKeys.report(id, launch);
    if (report !== undefined) return report;
    const error = assayError('resource.object.present', {
      params: { resource: target, nearest: 'make it with `assay sev report-key create`' },
      subject: target,
      actual: null,
    });
    throw new Worded('Cannot fulfill secret request: secret not found', error);
  }

  /** One stored secret: the tenant's launch policy, its own one, the resource policy, and then its value. */
  async #secret(name: ResourceName, launch: LaunchFacts, ledger: Ledger): Promise<Uint8Array> {
    const { policies, resources, metrics, now } = this.#options;
    const named = await this.#askLaunch([name.path], launch, ledger);
    metrics.policyEvaluation();
    const { policy, revision } = await policies.snapshot();
    const path = [name.repository, name.type, name.tag];
    const decided = decide(policy, { claims: policyInput(launch, named), plugin: 'resource', path, query: {} }, now());
    ledger.findings.push(...decided.findings.filter((finding) => finding !== decided.refusal?.finding));
    if (decided.refusal !== undefined) {
      if (decided.undecided) metrics.policyError();
      else metrics.policyViolation();
      throw new Worded('Policy validation failed: secret not allowed', decided.refusal);
    }
    metrics.policyApproval();
    try {
      const { secret, version } = await resources.read(name);
      ledger.findings.push(passed('resource.object.present', name.path));
      ledger.released.push({ path: name.path, version, policyDigest: revision.digest });
      return secret;
    } catch (thrown) {
      const error = asKnownError(thrown);
      if (error.code !== 'resource.object.present') throw error;
      throw new Worded('Cannot fulfill secret request: secret not found', error);
    }
  }

  /** @returns whether one of the policies names the digest */
  async #askLaunch(targets: readonly string[], launch: LaunchFacts, ledger: Ledger): Promise<boolean> {
    const claims: LaunchClaims = {
      digest: Buffer.from(launch.digest, 'base64'),
      policy: launch.policy,
      api: launch.api,
      build: launch.build,
    };
    const applying = await this.#options.launchPolicies.applying(targets);
    const answers = applying.map(({ name, policy }) => askLaunchPolicy(policy, name, claims));
    const failed = answers.find(({ text }) => text !== undefined);
    for (const { findings } of answers) record(findings, ledger);
    if (failed === undefined) return applying.some(({ policy }) => namesDigest(policy, claims));
    const [first, ...others] = answers.flatMap(({ findings }) => findings.filter(({ outcome }) => outcome === 'fail'));
    if (first === undefined) throw new Error('a failed launch policy has no finding');
    ledger.findings.push(...others);
    throw new Worded(`Policy validation failed: ${failed.text}`, new AssayError(first));
  }
}

/** Passed checks once: the default is asked for every secret. */
function record(findings: readonly FindingDraft[], ledger: Ledger): void {
  for (const finding of findings) {
    if (finding.outcome !== 'pass') continue;
    if (ledger.findings.some(({ id, subject }) => id === finding.id && subject === finding.subject)) continue;
    ledger.findings.push(finding);
  }
}

function named(type: 'key' | 'keyset' | 'resource', id: string): ResourceName {
  try {
    return resourceOf(type, id);
  } catch (thrown) {
    throw new Worded('Bad secret request: Id not valid', asKnownError(thrown));
  }
}

const MOST_KEYS = 64;

/** A keyset is a resource that holds a JSON list of key ids. */
function readKeyset(content: Uint8Array, path: string): readonly string[] {
  let value: JsonValue = null;
  try {
    value = parseJsonStrict(content, { maxBytes: 64 * 1024, maxDepth: 2 });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  const ids = isJsonArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
  const whole = isJsonArray(value) && ids.length === value.length && ids.length > 0 && ids.length <= MOST_KEYS;
  if (whole && new Set(ids).size === ids.length) return ids;
  const error = assayError('sev.secret.request', {
    params: {
      n: 1,
      member: `keyset ${path}`,
      actual: 'no such list',
      expected: `a JSON list of 1 to ${MOST_KEYS} key ids`,
    },
    subject: path,
    remedy: 'Store the keyset as a JSON list of key ids, for example ["key_id1"].',
  });
  throw new Worded('Cannot fulfill secret request: keyset not valid', error);
}
