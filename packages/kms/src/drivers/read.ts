import { readFile, stat } from 'node:fs/promises';
import { DecodeError, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import { KmsError, type KmsReference } from './driver.js';

/** Largest file of credentials, in bytes. */
const LARGEST_FILE = 64 * 1024;

/**
 * A text of `provider_settings` that becomes part of a file's or host's name.
 *
 * @param pattern what it may be; it is what keeps a secret's author from naming other files and hosts
 * @throws KmsError `settings`
 */
export function textSetting({ settings }: KmsReference, provider: string, name: string, pattern: RegExp): string {
  const value = Object.hasOwn(settings, name) ? settings[name] : undefined;
  if (typeof value !== 'string' || !pattern.test(value))
    throw new KmsError('settings', `${provider}: provider_settings.${name} is not there, or not of the form of one`);
  return value;
}

/** A text of `annotations`. @throws KmsError `settings` */
export function textAnnotation({ annotations }: KmsReference, provider: string, name: string): string {
  const value = Object.hasOwn(annotations, name) ? annotations[name] : undefined;
  if (typeof value !== 'string') throw new KmsError('settings', `${provider}: annotations.${name} must be a text`);
  return value;
}

/** A file of credentials. Errors name it and say nothing of what it holds. @throws KmsError `settings` */
export async function credentialFile(path: string, provider: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size <= LARGEST_FILE) return await readFile(path);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new KmsError('settings', `${provider}: ${path} cannot be read (${code}); deliver it with [[credentials]]`, {
      cause: error,
    });
  }
  throw new KmsError('settings', `${provider}: ${path} has more than ${LARGEST_FILE} bytes`);
}

/** A file of credentials that is a JSON object of texts. @throws KmsError `settings` */
export async function credentialTexts<Name extends string>(
  path: string,
  provider: string,
  names: readonly Name[],
): Promise<Readonly<Record<Name, string>>> {
  const value = jsonObjectIn(await credentialFile(path, provider));
  if (value === undefined) throw new KmsError('settings', `${provider}: ${path} is not a JSON object`);
  const texts = textsOf(value, names);
  if (texts === undefined)
    throw new KmsError('settings', `${provider}: ${path} must have ${names.join(' and ')}, as texts`);
  return texts;
}

/** An answer that is a JSON object. @throws KmsError `answer` */
export function jsonAnswer(body: Uint8Array, who: string): JsonObject {
  const value = jsonObjectIn(body);
  if (value === undefined) throw new KmsError('answer', `${who}: the answer is not a JSON object`);
  return value;
}

/** Members that are all there and texts. */
export function textsOf<Name extends string>(
  value: JsonObject,
  names: readonly Name[],
): Readonly<Record<Name, string>> | undefined {
  const texts: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const text = Object.hasOwn(value, name) ? value[name] : undefined;
    if (typeof text !== 'string' || text === '') return undefined;
    texts[name] = text;
  }
  return texts as Record<Name, string>;
}

/** The name of an error as a service gave it; what is no plain name is not repeated. */
export function errorName(value: unknown): string {
  return typeof value === 'string' && /^[\w.#:/-]{1,128}$/.test(value) ? value : 'no reason given';
}

/** A JSON object, or undefined where it is none. The parser's error is left out: it could quote a secret. */
export function jsonObjectIn(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value = parseJsonStrict(bytes);
    return isJsonObject(value) ? value : undefined;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return undefined;
  }
}
