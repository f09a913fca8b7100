/** The one error class: a finding that stopped something, with its place in HTTP and in two audiences. */
import { GUEST_CODES, guestMayHaveDetail } from './guest-codes.js';
import { docLink, type FindingInput, failed, reported } from './make.js';
import type { Finding, FindingData, FindingDraft, GuestCode } from './model.js';
import { type FindingId, isFindingId, registerEntry } from './register/index.js';

export type ErrorCode = FindingId;

export interface AssayErrorOptions {
  readonly cause?: unknown;
  /** Facts for the owner and the log. Never a secret, a token, a cookie or key material. */
  readonly details?: { readonly [name: string]: FindingData };
  /** The findings behind it (of a refused attestation, of a policy that does not compile). */
  readonly findings?: readonly (Finding | FindingDraft)[];
  /** What the guest is told, instead of what its finding's code says. */
  readonly guestCode?: GuestCode;
}

/** RFC 9457 problem document of `/api`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly attempt?: string;
  readonly remedy: string;
  readonly findings?: readonly (Finding | FindingDraft)[];
}

export class AssayError extends Error {
  override readonly name = 'AssayError';
  /** Id of the register. */
  readonly code: ErrorCode;
  /** The finding it stands for: title, remedy, expected, actual, causes. */
  readonly finding: FindingDraft;
  readonly details: { readonly [name: string]: FindingData };
  readonly findings: readonly (Finding | FindingDraft)[];
  readonly #guestCode: GuestCode | undefined;

  constructor(finding: FindingDraft, options: AssayErrorOptions = {}) {
    super(finding.title ?? finding.id, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = finding.id;
    this.finding = finding;
    this.details = options.details ?? {};
    this.findings = options.findings ?? [];
    this.#guestCode = options.guestCode;
  }

  /** The owner's line. */
  get title(): string {
    return this.message;
  }

  get remedy(): string {
    return this.finding.remedy ?? registerEntry(this.code).remedy;
  }

  /** What an unauthenticated caller is told; `internal` for what must never reach a guest. */
  get guestCode(): GuestCode {
    return this.#guestCode ?? registerEntry(this.code).guest ?? 'internal';
  }

  /** Status on the administration API. */
  get httpStatus(): number {
    return registerEntry(this.code).status;
  }

  /** Status under `/kbs`, where the guest code decides. */
  get guestStatus(): number {
    if (this.code === 'request.body.size') return 413;
    return GUEST_CODES[this.guestCode].status;
  }

  /** The line that may be shown to the guest beside the code: only about what it sent itself. */
  get guestDetail(): string | undefined {
    return this.finding.guest_code === this.guestCode && guestMayHaveDetail(this.guestCode) ? this.message : undefined;
  }

  /** Seconds after which trying again makes sense. */
  get retryAfter(): number | undefined {
    return this.finding.retry_after ?? GUEST_CODES[this.guestCode].retryAfter;
  }

  /** Problem document for an authorised caller. */
  toProblem(attempt?: string): Problem {
    return {
      type: docLink(this.code),
      title: registerEntry(this.code).checks,
      status: this.httpStatus,
      detail: this.message,
      code: this.code,
      ...(attempt === undefined ? {} : { attempt }),
      remedy: this.remedy,
      ...(this.findings.length === 0 ? {} : { findings: this.findings }),
    };
  }
}

/** Makes the error of a register row: `throw assayError('policy.id.form', { params: { actual, what } })`. */
export function assayError<Id extends FindingId>(id: Id, input: FindingInput<Id> & AssayErrorOptions): AssayError {
  const { cause, details, findings, guestCode, ...facts } = input;
  return new AssayError(failed(id, facts as unknown as FindingInput<Id>), {
    ...(cause === undefined ? {} : { cause }),
    ...(details === undefined ? {} : { details }),
    ...(findings === undefined ? {} : { findings }),
    ...(guestCode === undefined ? {} : { guestCode }),
  });
}

/** An error of a lower layer whose `code` is an id of the register, e.g. the protocol package's. */
interface CodedError extends Error {
  readonly code: FindingId;
  readonly path?: unknown;
  readonly expected?: unknown;
  readonly actual?: unknown;
}

function isCoded(thrown: unknown): thrown is CodedError {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' && isFindingId(thrown.code);
}

/** Any thrown value as an AssayError: errors coded by the register keep their words, everything else is a defect. */
export function asAssayError(thrown: unknown): AssayError {
  if (thrown instanceof AssayError) return thrown;
  if (isCoded(thrown)) {
    const { code, path, expected, actual } = thrown;
    const finding = reported(code, thrown.message, {
      ...(typeof path === 'string' ? { subject: path } : {}),
      ...(typeof expected === 'string' ? { expected } : {}),
      ...(typeof actual === 'string' ? { actual } : {}),
    });
    return new AssayError(finding, { cause: thrown });
  }
  const kind = thrown instanceof Error ? thrown.name : typeof thrown;
  return assayError('internal.defect.none', { params: { what: `unexpected ${kind}` }, cause: thrown });
}
