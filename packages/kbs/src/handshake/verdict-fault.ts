import type { Evaluation } from '@assay/attestation-service';
import type { JsonObject } from '@assay/bytes';
import { AssayError, assayError, type Finding, type GuestCode, type Verdict } from '@assay/bytes/findings';
import { decodeJwtUnverified, ProtocolError, parseTeePubkey, teePubkeyOfToken } from '@assay/protocol';
import { keyThumbprint } from '../keys.js';

/**
 * Why an evaluation gives no session, or undefined. The guest's answer does not depend on which check failed: by then all of
 * them have run.
 *
 * @param claims the token's, see {@link claimsOf}
 * @param key thumbprint of the key that the guest presented
 */
export function evaluationFault(
  { verdict, token }: Evaluation,
  claims: JsonObject,
  key: string,
): AssayError | undefined {
  if (token === undefined || verdict.verdict !== 'accept') return fromVerdict(verdict);
  const bound = keyIn(claims);
  if (bound === key) return undefined;
  return assayError('session.key.bound', {
    params: {
      expected: key,
      proof: bound === undefined ? 'has a token without key' : `has a token for ${bound.slice(0, 8)}…`,
    },
    subject: 'token',
    expected: key,
    actual: bound ?? null,
    findings: verdict.findings,
    guestCode: 'evidence.refused',
  });
}

/** The refusal that a verdict stands for: its first root. */
function fromVerdict(verdict: Verdict): AssayError {
  const root = rootOf(verdict);
  if (root === undefined) {
    return assayError('internal.defect.none', {
      params: { what: `verdict ${verdict.verdict ?? 'none'} without a token and without a root` },
      findings: verdict.findings,
    });
  }
  const { key: _key, role: _role, caused_by: _causedBy, ...draft } = root;
  return new AssayError(draft, {
    findings: verdict.findings,
    guestCode: verdict.verdict === 'incomplete' ? 'unavailable' : refusalCode(root),
  });
}

/** Evidence that was refused stays refused although an endorsement could not be had beside it: trying again would not help. */
function refusalCode({ guest_code: code = 'evidence.refused' }: Finding): GuestCode {
  return code === 'unavailable' ? 'evidence.refused' : code;
}

function rootOf(verdict: Verdict): Finding | undefined {
  const [first] = verdict.roots;
  return (
    verdict.findings.find((finding) => finding.key === first) ??
    verdict.findings.find((finding) => finding.outcome === 'fail')
  );
}

/**
 * The claims of an evaluation's token; empty where there is none, or none that can be read. A token comes from the
 * Attestation Service over a channel that is trusted here, so it is read, not verified: the resource route verifies.
 */
export function claimsOf({ token, claims }: Evaluation): JsonObject {
  if (claims !== undefined) return claims;
  return (token === undefined ? undefined : unlessMalformed(() => decodeJwtUnverified(token).claims)) ?? {};
}

/** Thumbprint of the key that the claims name. */
function keyIn(claims: JsonObject): string | undefined {
  return unlessMalformed(() => keyThumbprint(parseTeePubkey(teePubkeyOfToken(claims))));
}

function unlessMalformed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof ProtocolError) return undefined;
    throw thrown;
  }
}
