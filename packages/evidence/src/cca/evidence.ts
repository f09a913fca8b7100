/** Evidence of the CCA attester of Confidential Containers: `{"token": [217, 1, 143, …]}`, the token's bytes as numbers. */
import { isJsonArray, isJsonObject, type JsonValue } from '@assay/bytes';
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';
import { LARGEST_TOKEN } from './token/parse.js';

export interface CcaEvidence {
  /** Undefined when the evidence is malformed. */
  readonly token: Uint8Array | undefined;
  readonly finding: FindingDraft;
}

/** Reads the evidence; unknown members are passed over. */
export function readCcaEvidence(evidence: JsonValue): CcaEvidence {
  if (!isJsonObject(evidence)) return malformed('evidence', 'no object', 'an object is due');
  const list = Object.hasOwn(evidence, 'token') ? evidence['token'] : undefined;
  if (list === undefined || !isJsonArray(list)) {
    return malformed('token', list === undefined ? 'absent' : 'no list', 'a list of byte numbers is due');
  }
  if (list.length > LARGEST_TOKEN) {
    return malformed('token', `${list.length} bytes long`, `at most ${LARGEST_TOKEN} are read`);
  }
  const token = new Uint8Array(list.length);
  for (const [index, octet] of list.entries()) {
    if (typeof octet !== 'number' || !Number.isInteger(octet) || octet < 0 || octet > 255) {
      return malformed(`token[${index}]`, 'no byte', 'a number from 0 to 255 is due');
    }
    token[index] = octet;
  }
  return { token, finding: passed('evidence.json.form', 'cca') };
}

function malformed(member: string, actual: string, expected: string): CcaEvidence {
  const finding = failed('evidence.json.form', {
    subject: 'cca',
    params: { member, actual, expected },
    expected,
    actual,
    compare: { relation: 'well-formed', type: 'json' },
    source: 'evidence format of the CCA attester',
  });
  return { token: undefined, finding };
}
