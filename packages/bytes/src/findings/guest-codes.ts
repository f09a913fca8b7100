/** The guest is untrusted: it learns one of these words, enough to act on its side and nothing that lets it search. */
import type { GuestCode } from './model.js';

export interface GuestCodeEntry {
  /** HTTP status under `/kbs`. */
  readonly status: number;
  readonly means: string;
  /** What the answer may carry beside code and attempt id. */
  readonly carries: 'member' | 'served' | 'part' | 'ended' | 'retry-after' | 'nothing';
  /** Seconds for `Retry-After`, where the code calls for one. */
  readonly retryAfter?: number;
}

export const GUEST_CODES: { readonly [code in GuestCode]: GuestCodeEntry } = {
  'request.malformed': { status: 401, means: 'fix the request', carries: 'member' },
  'request.unsupported': { status: 401, means: 'version, TEE name or algorithm not served', carries: 'served' },
  'session.invalid': { status: 401, means: 'no, unknown, ended or used session: start at auth', carries: 'nothing' },
  'evidence.malformed': { status: 401, means: 'evidence is not decodable', carries: 'part' },
  'evidence.refused': { status: 401, means: 'evidence is decodable, not accepted', carries: 'nothing' },
  'appraisal.refused': { status: 401, means: 'evidence is authentic, policy says no', carries: 'nothing' },
  'token.refused': { status: 401, means: 'token missing, ended or not trusted', carries: 'ended' },
  'resource.refused': { status: 401, means: 'not for this caller, whether or not it exists', carries: 'nothing' },
  'resource.missing': { status: 404, means: 'policy allowed it, it is not there', carries: 'nothing' },
  busy: { status: 429, means: 'too many requests', carries: 'retry-after', retryAfter: 10 },
  unavailable: {
    status: 503,
    means: 'a part of the service is out; says nothing about the guest',
    carries: 'retry-after',
    retryAfter: 30,
  },
  internal: { status: 500, means: 'a defect; report the attempt id', carries: 'nothing' },
};

/** The guest codes whose answer may name a member, a served list or a part of the evidence. */
export function guestMayHaveDetail(code: GuestCode): boolean {
  const carries = GUEST_CODES[code].carries;
  return carries === 'member' || carries === 'served' || carries === 'part';
}
