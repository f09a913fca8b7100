import { isJsonArray, isJsonObject, type JsonValue } from '@assay/bytes';
import { DEFAULT_HASH_ALGORITHM, findHashAlgorithm, type HashAlgorithm } from '../hash-algorithm.js';
import { ProtocolError } from '../protocol-error.js';
import { kindOf, shape } from '../shape.js';
import { parseTee, type Tee } from '../tee.js';
import { type ChallengeMessage, ChallengeSchema, type RequestMessage, RequestSchema } from './schemas.js';
import { type ProtocolVersion, parseProtocolVersion, protocolTraits } from './version.js';

/** A valid Request: versions and names resolved. */
export interface Request {
  readonly version: ProtocolVersion;
  readonly tee: Tee;
  /** Name as sent, where an old spelling must be answered or logged. */
  readonly teeAsSent: string;
  readonly extraParams: JsonValue;
  /** Algorithms that the client says it can use, unknown ones left out; undefined when it says nothing (or its version cannot). */
  readonly supportedHashAlgorithms: readonly HashAlgorithm[] | undefined;
}

export interface Challenge {
  readonly nonce: string;
  /** What the client must hash runtime data with. */
  readonly hashAlgorithm: HashAlgorithm;
  readonly extraParams: JsonValue;
}

const SUPPORTED = 'supported-hash-algorithms';
const SELECTED = 'selected-hash-algorithm';
const MAX_LISTED_ALGORITHMS = 32;

const requestShape = shape(RequestSchema, 'request.body.form', 'Request');
const challengeShape = shape(ChallengeSchema, 'response.body.form', 'Challenge');

/** Reads the body of `POST /kbs/v0/auth`. @throws ProtocolError `request.body.form`, `request.version.served`, `request.tee.known` */
export function parseRequest(body: JsonValue): Request {
  const message = requestShape(body);
  const version = parseProtocolVersion(message.version);
  const tee = parseTee(message.tee);
  const extraParams = message['extra-params'];
  const traits = protocolTraits(version);
  if (traits.extraParams === 'empty-text' && typeof extraParams !== 'string') {
    throw new ProtocolError(
      'request.body.form',
      `Request: member /extra-params must be a string in version ${version}; it is ${kindOf(extraParams)}`,
      { path: '/extra-params', expected: 'a string', actual: kindOf(extraParams) },
    );
  }
  const supportedHashAlgorithms = traits.hashNegotiation ? listedAlgorithms(extraParams) : undefined;
  return { version, tee, teeAsSent: message.tee, extraParams, supportedHashAlgorithms };
}

/** The body of a Request in the shape that clients of the version send. */
export function formatRequest(version: ProtocolVersion, tee: Tee): RequestMessage {
  const traits = protocolTraits(version);
  const extraParams = traits.hashNegotiation ? { [SUPPORTED]: ['sha256', 'sha384', 'sha512', 'sm3'] } : '';
  return { version, tee, 'extra-params': extraParams };
}

/**
 * The body of a Challenge.
 *
 * @param selected hash algorithm to demand; leave out for the default, SHA-384, which every version understands
 * @throws RangeError when an algorithm is selected in a version that cannot be told so: a mistake of the caller
 */
export function formatChallenge(version: ProtocolVersion, nonce: string, selected?: HashAlgorithm): ChallengeMessage {
  if (selected === undefined) return { nonce, 'extra-params': '' };
  if (!protocolTraits(version).hashNegotiation) throw new RangeError(`version ${version} has no hash selection`);
  return { nonce, 'extra-params': { [SELECTED]: selected } };
}

/** Reads the answer of `auth` as a client does. @throws ProtocolError `response.body.form` */
export function parseChallenge(body: JsonValue): Challenge {
  const message = challengeShape(body);
  const extraParams = message['extra-params'];
  const selected = isJsonObject(extraParams) ? extraParams[SELECTED] : undefined;
  if (selected === undefined) return { nonce: message.nonce, hashAlgorithm: DEFAULT_HASH_ALGORITHM, extraParams };
  const hashAlgorithm = typeof selected === 'string' ? findHashAlgorithm(selected) : undefined;
  if (hashAlgorithm === undefined) {
    throw new ProtocolError('response.body.form', `Challenge selects a hash algorithm that is unknown here`, {
      path: `/extra-params/${SELECTED}`,
      expected: 'sha256, sha384, sha512 or sm3',
    });
  }
  return { nonce: message.nonce, hashAlgorithm, extraParams };
}

function listedAlgorithms(extraParams: JsonValue): readonly HashAlgorithm[] | undefined {
  const listed = isJsonObject(extraParams) ? extraParams[SUPPORTED] : undefined;
  if (listed === undefined) return undefined;
  if (!isJsonArray(listed) || listed.length > MAX_LISTED_ALGORITHMS) {
    throw new ProtocolError('request.body.form', `Request: member /extra-params/${SUPPORTED} must be a short array`, {
      path: `/extra-params/${SUPPORTED}`,
      expected: `an array of at most ${MAX_LISTED_ALGORITHMS} names`,
      actual: kindOf(listed),
    });
  }
  return listed.flatMap((name) => (typeof name === 'string' ? (findHashAlgorithm(name) ?? []) : []));
}
