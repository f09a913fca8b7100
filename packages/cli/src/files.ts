import { readFileSync } from 'node:fs';
import { DecodeError, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { CliError, EXIT } from './exit.js';

/** Bytes of a file; `-` is standard input. */
export function readInput(path: string): Buffer {
  return readFileSync(path === '-' ? 0 : path);
}

/** A JSON file. @throws CliError exit 3 when it is not JSON */
export function readJsonFile(path: string): JsonValue {
  try {
    return parseJsonStrict(readInput(path));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new CliError(`${path}: ${error.message}`, EXIT.malformed, { cause: error });
  }
}
