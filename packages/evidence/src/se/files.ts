/** Secure Execution from files, as `assay verify se` does it: a host-key document with its chain, or the items of a measurement. */
import {
  constantTimeEqual,
  DecodeError,
  decodeHex,
  decodeUtf8,
  encodeHex,
  isJsonObject,
  type JsonObject,
  parseJsonStrict,
} from '@assay/bytes';
import {
  assembleVerdict,
  type FindingData,
  type FindingDraft,
  failed,
  notChecked,
  passed,
  utc,
  type Verdict,
} from '@assay/bytes/findings';
import type { TrustAnchor } from '../x509/index.js';
import { readAuthorities } from './host-key/authorities.js';
import { collateralUses, examineHostKey, judgeDates } from './host-key/document.js';
import { IMAGE_TAGS_SIZE } from './image-header.js';
import { CONFIG_UID_SIZE, LARGEST_USER_DATA, MEASUREMENT_SIZE, measure } from './measurement.js';
import { MEASUREMENT_KEY_SIZE, NONCE_SIZE } from './request/request.js';
import { rootAnchors } from './verifier.js';

export interface SeFileOptions {
  /** Time of verification. */
  readonly at: Date;
  /** The time was chosen by the caller; default true. */
  readonly asOf?: boolean;
  /** Root certificates that are trusted; without them none is, as no root of IBM's CA is built in. */
  readonly roots?: readonly Uint8Array[];
  readonly emulatedRoots?: readonly TrustAnchor[];
}

/** A verdict, with the computed `measurement` (hex) beside it where items were given, `host_key_hash` where a document was. */
export type SeFileResult = Verdict & { readonly [member: string]: FindingData | undefined };

/**
 * @param files `input` (JSON of hex members: measurement_key, pld, ald, tld, image_tag, config_uid, user_data, nonce, additional_data,
 *   and `measurement`, which is compared where it stands there), or `host_key_document` with `ibm_signing_key`, `intermediate_ca`,
 *   `root_ca`, `ibm_crl`, `inter_crl`, `root_crl`
 * @throws RangeError when neither is there
 */
export function verifySeFiles(files: { readonly [role: string]: Uint8Array }, options: SeFileOptions): SeFileResult {
  const { input, host_key_document: document } = files;
  if (input !== undefined) return verifyItems(input, options);
  if (document === undefined) throw new RangeError('file input or host_key_document is missing');
  const named = (...roles: readonly string[]): Uint8Array[] => roles.flatMap((role) => files[role] ?? []);
  const roots = options.roots ?? [];
  const authorities = readAuthorities({
    certificates: named('ibm_signing_key', 'intermediate_ca'),
    crls: named('ibm_crl', 'inter_crl', 'root_crl'),
    roots: named('root_ca'),
    anchors: [
      ...rootAnchors(roots),
      ...(options.emulatedRoots ?? []).map((anchor) => ({ ...anchor, emulated: true as const })),
    ],
  });
  const asOf = options.asOf ?? true;
  const clock = asOf ? `--at ${utc(options.at)}` : "this server's clock";
  const examination = examineHostKey(document, 'given', authorities);
  const dates = judgeDates(examination, options.at, clock);
  const verdict = assembleVerdict({
    kind: 'se',
    at: options.at,
    asOf,
    asked: false,
    findings: [...examination.findings, ...dates.findings],
    collateral: collateralUses(examination),
  });
  const { trusted } = dates;
  return {
    ...verdict,
    ...(trusted === undefined ? {} : { host_key_hash: encodeHex(trusted.key.hash) }),
  } as SeFileResult;
}

function verifyItems(input: Uint8Array, options: SeFileOptions): SeFileResult {
  const { findings, measurement } = measureItems(input);
  const verdict = assembleVerdict({
    kind: 'se',
    at: options.at,
    asOf: options.asOf ?? true,
    asked: false,
    findings,
  });
  return { ...verdict, ...(measurement === undefined ? {} : { measurement }) } as SeFileResult;
}

function measureItems(input: Uint8Array): {
  readonly findings: readonly FindingDraft[];
  readonly measurement?: string;
} {
  const subject = 'input';
  try {
    const json = parseJsonStrict(decodeUtf8(input));
    if (!isJsonObject(json)) throw new DecodeError('input', 'an object is due');
    const part = (name: string, sizes: readonly number[]): Uint8Array => hexMember(json, name, sizes);
    const key = part('measurement_key', [MEASUREMENT_KEY_SIZE]);
    const computed = measure(key, {
      imageTags: Uint8Array.from(
        Buffer.concat([
          part('pld', [64]),
          part('ald', [64]),
          part('tld', [64]),
          part('image_tag', [IMAGE_TAGS_SIZE - 192]),
        ]),
      ),
      configUid: part('config_uid', [CONFIG_UID_SIZE]),
      userData: part('user_data', []),
      nonce: part('nonce', [0, NONCE_SIZE]),
      additionalData: part('additional_data', []),
    });
    const claimed = Object.hasOwn(json, 'measurement') ? part('measurement', [MEASUREMENT_SIZE]) : undefined;
    return {
      findings: [passed('se.evidence.form', subject), compared(claimed, computed, json)],
      measurement: encodeHex(computed),
    };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const finding = failed('evidence.json.form', {
      subject,
      params: { member: 'input', actual: error.message, expected: 'hex of the measured items' },
      expected: 'hex of the measured items',
      actual: error.message,
      compare: { relation: 'well-formed', type: 'json' },
      source: 'items of a measurement of Secure Execution',
    });
    return { findings: [finding] };
  }
}

function compared(claimed: Uint8Array | undefined, computed: Uint8Array, json: JsonObject): FindingDraft {
  const subject = 'measurement';
  if (claimed === undefined) {
    return notChecked('se.measurement.valid', 'not compared: the input holds no measurement', { subject });
  }
  if (constantTimeEqual(claimed, computed)) return passed('se.measurement.valid', subject);
  return failed('se.measurement.valid', {
    subject,
    params: { actual: encodeHex(claimed), tag: String(json['image_tag']) },
    expected: encodeHex(computed),
    actual: encodeHex(claimed),
    compare: { relation: 'equal', type: 'digest' },
    source: 'HMAC-SHA-512 of the items under the key in the input',
    origin: { kind: 'spec', document: 'IBM Secure Execution, attestation measurement' },
  });
}

/** @param sizes right sizes in bytes; none: at most those of user data and additional data. Absent and null are empty. */
function hexMember(json: JsonObject, name: string, sizes: readonly number[]): Uint8Array {
  const value = Object.hasOwn(json, name) ? json[name] : undefined;
  if (typeof value !== 'string' && value !== undefined && value !== null) {
    throw new DecodeError('input', `${name} is no text of hex`);
  }
  const bytes = decodeHex(value ?? '', { case: 'any' });
  const right = sizes.length === 0 ? bytes.length <= LARGEST_USER_DATA * 128 : sizes.includes(bytes.length);
  if (!right || (name === 'user_data' && bytes.length > LARGEST_USER_DATA)) {
    throw new DecodeError('input', `${name} has ${bytes.length} bytes`);
  }
  return bytes;
}
