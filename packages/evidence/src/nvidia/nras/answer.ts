/**
 * Answer of NVIDIA's Remote Attestation Service: `[["JWT", overall], {device: token}]`, about one device.
 *
 * Both tokens are signed by the service; that they belong together follows from nonce, issuer and the name of the device.
 */
import {
  DecodeError,
  decodeUtf8,
  encodeHex,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { ended, notYetValid } from '@assay/bytes/findings';
import { type KeySet, verifyJws } from './jws.js';

const FORMAT = 'NRAS answer';
const LARGEST = 512 * 1024;
/** Tokens are made after `now` was read, by a clock that is not ours. */
const CLOCK_DIFFERENCE = 5 * 60_000;

export interface NrasInput {
  readonly answer: Uint8Array;
  readonly keys: KeySet;
  /** `iss` of both tokens. */
  readonly issuer: string;
  readonly now: Date;
  readonly clock: string;
}

/** Claims of the device's token, with the service's overall result. Authentic; what they say is another question. */
export interface NrasClaims {
  readonly device: JsonObject;
  readonly overall: JsonValue;
  /** `eat_nonce` of both tokens, lower-case hex. */
  readonly nonce: string;
}

/** Reads and verifies an answer. @throws DecodeError */
export function verifyNrasAnswer(input: NrasInput): NrasClaims {
  const { detached, name, overall } = readAnswer(input.answer);
  const about = verifyJws(overall, input.keys);
  const device = verifyJws(detached, input.keys);
  for (const claims of [about, device]) checkTimes(claims, input);
  const { submods } = about;
  if (!isJsonObject(submods) || Object.keys(submods).join() !== name) {
    throw new DecodeError(FORMAT, 'overall token is not about the device of the other one');
  }
  const nonce = nonceOf(device);
  if (nonceOf(about) !== nonce) throw new DecodeError(FORMAT, 'tokens have different nonces');
  return { device, overall: about['x-nvidia-overall-att-result'] ?? null, nonce };
}

function readAnswer(bytes: Uint8Array): { readonly overall: string; readonly detached: string; readonly name: string } {
  if (bytes.length > LARGEST) throw new DecodeError(FORMAT, `${bytes.length} bytes are too many`);
  const whole = parseJsonStrict(decodeUtf8(bytes));
  const [overall, detached] = isJsonArray(whole) && whole.length === 2 ? whole : [];
  if (overall === undefined || !isJsonArray(overall) || overall.length !== 2 || overall[0] !== 'JWT') {
    throw new DecodeError(FORMAT, 'overall token is missing');
  }
  const devices = isJsonObject(detached) ? Object.entries(detached) : [];
  const [[name, token] = ['', null]] = devices;
  if (devices.length !== 1 || typeof token !== 'string' || typeof overall[1] !== 'string') {
    throw new DecodeError(FORMAT, `tokens of ${devices.length} devices; one is wanted`);
  }
  return { overall: overall[1], detached: token, name };
}

function checkTimes(claims: JsonObject, { clock, issuer, now }: NrasInput): void {
  const { exp, iat, iss, nbf } = claims;
  if (iss !== issuer) throw new DecodeError(FORMAT, `issuer is not ${issuer}`);
  if (typeof exp !== 'number' || typeof iat !== 'number') throw new DecodeError(FORMAT, 'token does not say its times');
  const end = new Date(exp * 1000);
  if (!(end >= now)) throw new DecodeError(FORMAT, `token ${ended(end, now, clock)}`);
  for (const start of [iat, nbf ?? iat]) {
    const from = new Date(Number(start) * 1000);
    if (!(from.getTime() <= now.getTime() + CLOCK_DIFFERENCE)) {
      throw new DecodeError(FORMAT, `token ${notYetValid(from, now, clock)}`);
    }
  }
}

function nonceOf({ eat_nonce: nonce }: JsonObject): string {
  if (typeof nonce !== 'string' || !/^(?:[0-9a-fA-F]{2}){8,64}$/.test(nonce)) throw new DecodeError(FORMAT, 'no nonce');
  return nonce.toLowerCase();
}

/** Body of the question about one device. */
export function nrasQuestion(
  device: { readonly arch: string; readonly report: Uint8Array; readonly chain: Uint8Array },
  nonce: Uint8Array,
): JsonObject {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  return {
    nonce: encodeHex(nonce),
    arch: device.arch,
    evidence_list: [{ evidence: base64(device.report), certificate: base64(device.chain) }],
    claims_version: '3.0',
  };
}
