import type { Evaluation } from '@assay/attestation-service';
import { AssayError, assayError, type Finding, type Verdict } from '@assay/bytes/findings';
import { decodeJwtUnverified, ProtocolError, parseTeePubkey, teePubkeyOfToken } from '@assay/protocol';
import { keyThumbprint } from '../keys.js';

/**
 * Why an evaluation gives no session, or undefined. The guest's answer does not depend on which check failed: by then all of
 * them have run.
 *
 * @param key thumbprint of the key that the guest presented
 */
export function evaluationFault(evaluation: Evaluation, key: string): AssayError | undefined {
  const { verdict, token } = evaluation;
  if (token === undefined || verdict.verdict !== 'accept') return fromVerdict(verdict);
  const bound = keyInToken(token);
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
    guestCode: verdict.verdict === 'incomplete' ? 'unavailable' : (root.guest_code ?? 'evidence.refused'),
  });
}

function rootOf(verdict: Verdict): Finding | undefined {
  const [first] = verdict.roots;
  return (
    verdict.findings.find((finding) => finding.key === first) ??
    verdict.findings.find((finding) => finding.outcome === 'fail')
  );
}

/**
 * The key that the token itself names. A token comes from the Attestation Service over a channel that is trusted here, so it
 * is read, not verified: the resource route verifies it each time.
 */
function keyInToken(token: string): string | undefined {
  try {
    return keyThumbprint(parseTeePubkey(teePubkeyOfToken(decodeJwtUnverified(token).claims)));
  } catch (thrown) {
    if (thrown instanceof ProtocolError) return undefined;
    throw thrown;
  }
}
