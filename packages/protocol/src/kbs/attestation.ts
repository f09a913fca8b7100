import { DecodeError, isJsonObject, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { ProtocolError, quoteBriefly } from '../protocol-error.js';
import { kindOf, shape } from '../shape.js';
import { isTee, parseTee, type Tee } from '../tee.js';
import {
  type AttestationMessage,
  AttestationSchema,
  CompositeEvidenceSchema,
  type FlatAttestationMessage,
  FlatAttestationSchema,
} from './schemas.js';
import { parseTeePubkey, type TeePubkey } from './tee-pubkey.js';
import { type ProtocolVersion, protocolTraits } from './version.js';

export interface DeviceEvidence {
  readonly tee: Tee;
  readonly evidence: JsonValue;
}

/** A valid Attestation of any version, in one form. */
export interface Attestation {
  readonly version: ProtocolVersion;
  /** The nonce that the client echoed; undefined in versions that do not. Compare it with the session's. */
  readonly nonce: string | undefined;
  readonly teePubkey: TeePubkey;
  readonly primaryEvidence: JsonValue;
  /** `additional_evidence` as sent, which the primary evidence commits to; empty without devices. */
  readonly additionalEvidence: string;
  /** Evidence of the devices, in the order in which they stand in the text. */
  readonly devices: readonly DeviceEvidence[];
  /** The init-data document, exactly as given to the launch; undefined when none was sent. */
  readonly initDataToml: string | undefined;
}

const flatShape = shape(FlatAttestationSchema, 'request.body.form', 'Attestation');
const currentShape = shape(AttestationSchema, 'request.body.form', 'Attestation');
const compositeShape = shape(CompositeEvidenceSchema, 'evidence.json.form', 'tee-evidence');

/**
 * Reads the body of `POST /kbs/v0/attest` by the version of the session, never by guessing.
 *
 * @throws ProtocolError `request.body.form`, `request.key.supported`, `evidence.json.form`, `binding.init-data.form`
 */
export function parseAttestation(version: ProtocolVersion, body: JsonValue): Attestation {
  const traits = protocolTraits(version);
  return traits.attestation === 'flat' ? parseFlat(version, body) : parseCurrent(version, body);
}

/** What a client sends; the inverse of {@link parseAttestation}. */
export interface AttestationParts {
  readonly nonce: string;
  readonly teePubkey: TeePubkey;
  readonly primaryEvidence: JsonValue;
  readonly additionalEvidence?: string;
  readonly initDataToml?: string;
}

/** The body of an Attestation in the version's shape. @throws RangeError for parts that the version cannot carry */
export function formatAttestation(
  version: ProtocolVersion,
  parts: AttestationParts,
): AttestationMessage | FlatAttestationMessage {
  const traits = protocolTraits(version);
  const additional = parts.additionalEvidence ?? '';
  if (additional !== '' && traits.evidence !== 'composite')
    throw new RangeError(`version ${version} carries no devices`);
  if (parts.initDataToml !== undefined && !traits.initData)
    throw new RangeError(`version ${version} carries no init-data`);
  const key = parts.teePubkey.asReceived;
  const composite = { primary_evidence: parts.primaryEvidence, additional_evidence: additional };
  if (traits.attestation === 'runtime-data') {
    return {
      'init-data': parts.initDataToml === undefined ? null : { format: 'toml', body: parts.initDataToml },
      'runtime-data': { nonce: parts.nonce, 'tee-pubkey': key },
      'tee-evidence': composite,
    };
  }
  const evidence = { 'json-text': JSON.stringify(parts.primaryEvidence), json: parts.primaryEvidence, composite };
  return { 'tee-pubkey': key, 'tee-evidence': evidence[traits.evidence] };
}

/**
 * Reads the `additional_evidence` text: empty, or a JSON object of TEE name → evidence.
 *
 * @throws ProtocolError `evidence.json.form`, `request.tee.known`
 */
export function parseAdditionalEvidence(text: string): DeviceEvidence[] {
  if (text === '') return [];
  const path = '/tee-evidence/additional_evidence';
  const devices = evidenceText(text, path);
  if (!isJsonObject(devices)) {
    throw new ProtocolError('evidence.json.form', `member ${path} must hold an object; it holds ${kindOf(devices)}`, {
      path,
      expected: 'the text of a JSON object TEE name → evidence',
      actual: kindOf(devices),
    });
  }
  const seen = new Set<Tee>();
  return Object.entries(devices).map(([name, evidence]) => {
    const tee = isTee(name) ? name : parseTee(name);
    // Two spellings of one name would make two claim sets where the protocol has one.
    if (seen.has(tee)) {
      throw new ProtocolError('evidence.json.form', `member ${path} names ${quoteBriefly(tee)} twice`, { path });
    }
    seen.add(tee);
    return { tee, evidence };
  });
}

function parseFlat(version: ProtocolVersion, body: JsonValue): Attestation {
  const message = flatShape(body);
  const evidence = message['tee-evidence'];
  return {
    version,
    nonce: undefined,
    teePubkey: parseTeePubkey(message['tee-pubkey']),
    ...flatEvidence(version, evidence),
    initDataToml: undefined,
  };
}

function flatEvidence(
  version: ProtocolVersion,
  evidence: JsonValue,
): Pick<Attestation, 'primaryEvidence' | 'additionalEvidence' | 'devices'> {
  switch (protocolTraits(version).evidence) {
    case 'composite':
      return compositeEvidence(compositeShape(evidence));
    case 'json':
      return { primaryEvidence: evidence, additionalEvidence: '', devices: [] };
    case 'json-text': {
      if (typeof evidence !== 'string') {
        throw new ProtocolError(
          'evidence.json.form',
          `member /tee-evidence must be a string in version ${version}; it is ${kindOf(evidence)}`,
          { path: '/tee-evidence', expected: 'the text of a JSON document', actual: kindOf(evidence) },
        );
      }
      return { primaryEvidence: evidenceText(evidence, '/tee-evidence'), additionalEvidence: '', devices: [] };
    }
  }
}

function parseCurrent(version: ProtocolVersion, body: JsonValue): Attestation {
  const message = currentShape(body);
  const initData = message['init-data'] ?? undefined;
  if (initData !== undefined && initData.format !== 'toml') {
    throw new ProtocolError(
      'binding.init-data.form',
      `init-data: format ${quoteBriefly(initData.format)} is not served`,
      {
        path: '/init-data/format',
        expected: 'toml',
        actual: quoteBriefly(initData.format),
      },
    );
  }
  return {
    version,
    nonce: message['runtime-data'].nonce,
    teePubkey: parseTeePubkey(message['runtime-data']['tee-pubkey'], '/runtime-data/tee-pubkey'),
    ...compositeEvidence(message['tee-evidence']),
    initDataToml: initData?.body,
  };
}

function compositeEvidence(message: { primary_evidence: JsonValue; additional_evidence: string }) {
  return {
    primaryEvidence: message.primary_evidence,
    additionalEvidence: message.additional_evidence,
    devices: parseAdditionalEvidence(message.additional_evidence),
  };
}

function evidenceText(text: string, path: string): JsonValue {
  try {
    return parseJsonStrict(text);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new ProtocolError('evidence.json.form', `text of member ${path} is not JSON: ${cause.message}`, {
      path,
      cause,
    });
  }
}
