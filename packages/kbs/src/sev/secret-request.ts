/** Secret requests as a shim or guest sends them, checked before anything is looked up. */
import { DecodeError } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import { guidBytes, guidText } from '@assay/evidence/sev';
import type { SecretDetails } from './contract.js';
import { Worded } from './refusal.js';

export const SECRET_TYPES = ['bundle', 'key', 'connection', 'resource', 'report'] as const;
export type SecretType = (typeof SECRET_TYPES)[number];

export interface SecretRequest {
  readonly type: SecretType;
  /** Lower case. */
  readonly guid: string;
  /** Of types that have two forms. */
  readonly format: 'binary' | 'json';
  readonly id: string;
}

const MOST_REQUESTS = 64;
const LONGEST_ID = 1024;

/** @throws Worded with `sev.secret.request` */
export function parseSecretRequests(list: readonly SecretDetails[]): readonly SecretRequest[] {
  if (list.length > MOST_REQUESTS)
    throw bad(MOST_REQUESTS + 1, 'list', list.length, `at most ${MOST_REQUESTS} are read`);
  const requests = list.map((details, index) => parseOne(details, index + 1));
  const seen = new Set<string>();
  for (const [index, { guid, type }] of requests.entries()) {
    if (seen.has(guid)) throw bad(index + 1, 'Guid', 'used twice', 'each request has a GUID of its own');
    seen.add(guid);
    if (type === 'connection' && requests.some((other, n) => n < index && other.type === type))
      throw bad(index + 1, 'SecretType', 'a second connection', 'one launch gets one');
  }
  return requests;
}

function parseOne({ guid, format, secretType, id }: SecretDetails, n: number): SecretRequest {
  const type = SECRET_TYPES.find((known) => known === secretType);
  if (type === undefined) throw bad(n, 'SecretType', brief(secretType), SECRET_TYPES.join(', '), 'Unknown Secret Type');
  if (id.length > LONGEST_ID) throw bad(n, 'Id', `${id.length} characters`, `at most ${LONGEST_ID}`);
  return { type, guid: guidOf(guid, n), format: formatOf(type, format, n), id };
}

/** `key` and `resource` have two forms, spelled exactly so; of the others simple-kbs ignores what is asked for. */
function formatOf(type: SecretType, format: string, n: number): 'binary' | 'json' {
  if (format === 'binary' || format === 'json') return format;
  if (type === 'key' || type === 'resource')
    throw bad(n, 'Format', brief(format), '`binary` or `json`', 'Unknown Secret Format');
  return 'json';
}

function guidOf(text: string, n: number): string {
  try {
    return guidText(guidBytes(text));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw bad(n, 'Guid', brief(text), 'a GUID', 'Malformed GUID');
  }
}

function bad(
  n: number,
  member: string,
  actual: string | number,
  expected: string,
  words = `${member} not valid`,
): Worded {
  const error = assayError('sev.secret.request', {
    params: { n, member, actual, expected },
    subject: member,
    actual,
    expected,
  });
  return new Worded(`Bad secret request: ${words}`, error);
}

function brief(text: string): string {
  return text === '' ? 'empty' : `\`${text.slice(0, 40)}\``;
}
