/** The record of one call: which attempt it belongs to, what was found, and how that is kept. */
import type { JsonObject } from '@assay/bytes';
import { type AssayError, type FindingDraft, passed } from '@assay/bytes/findings';
import type { Operation } from '@assay/storage';
import type { AuditLog } from '../audit/log.js';
import { ownVerdict, rootIds } from '../audit/verdict.js';
import type { AttemptId, AttemptState, AttemptSummary, CallerInfo, KbsMetrics } from '../types.js';
import type { Ledger, Released } from './fulfil.js';

/** Name of the attempts' TEE and protocol in the audit. */
const TEE = 'sev';
const PROTOCOL = 'simple-kbs';
const LONGEST_DESCRIPTION = 200;

export interface CourseOptions {
  readonly audit: AuditLog;
  readonly metrics: KbsMetrics;
  readonly now: () => Date;
}

export class Course implements Ledger {
  readonly #options: CourseOptions;
  readonly #caller: CallerInfo | undefined;
  readonly findings: FindingDraft[] = [];
  readonly released: Released[] = [];
  attempt: AttemptId;
  startedAt: string;
  /** Thumbprint of the platform's PDH. */
  key: string | undefined;
  description = '';
  /** Facts of an authentic launch. */
  claims: JsonObject | undefined;

  constructor(options: CourseOptions, caller: CallerInfo | undefined) {
    this.#options = options;
    this.#caller = caller;
    this.attempt = options.audit.newAttempt();
    this.startedAt = options.now().toISOString();
  }

  /** The call belongs to an attempt that began earlier. */
  belongsTo(attempt: AttemptId, key: string, startedAt?: string): void {
    this.attempt = attempt;
    this.key = key;
    this.startedAt = startedAt ?? this.startedAt;
  }

  /** Writes of the attempt's present state. */
  attemptOperations(state: AttemptState, words?: string): readonly Operation[] {
    const { audit } = this.#options;
    const verdict = ownVerdict({
      kind: TEE,
      attempt: this.attempt,
      at: this.#options.now(),
      findings: this.findings,
      ...(this.claims === undefined ? {} : { claims: { sev: this.claims } }),
    });
    const codes = state === 'refused' || state === 'undecided' ? rootIds(verdict) : [];
    const described = this.description === '' ? '' : ` (${this.description.slice(0, LONGEST_DESCRIPTION)})`;
    return audit.attemptOperations(this.#summary(state, codes, `${words ?? verdict.summary}${described}`), verdict);
  }

  /** Writes of every secret that goes out, each with its lease. */
  async releaseOperations(method: string): Promise<readonly Operation[]> {
    const { audit, now } = this.#options;
    const findings = ownVerdict({
      kind: 'release',
      attempt: this.attempt,
      at: now(),
      findings: this.findings,
    }).findings;
    const operations: Operation[] = [];
    for (const { path, version, policyDigest } of this.#distinct()) {
      const record = {
        decision: 'released' as const,
        method,
        resource: `resource/${path}`,
        version,
        policy: { digest: policyDigest },
        findings,
      };
      operations.push(...(await audit.releaseOperations(this.attempt, record, { path, version, key: this.key ?? '' })));
    }
    return operations;
  }

  /** Records a refusal as the outcome of the attempt. */
  async refuse(error: AssayError): Promise<void> {
    const { audit, metrics } = this.#options;
    this.findings.push(error.finding);
    metrics.outcome(error.code, TEE);
    await audit.commit(this.attemptOperations(undecided(error) ? 'undecided' : 'refused'));
  }

  /** Records a refusal beside an attempt that has its outcome already. */
  async refuseRelease(error: AssayError, method: string, resource: string): Promise<void> {
    const { audit, metrics, now } = this.#options;
    this.findings.push(error.finding);
    metrics.outcome(error.code, 'release');
    const { findings } = ownVerdict({ kind: 'release', attempt: this.attempt, at: now(), findings: this.findings });
    const missing = error.code === 'resource.object.present';
    const decision = undecided(error) ? 'undecided' : missing ? 'missing' : 'refused';
    await audit.commit(await audit.releaseOperations(this.attempt, { decision, method, resource, findings }));
  }

  passed(id: Parameters<typeof passed>[0], subject: string): void {
    this.findings.push(passed(id, subject));
  }

  /** A secret that is in a bundle and asked for beside it goes out once. */
  #distinct(): readonly Released[] {
    return [...new Map(this.released.map((one) => [one.path, one])).values()];
  }

  #summary(state: AttemptState, codes: readonly string[], summary: string): AttemptSummary {
    const caller = this.#caller;
    return {
      attempt: this.attempt,
      state,
      startedAt: this.startedAt,
      ...(state === 'challenged' ? {} : { endedAt: this.#options.now().toISOString() }),
      kind: 'launch',
      tee: TEE,
      protocol: PROTOCOL,
      ...(caller?.address === undefined ? {} : { address: caller.address }),
      ...(caller?.userAgent === undefined ? {} : { userAgent: caller.userAgent.slice(0, 200) }),
      ...(this.key === undefined ? {} : { key: this.key }),
      codes,
      summary,
    };
  }
}

function undecided(error: AssayError): boolean {
  return error.guestCode === 'unavailable' || error.guestCode === 'internal';
}
