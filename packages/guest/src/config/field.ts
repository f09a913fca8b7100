import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { ConfigError } from './config-error.js';

/** A table of a configuration; absent ones are empty. @throws ConfigError */
export function tableOf(parent: JsonObject, name: string): JsonObject {
  const value = member(parent, name);
  if (value === undefined) return {};
  if (!isJsonObject(value)) throw new ConfigError(`${name} must be a table`);
  return value;
}

/** @throws ConfigError */
export function textOf(parent: JsonObject, name: string, where = name): string | undefined {
  const value = member(parent, name);
  if (value !== undefined && typeof value !== 'string') throw new ConfigError(`${where} must be a text`);
  return value;
}

/** @throws ConfigError */
export function flagOf(parent: JsonObject, name: string, where = name): boolean | undefined {
  const value = member(parent, name);
  if (value !== undefined && typeof value !== 'boolean') throw new ConfigError(`${where} must be true or false`);
  return value;
}

/** A whole number within bounds. @throws ConfigError */
export function numberOf(parent: JsonObject, name: string, max: number, where = name): number | undefined {
  const value = member(parent, name);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max)
    throw new ConfigError(`${where} must be a whole number from 0 to ${max}`);
  return value;
}

/** Tables of an array of tables. @throws ConfigError */
export function tablesOf(parent: JsonObject, name: string): readonly JsonObject[] {
  const value = member(parent, name) ?? [];
  if (!isJsonArray(value) || !value.every(isJsonObject)) throw new ConfigError(`${name} must be a list of tables`);
  return value as readonly JsonObject[];
}

/** `null`, as JSON and YAML can have it, is absent. */
function member(parent: JsonObject, name: string): JsonValue | undefined {
  const value = Object.hasOwn(parent, name) ? parent[name] : undefined;
  return value === null ? undefined : value;
}
