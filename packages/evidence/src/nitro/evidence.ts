/**
 * Evidence JSON of AWS Nitro Enclaves: `{"document": "<base64>"}`.
 *
 * Confidential Containers has no form for it. This one is in the manner of its `quote` of SGX and TDX: the bytes that the
 * Nitro Security Module gave, in the standard base64 alphabet with padding.
 */
import { decodeBase64, isJsonObject, type JsonValue } from '@assay/bytes';
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';
import { LARGEST_DOCUMENT } from './document.js';

const LONGEST_TEXT = Math.ceil(LARGEST_DOCUMENT / 3) * 4;

export interface NitroEvidence {
  /** Undefined when the evidence is malformed. */
  readonly document: Uint8Array | undefined;
  readonly finding: FindingDraft;
}

/** Reads the evidence; unknown members are passed over. */
export function readNitroEvidence(evidence: JsonValue): NitroEvidence {
  if (!isJsonObject(evidence)) return malformed('evidence', 'no object', 'an object is due');
  const text = Object.hasOwn(evidence, 'document') ? evidence['document'] : undefined;
  if (typeof text !== 'string') {
    return malformed('document', text === undefined ? 'absent' : 'no text', 'base64 text is due');
  }
  if (text.length > LONGEST_TEXT) {
    return malformed('document', `${text.length} characters long`, `at most ${LONGEST_TEXT} are read`);
  }
  try {
    return { document: decodeBase64(text), finding: passed('evidence.json.form', 'nitro') };
  } catch {
    return malformed('document', 'not base64', 'the standard alphabet with padding is due');
  }
}

function malformed(member: string, actual: string, expected: string): NitroEvidence {
  const finding = failed('evidence.json.form', {
    subject: 'nitro',
    params: { member, actual, expected },
    expected,
    actual,
    compare: { relation: 'well-formed', type: 'json' },
    source: 'evidence format of the Nitro attester',
  });
  return { document: undefined, finding };
}
