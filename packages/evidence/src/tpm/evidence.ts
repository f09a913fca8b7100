/**
 * Evidence of the TPM attester of Confidential Containers:
 * `{"ak_public": b64, "tpm_quote": {"signature": b64, "message": b64, "pcrs": [hex …]}}`.
 *
 * `ak_public` is a SubjectPublicKeyInfo (older guests) or a TPMT_PUBLIC (newer ones). Guests of Assay may add `ak_area`
 * (TPMT_PUBLIC beside a SubjectPublicKeyInfo), `ak_cert` (chain, leaf first, PEM or DER), `event_log` (of the firmware) and
 * `agent_event_log` (of the Attestation Agent), all base64.
 */
import { isJsonObject, type JsonValue } from '@assay/bytes';
import { type FindingDraft, passed } from '@assay/bytes/findings';
import { LARGEST_AGENT_LOG, LARGEST_LOG } from '../eventlog/index.js';
import { describe, MemberFault, malformedEvidence, memberBytes, memberPcrs, own } from './json.js';

export interface TpmEvidence {
  /** SubjectPublicKeyInfo or TPMT_PUBLIC. */
  readonly ak: Uint8Array;
  readonly akArea: Uint8Array | undefined;
  readonly akCertificate: Uint8Array | undefined;
  /** TPMT_SIGNATURE. */
  readonly signature: Uint8Array;
  /** TPMS_ATTEST. */
  readonly message: Uint8Array;
  /** Values of the SHA-256 bank, from PCR 0. */
  readonly pcrs: readonly Uint8Array[];
  readonly eventLog: Uint8Array | undefined;
  readonly agentEventLog: Uint8Array | undefined;
}

const TEE = 'tpm';
const LARGEST_STRUCTURE = 4096;
const LARGEST_CHAIN = 64 * 1024;

/** Reads the evidence; unknown members are passed over. */
export function readTpmEvidence(value: JsonValue): {
  readonly evidence: TpmEvidence | undefined;
  readonly finding: FindingDraft;
} {
  try {
    return { evidence: read(value), finding: passed('evidence.json.form', TEE) };
  } catch (error) {
    if (!(error instanceof MemberFault)) throw error;
    return { evidence: undefined, finding: malformedEvidence(TEE, error) };
  }
}

/** @throws MemberFault */
function read(value: JsonValue): TpmEvidence {
  if (!isJsonObject(value)) throw new MemberFault('evidence', describe(value), 'an object is due');
  const quote = own(value, 'tpm_quote');
  if (!isJsonObject(quote)) throw new MemberFault('tpm_quote', describe(quote), 'an object is due');
  const optional = (member: string, limit: number): Uint8Array | undefined => {
    const found = own(value, member);
    return found === undefined || found === null ? undefined : memberBytes(found, member, 'base64', limit);
  };
  return {
    ak: memberBytes(own(value, 'ak_public'), 'ak_public', 'base64', LARGEST_STRUCTURE),
    akArea: optional('ak_area', LARGEST_STRUCTURE),
    akCertificate: optional('ak_cert', LARGEST_CHAIN),
    signature: memberBytes(own(quote, 'signature'), 'tpm_quote.signature', 'base64', LARGEST_STRUCTURE),
    message: memberBytes(own(quote, 'message'), 'tpm_quote.message', 'base64', LARGEST_STRUCTURE),
    pcrs: memberPcrs(own(quote, 'pcrs'), 'tpm_quote.pcrs', 'hex'),
    eventLog: optional('event_log', LARGEST_LOG),
    agentEventLog: optional('agent_event_log', LARGEST_AGENT_LOG),
  };
}
