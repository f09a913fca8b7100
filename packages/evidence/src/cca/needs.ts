/** What to ask a Veraison service, before a token is verified. */
import type { JsonValue } from '@assay/bytes';
import { refuses } from '@assay/bytes/findings';
import { readCcaEvidence } from './evidence.js';
import type { CcaTrust } from './stores/anchors.js';
import { verifyCcaToken } from './verify.js';

export interface CcaNeeds {
  readonly token: Uint8Array;
  /** The realm's challenge, which becomes the nonce of the session. */
  readonly nonce: Uint8Array;
}

/** Undefined unless the platform's key is all that is missing: nobody is asked about a token that is refused anyway. */
export function ccaNeeds(evidence: JsonValue, trust: CcaTrust): CcaNeeds | undefined {
  const { token: bytes } = readCcaEvidence(evidence);
  if (bytes === undefined) return undefined;
  const { findings, token } = verifyCcaToken({ token: bytes, trust, rules: {} });
  const missing = findings.filter(refuses).map(({ id }) => id);
  if (token === undefined || missing.length !== 1 || missing[0] !== 'cca.platform.key') return undefined;
  return { token: bytes, nonce: token.realm.challenge };
}
