import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import {
  compile,
  type JsonObject,
  type Policy,
  parseJson,
  RegoErrors,
  type Source,
  type Value,
} from '@assay/rego/node';
import { parse as parseYaml } from 'yaml';
import type { RegoFlags } from '../commands/rego.js';
import { CliError, EXIT } from '../exit.js';
import { readInput } from '../files.js';

/** Modules and base document of the given paths, as `opa` loads them: data files are merged at the root. */
export interface Bundle {
  readonly modules: readonly Source[];
  readonly data: JsonObject;
}

const documents = new Set(['.json', '.yaml', '.yml']);

/** Reads Rego files and data documents; folders are read whole, in order of names. */
export function loadBundle(paths: readonly string[]): Bundle {
  const modules: Source[] = [];
  let data: JsonObject = {};
  for (const path of paths) {
    for (const file of filesBelow(path)) {
      const text = readFileSync(file, 'utf8');
      if (extname(file) === '.rego') modules.push({ file, text });
      else data = merged(data, document(file, text), file);
    }
  }
  return { modules, data };
}

/** Only the Rego files of the given paths. */
export function loadModules(paths: readonly string[]): readonly Source[] {
  return loadBundle(paths.flatMap((path) => filesBelow(path).filter((file) => extname(file) === '.rego'))).modules;
}

/** @throws CliError exit 3 with every finding of the compiler */
export function compileBundle(modules: readonly Source[], flags: RegoFlags): Policy {
  try {
    return compile(modules, {
      regoVersion: flags.v0Compatible === true ? 'v0' : 'v1',
      strict: flags.strict === true,
      mode: flags.mode,
    });
  } catch (error) {
    throw asCliError(error);
  }
}

/** Errors of the engine as errors of the command. */
export function asCliError(error: unknown): unknown {
  if (!(error instanceof RegoErrors)) return error;
  return new CliError(error.message, EXIT.malformed, { data: { errors: error.errors }, cause: error });
}

/** An input document, JSON or YAML by its name; `-` is JSON on standard input. */
export function loadInput(path: string | undefined): Value | undefined {
  return path === undefined ? undefined : document(path, readInput(path).toString('utf8'));
}

function document(path: string, text: string): Value {
  try {
    // Through JSON text, so that YAML's numbers, dates and keys become what policies can compare.
    return parseJson(
      extname(path) === '.yaml' || extname(path) === '.yml'
        ? JSON.stringify(parseYaml(text, { maxAliasCount: 100 }))
        : text,
    );
  } catch (error) {
    throw new CliError(
      `${path}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`,
      EXIT.malformed,
      { cause: error },
    );
  }
}

function filesBelow(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .filter((name) => !name.startsWith('.') && name !== 'node_modules')
    .map((name) => join(path, name))
    .flatMap((child) =>
      statSync(child).isDirectory()
        ? filesBelow(child)
        : documents.has(extname(child)) || extname(child) === '.rego'
          ? [child]
          : [],
    );
}

function merged(into: JsonObject, value: Value, file: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CliError(`${file}: a data document must be an object`, EXIT.malformed);
  }
  const out: Record<string, Value> = { ...into };
  for (const [key, member] of Object.entries(value as JsonObject)) {
    const present = Object.hasOwn(out, key) ? out[key] : undefined;
    const both = isPlain(present) && isPlain(member);
    if (present !== undefined && !both)
      throw new CliError(`${file}: \`${key}\` is in another data document too`, EXIT.malformed);
    out[key] = both ? merged(present as JsonObject, member, file) : member;
  }
  return out as JsonObject;
}

function isPlain(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
