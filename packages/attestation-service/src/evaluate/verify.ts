/** From evidence entries to claim sets: every entry is verified, every finding is kept, one refusal refuses all. */
import type { JsonObject } from '@assay/bytes';
import {
  asAssayError,
  assayError,
  type CollateralUse,
  type FindingDraft,
  type FindingRef,
  failed,
} from '@assay/bytes/findings';
import type { ClaimClass, Endorsements, Verifier, VerifierResult } from '@assay/evidence';
import { DEFAULT_HASH_ALGORITHM } from '@assay/protocol';
import type { EvaluateRequest, EvidenceEntry } from '../contract.js';
import { annotate } from './annotate.js';
import type { Endorsed } from './endorse.js';
import { type Expectations, expectationsOf } from './expectations.js';
import { explainOtherHash } from './other-hash.js';
import type { VerifierRegistry } from './registry.js';

/** Most pieces of evidence in one request. */
const MOST_ENTRIES = 32;

/** One claim set, ready for its policy. */
export interface AppraisalInput {
  /** Name of the submodule: `cpu0`, `gpu1`. */
  readonly submod: string;
  readonly class: ClaimClass;
  readonly tee: string;
  /** Input of the policy. */
  readonly input: JsonObject;
  readonly origins: { readonly [path: string]: FindingRef };
}

export interface Verified {
  /** Every entry's evidence is authentic and bound. */
  readonly accepted: boolean;
  readonly findings: readonly FindingDraft[];
  readonly inputs: readonly AppraisalInput[];
  readonly collateral: readonly CollateralUse[];
}

/**
 * Verifies all entries.
 *
 * @throws AssayError for a request that cannot be evaluated: no entry, an unknown TEE, init-data that does not parse
 */
export function verifyEntries(
  request: EvaluateRequest,
  registry: VerifierRegistry,
  now: Date,
  options: { readonly verbose: boolean; readonly endorsed?: readonly Endorsed[] },
): Verified {
  // All requests are understood before any evidence is looked at.
  const prepared = request.entries.map((entry) => ({
    entry,
    verifier: registry.find(entry.tee),
    expectations: expectationsOf(entry),
  }));
  const findings: FindingDraft[] = [];
  const inputs: AppraisalInput[] = [];
  const collateral: CollateralUse[] = [];
  const counts = new Map<ClaimClass, number>();
  let accepted = true;
  for (const [index, { entry, verifier, expectations }] of prepared.entries()) {
    const endorsed = options.endorsed?.[index];
    const result = run(verifier, entry, expectations, now, endorsed?.endorsements);
    findings.push(...(endorsed?.findings ?? []));
    const algorithm = entry.hashAlgorithm ?? DEFAULT_HASH_ALGORITHM;
    findings.push(...explainOtherHash(result.findings, expectations.texts, algorithm));
    collateral.push(...(endorsed?.collateral ?? []), ...(result.collateral ?? []));
    if (!result.accepted) {
      accepted = false;
      continue;
    }
    for (const set of result.claimSets) {
      const n = counts.get(set.class) ?? 0;
      counts.set(set.class, n + 1);
      inputs.push({
        submod: `${set.class}${n}`,
        class: set.class,
        tee: verifier.tee,
        input: annotate(verifier.tee, set.claims, expectations, options),
        origins: set.origins ?? {},
      });
    }
  }
  return { accepted, findings, inputs: accepted ? inputs : [], collateral };
}

/** @throws AssayError `evidence.entries.count` */
export function checkCount(count: number): void {
  if (count > 0 && count <= MOST_ENTRIES) return;
  throw assayError('evidence.entries.count', {
    params: { actual: count, expected: `1 to ${MOST_ENTRIES} are read` },
    expected: MOST_ENTRIES,
    actual: count,
  });
}

/** A verifier that throws is a defect: the verdict is incomplete, the evidence is not judged, the service lives on. */
function run(
  verifier: Verifier,
  entry: EvidenceEntry,
  expectations: Expectations,
  now: Date,
  endorsements: Endorsements | undefined,
): VerifierResult {
  try {
    return verifier.verify({
      evidence: entry.evidence,
      reportData: expectations.reportData,
      initData: expectations.initData,
      ...(endorsements === undefined ? {} : { endorsements }),
      now,
    });
  } catch (thrown) {
    const error = asAssayError(thrown);
    const finding = failed('internal.check.threw', {
      subject: verifier.tee,
      params: { check: verifier.tee, what: error.title },
      source: `verifier of ${verifier.tee}`,
    });
    return { accepted: false, findings: [finding] };
  }
}
