import {
  DecodeError,
  decodeBase64,
  encodeUtf8,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';

/** Largest message of the key provider protocol, in bytes. */
const MAX_BYTES = 2 * 1024 * 1024;

/**
 * The annotation in a request to unwrap a key (ocicrypt key provider protocol). The parameters of the decryption configuration
 * must have their form, and are otherwise not looked at: the guest's own configuration says where keys come from.
 *
 * @throws DecodeError
 */
export function parseUnwrapRequest(bytes: Uint8Array): Uint8Array {
  const json = parseJsonStrict(bytes, { maxBytes: MAX_BYTES });
  if (!isJsonObject(json)) throw malformed('not a JSON object');
  if (json['op'] !== 'keyunwrap') throw malformed('op must be keyunwrap');
  const wrap = objectIn(json, 'keywrapparams');
  const unwrap = objectIn(json, 'keyunwrapparams');
  if (isPresent(wrap['ec'])) checkEncryptConfig(wrap['ec']);
  if (isPresent(unwrap['dc'])) checkParameters(unwrap['dc'], 'dc');
  const annotation = unwrap['annotation'];
  if (typeof annotation !== 'string') throw malformed('annotation must be base64');
  return decodeBase64(annotation);
}

/** The answer to it. The private options stand as an array of numbers, which every client reads. */
export function formatUnwrapResponse(optsData: Uint8Array): Uint8Array {
  return encodeUtf8(JSON.stringify({ keyunwrapresults: { optsdata: [...optsData] } }));
}

function objectIn(parent: JsonObject, name: string): JsonObject {
  const value = parent[name];
  if (!isJsonObject(value)) throw malformed(`${name} must be an object`);
  return value;
}

function checkEncryptConfig(value: JsonValue | undefined): void {
  checkParameters(value, 'ec');
  const inner = isJsonObject(value) ? value['DecryptConfig'] : undefined;
  checkParameters(inner, 'ec.DecryptConfig');
}

function checkParameters(value: JsonValue | undefined, where: string): void {
  const parameters = isJsonObject(value) ? value['Parameters'] : undefined;
  const isMap =
    isJsonObject(parameters) &&
    Object.values(parameters).every((list) => isJsonArray(list) && list.every((item) => typeof item === 'string'));
  if (!isMap) throw malformed(`${where}.Parameters must be a map of lists of texts`);
}

function isPresent(value: JsonValue | undefined): boolean {
  return value !== undefined && value !== null;
}

function malformed(what: string): DecodeError {
  return new DecodeError('key provider request', what);
}
