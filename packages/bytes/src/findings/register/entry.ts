import type { ComparedType, GuestCode, OriginKind, Outcome, Party, Retry, Severity, Stage } from '../model.js';

/** One row of the register: a question that is asked, and what is said when its answer is no. */
export interface RegisterEntry {
  readonly stage: Stage;
  /** Severity when it does not hold. */
  readonly severity: Severity;
  /** Outcome when it does not hold: most rows fail, some only warn. A producer may pick the other one. */
  readonly unmet: Extract<Outcome, 'fail' | 'warn'>;
  /** What is checked, for the reference page. */
  readonly checks: string;
  /** Template of the owner's line. `{x}` is filled as it is, `{x~}` shortened. */
  readonly title: string;
  readonly causes: readonly string[];
  /** Imperative; may use placeholders. */
  readonly remedy: string;
  readonly party: Party;
  readonly retry: Retry;
  /** What an unauthenticated caller is told; absent: it never reaches a guest. */
  readonly guest?: GuestCode;
  /** HTTP status on the administration API. */
  readonly status: number;
  /** Checks that must have passed for this one to be asked. */
  readonly needs?: readonly string[];
  readonly origin: OriginKind;
  readonly type: ComparedType;
  /** Release that brought it. */
  readonly since: string;
  /** An id is never reused: a retired one stays, with its successor. */
  readonly retired?: { readonly in: string; readonly replacedBy?: string };
}

/** Rows of one part of the register. */
export type RegisterPart = { readonly [id: string]: RegisterEntry };

/** Names between braces of a template, without the `~` that asks for the short form. */
export type Placeholders<T extends string> = T extends `${string}{${infer P}}${infer Rest}`
  ? (P extends `${infer Name}~` ? Name : P) | Placeholders<Rest>
  : never;
