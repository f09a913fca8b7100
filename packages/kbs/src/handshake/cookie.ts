import { isSessionId } from '../ids.js';
import { SESSION_COOKIE, type SessionCookie } from '../types.js';
import type { Session } from './session.js';

/** The cookie of a session: name, value and end, no other attribute, as every client release expects. */
export function sessionCookie(session: Session): SessionCookie {
  const expires = new Date(session.deadline);
  return {
    name: SESSION_COOKIE,
    value: session.id,
    expires,
    // toUTCString is the IMF-fixdate of RFC 9110 section 5.6.7.
    setCookie: `${SESSION_COOKIE}=${session.id}; Expires=${expires.toUTCString()}`,
  };
}

/** A cookie's value, if it can be a session id at all. */
export function sessionIdOf(value: string | undefined): string | undefined {
  return value !== undefined && isSessionId(value) ? value : undefined;
}
