/** Formats of JSON Schema drafts 4 to 7. Unknown ones are not checked, as the standard allows. */
import { parseAddress } from '../../net/address.js';
import { compileRegex } from '../../text/regex/cache.js';
import { RegexSyntaxError } from '../../text/regex/errors.js';

type Check = (text: string) => boolean;

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const TIME = /^([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i;

function isDate(text: string): boolean {
  const match = DATE.exec(text);
  if (match === null) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (month < 1 || month > 12 || day < 1) return false;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= ([31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] as number);
}

function isDateTime(text: string): boolean {
  return /^[Tt ]$/.test(text[10] ?? '') && isDate(text.slice(0, 10)) && TIME.test(text.slice(11));
}

function isHostname(text: string): boolean {
  return (
    text.length <= 253 &&
    text.split('.').every((label) => /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label))
  );
}

function isEmail(text: string): boolean {
  const at = text.lastIndexOf('@');
  return at > 0 && at < text.length - 1 && at <= 64 && !/[\s<>()]/.test(text) && !/^\.|\.\.|\.@/.test(text);
}

function isUri(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:/.test(text) && isUriReference(text);
}

function isUriReference(text: string): boolean {
  return !/[\s\\<>"^`{|}]/.test(text) && !/%(?![0-9A-Fa-f]{2})/.test(text);
}

function isRegex(text: string): boolean {
  try {
    compileRegex(text);
    return true;
  } catch (error) {
    if (error instanceof RegexSyntaxError) return false;
    throw error;
  }
}

const FORMATS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['date', isDate],
  ['time', (text) => TIME.test(text)],
  ['date-time', isDateTime],
  ['hostname', isHostname],
  ['email', isEmail],
  ['idn-email', isEmail],
  ['ipv4', (text) => !text.includes(':') && parseAddress(text) !== undefined],
  ['ipv6', (text) => text.includes(':') && parseAddress(text) !== undefined],
  ['uri', isUri],
  ['iri', isUri],
  ['uri-reference', isUriReference],
  ['iri-reference', isUriReference],
  ['uri-template', (text) => /^(?:[^{}]|\{[^{}]+\})*$/.test(text)],
  ['uuid', (text) => /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text)],
  ['regex', isRegex],
  ['json-pointer', (text) => /^(?:\/(?:[^~/]|~[01])*)*$/.test(text)],
  ['relative-json-pointer', (text) => /^(?:0|[1-9]\d*)(?:#|(?:\/(?:[^~/]|~[01])*)*)$/.test(text)],
]);

export function matchesFormat(format: string, text: string): boolean {
  return FORMATS.get(format)?.(text) ?? true;
}
