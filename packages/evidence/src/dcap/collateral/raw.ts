/** Collateral as it was fetched or bundled: bytes, nothing believed. */
import { DecodeError, encodeUtf8, isJsonObject, parseJsonStrict } from '@assay/bytes';
import type { Endorsements } from '../../verifier.js';
import { splitSignedAnswer } from './signed-json.js';

/** The pieces that one quote needs. Any may be missing; then the verification is incomplete. */
export interface RawCollateral {
  /** PEM: intermediate CA, root. */
  readonly pckCrlIssuerChain?: Uint8Array;
  /** DER, PEM, hex text or base64 text. */
  readonly rootCaCrl?: Uint8Array;
  readonly pckCrl?: Uint8Array;
  /** PEM: TCB signing certificate, root. */
  readonly tcbInfoIssuerChain?: Uint8Array;
  /** The signed text, from its `{` to the matching `}`. */
  readonly tcbInfo?: Uint8Array;
  /** Hex of r ‖ s. */
  readonly tcbInfoSignature?: Uint8Array;
  readonly qeIdentityIssuerChain?: Uint8Array;
  readonly qeIdentity?: Uint8Array;
  readonly qeIdentitySignature?: Uint8Array;
  /** PCK chain from a PCCS, for quotes that do not carry one. */
  readonly pckChain?: Uint8Array;
}

/** Names of the pieces in endorsements and in bundles (those of dcap-qvl's `QuoteCollateralV3`). */
export const COLLATERAL_NAMES = {
  pckCrlIssuerChain: 'pck_crl_issuer_chain',
  rootCaCrl: 'root_ca_crl',
  pckCrl: 'pck_crl',
  tcbInfoIssuerChain: 'tcb_info_issuer_chain',
  tcbInfo: 'tcb_info',
  tcbInfoSignature: 'tcb_info_signature',
  qeIdentityIssuerChain: 'qe_identity_issuer_chain',
  qeIdentity: 'qe_identity',
  qeIdentitySignature: 'qe_identity_signature',
  pckChain: 'pck_chain',
} as const satisfies { readonly [name in keyof RawCollateral]-?: string };

const MEMBERS = Object.entries(COLLATERAL_NAMES) as [keyof RawCollateral, string][];
const LARGEST_BUNDLE = 16 * 1024 * 1024;

/**
 * Collateral of endorsements by name. The answers of PCS (`{"tcbInfo":…,"signature":…}`) are taken apart where no
 * signature stands beside them.
 *
 * @throws DecodeError for an answer that is not what it should be.
 */
export function collateralFromEndorsements(endorsements: Endorsements): RawCollateral {
  const raw: { -readonly [name in keyof RawCollateral]: RawCollateral[name] } = {};
  for (const [member, name] of MEMBERS) {
    const bytes = Object.hasOwn(endorsements, name) ? endorsements[name] : undefined;
    if (bytes !== undefined) raw[member] = bytes;
  }
  if (raw.tcbInfo !== undefined && raw.tcbInfoSignature === undefined) {
    Object.assign(raw, renamed('tcbInfo', splitSignedAnswer(raw.tcbInfo, 'tcbInfo')));
  }
  if (raw.qeIdentity !== undefined && raw.qeIdentitySignature === undefined) {
    const { qeIdentity: answer } = raw;
    const split = splitSignedAnswer(answer, 'enclaveIdentity') ?? splitSignedAnswer(answer, 'qeIdentity');
    Object.assign(raw, renamed('qeIdentity', split));
  }
  return raw;
}

/** Collateral of one JSON document with the members of {@link COLLATERAL_NAMES} as texts. @throws DecodeError */
export function parseCollateralBundle(bundle: Uint8Array): RawCollateral {
  const document = parseJsonStrict(bundle, { maxBytes: LARGEST_BUNDLE, maxDepth: 8 });
  if (!isJsonObject(document)) throw new DecodeError('collateral bundle', 'not an object');
  const endorsements: Record<string, Uint8Array> = {};
  for (const [, name] of MEMBERS) {
    const value = Object.hasOwn(document, name) ? document[name] : undefined;
    if (value === undefined || value === null) continue;
    if (typeof value !== 'string') throw new DecodeError('collateral bundle', `member ${name} is not a text`);
    endorsements[name] = encodeUtf8(value);
  }
  return collateralFromEndorsements(endorsements);
}

function renamed(
  member: 'tcbInfo' | 'qeIdentity',
  answer: { text: Uint8Array; signature: Uint8Array } | undefined,
): RawCollateral {
  if (answer === undefined) return {};
  return { [member]: answer.text, [`${member}Signature`]: answer.signature };
}
