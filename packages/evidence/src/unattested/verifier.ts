/**
 * SEV-SNP without attestation: a mode for development, off unless the owner switches it on.
 *
 * A guest says outright that nothing vouches for it, so that its components start and can be looked at. It gets a token that
 * says so; key brokers release nothing for such a token, whatever policy says ({@link isUnattested}).
 */
import {
  DecodeError,
  decodeBase64,
  encodeHex,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed, warned } from '@assay/bytes/findings';
import { compareReportData } from '../binding/report-data.js';
import type { Verifier, VerifierResult, VerifyInput } from '../verifier.js';

/** Name on the wire, and of the claims in a token. */
export const UNATTESTED_TEE = 'snp-no-attestation';

const LONGEST = 1024;
/** Deeper than any claim of a token; what is nested deeper counts as unattested. */
const DEEPEST = 64;

/** Takes `{"attested": false, "report_data": "<base64>"}` and nothing else. */
export const unattestedVerifier: Verifier = { tee: UNATTESTED_TEE, emulated: true, verify };

function verify(input: VerifyInput): VerifierResult {
  const { reportData, finding } = read(input.evidence);
  if (reportData === undefined) return { accepted: false, findings: [finding] };
  const binding = compareReportData(reportData, input.reportData, 'exact', UNATTESTED_TEE);
  const findings: FindingDraft[] = [
    finding,
    binding.finding,
    notChecked('binding.init-data.match', 'not compared: nothing was attested', { subject: UNATTESTED_TEE }),
    warned('evidence.attestation.present', {
      subject: UNATTESTED_TEE,
      params: { tee: UNATTESTED_TEE },
      stage: 'appraise',
      source: 'setting development.snp_without_attestation',
      origin: { kind: 'setting', key: 'development.snp_without_attestation' },
    }),
  ];
  if (!binding.holds) return { accepted: false, findings };
  return {
    accepted: true,
    findings,
    claimSets: [{ class: 'cpu', claims: { attested: false, report_data: encodeHex(reportData) } }],
    matched: binding.matched,
  };
}

function read(evidence: JsonValue): { readonly reportData?: Uint8Array; readonly finding: FindingDraft } {
  if (!isJsonObject(evidence)) return malformed('evidence', 'an object');
  const { attested, report_data: text, ...others } = evidence;
  if (attested !== false) return malformed('attested', '`false`: this TEE attests nothing');
  if (typeof text !== 'string' || text.length > LONGEST) return malformed('report_data', 'base64 text is due');
  if (Object.keys(others).length > 0) return malformed('members', '`attested` and `report_data` alone');
  try {
    return { reportData: decodeBase64(text), finding: passed('evidence.json.form', UNATTESTED_TEE) };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return malformed('report_data', 'the standard alphabet with padding is due');
  }
}

function malformed(member: string, expected: string): { readonly finding: FindingDraft } {
  return {
    finding: failed('evidence.json.form', {
      subject: UNATTESTED_TEE,
      params: { member, actual: 'something else', expected },
      expected,
      source: 'evidence format of SEV-SNP without attestation',
    }),
  };
}

/**
 * Whether claims speak of a guest that was not attested, in whatever place: a token's submodules of any shape. A claim that a guest
 * writes itself can only cost it what it would have got.
 */
export function isUnattested(claims: JsonObject): boolean {
  return mentions(claims, 0);
}

function mentions(value: JsonValue, depth: number): boolean {
  if (depth > DEEPEST) return true;
  if (isJsonArray(value)) return value.some((one) => mentions(one, depth + 1));
  if (!isJsonObject(value)) return false;
  return Object.entries(value).some(([name, member]) => name === UNATTESTED_TEE || mentions(member, depth + 1));
}
