import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { DecodeError, isJsonObject, type JsonObject, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { tomlToJson } from '@assay/protocol';
import { ConfigError } from './config-error.js';

const MAX_BYTES = 1024 * 1024;

/**
 * Reads a configuration file; its extension says what it is: `.toml`, `.json`, `.yaml`, `.yml`.
 *
 * @throws ConfigError; the system's error when it cannot be read
 */
export async function readConfigFile(path: string): Promise<JsonObject> {
  const extension = extname(path).toLowerCase();
  const parse = PARSERS[extension];
  if (parse === undefined)
    throw new ConfigError(`${path}: a configuration is .toml, .json or .yaml; ${extension || 'no extension'} is none`);
  const bytes = await readFile(path);
  if (bytes.length > MAX_BYTES) throw new ConfigError(`${path}: larger than ${MAX_BYTES} bytes`);
  try {
    const value = await parse(bytes.toString('utf8'));
    if (!isJsonObject(value)) throw new ConfigError(`${path}: not a table of settings`);
    return value;
  } catch (error) {
    if (error instanceof DecodeError) throw new ConfigError(`${path}: ${error.message}`, { cause: error });
    throw error;
  }
}

const PARSERS: Readonly<Record<string, (text: string) => JsonValue | Promise<JsonValue>>> = {
  '.toml': (text) => tomlToJson(text),
  '.json': (text) => parseJsonStrict(Buffer.from(text)),
  '.yaml': yaml,
  '.yml': yaml,
};

async function yaml(text: string): Promise<JsonValue> {
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text, { schema: 'core', uniqueKeys: true });
  const [error] = document.errors;
  // Its longer message quotes the file.
  if (error !== undefined) throw new DecodeError('YAML', error.code);
  return document.toJS({ maxAliasCount: 100 }) as JsonValue;
}
