export { ByteReader } from './byte-reader.js';
export { concatBytes, constantTimeEqual } from './bytes.js';
export { decodeBase64, decodeBase64url, encodeBase64, encodeBase64url } from './codec/base64.js';
export { decodeHex, encodeHex, type HexOptions } from './codec/hex.js';
export { decodeUtf8, encodeUtf8 } from './codec/utf8.js';
export { DecodeError } from './decode-error.js';
export { decodeOid, encodeOid } from './der/oid.js';
export { type DerBitString, type DerElement, DerReader, decodeText } from './der/reader.js';
export { contextTag, DER_TAG } from './der/tag.js';
export {
  derBitString,
  derBoolean,
  derElement,
  derExplicit,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derPrintableString,
  derSequence,
  derSetOf,
  derTime,
  derUnsignedInteger,
  derUtf8String,
} from './der/writer.js';
export { canonicalJson } from './json/canonical.js';
export { JSON_DEFAULT_MAX_BYTES, JSON_DEFAULT_MAX_DEPTH, type JsonLimits, parseJsonStrict } from './json/parse.js';
export {
  isJsonArray,
  isJsonObject,
  type JsonArray,
  type JsonObject,
  type JsonPrimitive,
  type JsonValue,
} from './json/value.js';
export { decodePem, encodePem, type PemBlock } from './pem.js';
export { readBounded } from './read-bounded.js';
