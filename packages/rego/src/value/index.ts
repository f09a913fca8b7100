export { type JsonResult, lookup, toJson, toJsonText } from './json.js';
export { JsonSyntaxError, parseJson } from './json-parse.js';
export { MAX_TEXT_LENGTH, ResourceLimitError } from './limits.js';
export {
  compareNumbers,
  formatNumber,
  isIntegerText,
  isIntegral,
  normalizeInteger,
  numberFromText,
  RegoDecimal,
  type RegoNumber,
  toBigInt,
  toDouble,
  toSafeInteger,
} from './number.js';
export {
  type AnyObject,
  ObjectBuilder,
  objectFrom,
  objectGet,
  objectHas,
  objectKeys,
  objectSize,
} from './object.js';
export { display, print, TextSink } from './print.js';
export { EMPTY_SET, isSubset, SetBuilder, setDifference, setIntersection, setUnion } from './set.js';
export { codePointLength, codePoints, compareStrings, isFlat, wellFormed } from './strings.js';
export { utf8Decode, utf8Encode } from './utf8.js';
export {
  canonicalKey,
  compare,
  equals,
  isArray,
  isNumber,
  isObject,
  type JsonObject,
  objectEntries,
  RegoObject,
  RegoSet,
  resetValueCaches,
  sortedKeys,
  typeName,
  type Value,
} from './value.js';
