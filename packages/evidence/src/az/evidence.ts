/**
 * Evidence of the Azure attesters of Confidential Containers, in all of its versions.
 *
 * Versions 1 and 2: `{"version": N, "tpm_quote": {"signature": hex, "message": hex, "pcrs": [hex …]}, "hcl_report": base64url}` with
 * `"vcek": base64url of DER` (SNP) or `"td_quote": base64url` (TDX). Without `version` (0): the same as lists of octets, for SNP under
 * the names `quote`, `report`, `vcek` (PEM), for TDX `tpm_quote`, `hcl_report`, `td_quote`. `ak_cert` (base64url: chain in PEM or
 * DER, leaf first) and `agent_event_log` (base64url: log of the Attestation Agent) may be added to any.
 */
import { encodeUtf8, isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { type FindingDraft, passed } from '@assay/bytes/findings';
import { LARGEST_AGENT_LOG } from '../eventlog/index.js';
import { describe, MemberFault, malformedEvidence, memberBytes, memberPcrs, own } from '../tpm/json.js';
import type { AzKind } from './hcl/report.js';

export interface AzEvidence {
  readonly version: 0 | 1 | 2;
  readonly hclReport: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
  /** Values of the SHA-256 bank, from PCR 0. */
  readonly pcrs: readonly Uint8Array[];
  /** TD quote (TDX); empty for SNP, whose report is inside the HCL report. */
  readonly tdQuote: Uint8Array;
  /** VCEK of Azure's metadata service, DER or PEM; undefined: one has to be fetched. */
  readonly vcek: Uint8Array | undefined;
  readonly akCertificate: Uint8Array | undefined;
  readonly agentEventLog: Uint8Array | undefined;
}

const LARGEST_HCL = 8192;
const LARGEST_STRUCTURE = 4096;
const LARGEST_VCEK = 16 * 1024;
const LARGEST_QUOTE = 192 * 1024;
const LARGEST_CHAIN = 64 * 1024;

/** Reads the evidence; unknown members are passed over. */
export function readAzEvidence(
  value: JsonValue,
  kind: AzKind,
): { readonly evidence: AzEvidence | undefined; readonly finding: FindingDraft } {
  const tee = `az-${kind}-vtpm`;
  try {
    if (!isJsonObject(value)) throw new MemberFault('evidence', describe(value), 'an object is due');
    const version = own(value, 'version');
    const evidence = version === undefined ? readOctets(value, kind) : readTexts(value, versionOf(version), kind);
    return { evidence, finding: passed('evidence.json.form', tee, evidence.version) };
  } catch (error) {
    if (!(error instanceof MemberFault)) throw error;
    return { evidence: undefined, finding: malformedEvidence(tee, error) };
  }
}

/** @throws MemberFault */
function versionOf(value: JsonValue): 1 | 2 {
  if (value === 1 || value === 2) return value;
  const actual = typeof value === 'number' ? String(value) : describe(value);
  throw new MemberFault('version', actual, '1 or 2 is due, or none');
}

function readTexts(value: JsonObject, version: 1 | 2, kind: AzKind): AzEvidence {
  const quote = objectOf(value, 'tpm_quote');
  return {
    version,
    hclReport: memberBytes(own(value, 'hcl_report'), 'hcl_report', 'base64url', LARGEST_HCL),
    message: memberBytes(own(quote, 'message'), 'tpm_quote.message', 'hex', LARGEST_STRUCTURE),
    signature: memberBytes(own(quote, 'signature'), 'tpm_quote.signature', 'hex', LARGEST_STRUCTURE),
    pcrs: memberPcrs(own(quote, 'pcrs'), 'tpm_quote.pcrs', 'hex'),
    ...hardwareOf(
      kind,
      () => optional(value, 'vcek', LARGEST_VCEK),
      () => memberBytes(own(value, 'td_quote'), 'td_quote', 'base64url', LARGEST_QUOTE),
    ),
    akCertificate: optional(value, 'ak_cert', LARGEST_CHAIN),
    agentEventLog: optional(value, 'agent_event_log', LARGEST_AGENT_LOG),
  };
}

function readOctets(value: JsonObject, kind: AzKind): AzEvidence {
  const [quoteName, reportName] = kind === 'snp' ? ['quote', 'report'] : ['tpm_quote', 'hcl_report'];
  const quote = objectOf(value, quoteName);
  return {
    version: 0,
    hclReport: memberBytes(own(value, reportName), reportName, 'octets', LARGEST_HCL),
    message: memberBytes(own(quote, 'message'), `${quoteName}.message`, 'octets', LARGEST_STRUCTURE),
    signature: memberBytes(own(quote, 'signature'), `${quoteName}.signature`, 'octets', LARGEST_STRUCTURE),
    pcrs: memberPcrs(own(quote, 'pcrs'), `${quoteName}.pcrs`, 'octets'),
    ...hardwareOf(
      kind,
      () => pem(value),
      () => memberBytes(own(value, 'td_quote'), 'td_quote', 'octets', LARGEST_QUOTE),
    ),
    akCertificate: optional(value, 'ak_cert', LARGEST_CHAIN),
    agentEventLog: optional(value, 'agent_event_log', LARGEST_AGENT_LOG),
  };
}

function pem(value: JsonObject): Uint8Array | undefined {
  const text = own(value, 'vcek');
  if (text === undefined || text === null) return undefined;
  const expected = `PEM of at most ${LARGEST_VCEK} characters is due`;
  if (typeof text !== 'string') throw new MemberFault('vcek', describe(text), expected);
  if (text.length === 0 || text.length > LARGEST_VCEK)
    throw new MemberFault('vcek', `${text.length} characters long`, expected);
  return encodeUtf8(text);
}

function hardwareOf(
  kind: AzKind,
  vcek: () => Uint8Array | undefined,
  tdQuote: () => Uint8Array,
): Pick<AzEvidence, 'tdQuote' | 'vcek'> {
  return kind === 'snp' ? { vcek: vcek(), tdQuote: new Uint8Array() } : { vcek: undefined, tdQuote: tdQuote() };
}

function optional(value: JsonObject, member: string, limit: number): Uint8Array | undefined {
  const found = own(value, member);
  return found === undefined || found === null ? undefined : memberBytes(found, member, 'base64url', limit);
}

function objectOf(value: JsonObject, member: string): JsonObject {
  const found = own(value, member);
  if (!isJsonObject(found)) throw new MemberFault(member, describe(found), 'an object is due');
  return found;
}
