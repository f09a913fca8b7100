import { encodeBase64url, encodeUtf8 } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';

/** Longest name, in UTF-8 bytes, so that its encoded form fits a key of the storage. */
const LONGEST_NAME = 256;
/** Control and formatting characters, lone surrogates, line separators: two names must not look alike through them. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/**
 * Names are any text of 1 to 256 bytes that shows as it is: claim names, file names, `rvps:///…` identifiers.
 *
 * @throws AssayError `rv.name.form`
 */
export function checkName(name: string): void {
  const what = faultOf(name);
  if (what !== undefined) throw assayError('rv.name.form', { params: { actual: name.slice(0, 40), what } });
}

function faultOf(name: string): string | undefined {
  if (name === '') return 'empty';
  const at = name.search(UNPRINTABLE);
  if (at !== -1) return `unprintable character at ${at}`;
  if (name.trim() !== name) return 'space at an end';
  const { byteLength } = encodeUtf8(name);
  return byteLength > LONGEST_NAME ? `${byteLength} bytes, at most ${LONGEST_NAME}` : undefined;
}

/** Key of the storage: any name becomes one that every back end takes, and no two names the same. */
export function keyOf(name: string): string {
  return encodeBase64url(encodeUtf8(name));
}

const VERSION_DIGITS = 10;

/** Key of one version in the history. The dot is no character of a name's key, so no name's history is inside another's. */
export function historyKey(name: string, version: number): string {
  return `${historyPrefix(name)}${String(version).padStart(VERSION_DIGITS, '0')}`;
}

export function historyPrefix(name: string): string {
  return `${keyOf(name)}.`;
}
