/** Which token a request comes with: the session's, else the Bearer header's; and what this service knows of it. */
import { type AssayError, assayError } from '@assay/bytes/findings';
import { bearerToken } from '../admin/bearer.js';
import { sessionIdOf } from '../handshake/cookie.js';
import { timeFault } from '../handshake/machine.js';
import type { Session } from '../handshake/session.js';
import type { SessionStore } from '../handshake/session-store.js';

export interface Credential {
  readonly token: string;
  /** The session that it came with; absent for a Bearer token. */
  readonly session?: Session;
  /** Thumbprint of the key that the session is bound to. */
  readonly boundKey?: string;
}

export interface NoCredential {
  readonly error: AssayError;
  /** The session that was named but has no token (yet, or any more). */
  readonly session?: Session;
}

/**
 * Looks for a usable token. A session that is unknown, ended or not attested falls through to the Bearer header; its fault is
 * then the cause that the owner reads.
 */
export async function findCredential(
  sessions: SessionStore,
  cookie: string | undefined,
  authorization: string | undefined,
  now: Date,
): Promise<Credential | NoCredential> {
  const fromSession = await bySession(sessions, cookie, now);
  if (fromSession !== undefined && 'token' in fromSession) return fromSession;
  const token = bearerToken(authorization);
  if (token !== undefined) return { token };
  const fault = fromSession?.error;
  const error = assayError('token.header.present', {
    subject: 'token',
    ...(fault === undefined ? {} : { causedBy: [fault.code], findings: [fault.finding] }),
  });
  return { error, ...(fromSession?.session === undefined ? {} : { session: fromSession.session }) };
}

async function bySession(
  sessions: SessionStore,
  cookie: string | undefined,
  now: Date,
): Promise<Credential | NoCredential | undefined> {
  if (cookie === undefined) return undefined;
  const id = sessionIdOf(cookie);
  const stored = id === undefined ? undefined : await sessions.get(id);
  if (stored === undefined) return { error: assayError('session.id.known', { subject: 'session' }) };
  const { session, attested } = stored;
  const ended = timeFault(session, now);
  if (ended !== undefined) return { error: ended, session };
  if (attested === undefined) {
    const facts = { params: { request: 'a resource', state: 'challenged' }, subject: 'session' };
    return { error: assayError('session.state.order', facts), session };
  }
  return { token: attested.token, session, boundKey: attested.key };
}

export function isCredential(found: Credential | NoCredential): found is Credential {
  return 'token' in found;
}
