/** What a conformance run reports, and reading case files. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { RegoErrors } from '../ast/errors.js';
import { EvaluationError } from '../eval/errors.js';
import { isArray, isObject, objectGet, parseJson, type Value } from '../value/index.js';

/** What the engine made of a case; computed, never copied from the expectation. */
export type CaseResult =
  | { readonly bindings: readonly unknown[] }
  | { readonly error: { readonly code: string; readonly message: string } };

export interface ConformanceCase {
  readonly area: 'rego';
  /** `suite/topic/file.json#index` */
  readonly id: string;
  readonly note: string;
  readonly pass: boolean;
  readonly skipped: boolean;
  readonly expected: unknown;
  readonly result: CaseResult;
}

export interface Verdict {
  readonly pass: boolean;
  readonly expected: unknown;
  readonly result: CaseResult;
}

/** One case of a corpus file, read without losing digits of numbers. */
export class CaseReader {
  readonly #fields: Value;

  constructor(fields: Value) {
    this.#fields = fields;
  }

  get(name: string): Value | undefined {
    return isObject(this.#fields) ? objectGet(this.#fields, name) : undefined;
  }

  text(name: string): string | undefined {
    const value = this.get(name);
    return typeof value === 'string' ? value : undefined;
  }

  flag(name: string): boolean | undefined {
    const value = this.get(name);
    return typeof value === 'boolean' ? value : undefined;
  }

  texts(name: string): string[] {
    const value = this.get(name);
    return value !== undefined && isArray(value) ? value.filter((v): v is string => typeof v === 'string') : [];
  }

  reader(name: string): CaseReader | undefined {
    const value = this.get(name);
    return value === undefined || value === null ? undefined : new CaseReader(value);
  }

  number(name: string): number | undefined {
    const value = this.get(name);
    return typeof value === 'number' ? value : undefined;
  }
}

/** All `.json` files below a folder, in order, with paths relative to `root`. */
export function caseFiles(root: string, folder: string): string[] {
  const found: string[] = [];
  for (const name of readdirSync(join(root, folder)).sort()) {
    const path = `${folder}/${name}`;
    if (statSync(join(root, path)).isDirectory()) found.push(...caseFiles(root, path));
    else if (name.endsWith('.json')) found.push(path);
  }
  return found;
}

export function readCases(root: string, file: string): CaseReader[] {
  const cases = new CaseReader(parseJson(readFileSync(join(root, file), 'utf8'))).get('cases');
  return cases !== undefined && isArray(cases) ? cases.map((fields) => new CaseReader(fields)) : [];
}

/** Code and text of what an evaluation threw; anything but the engine's own errors is a bug and goes on. */
export function errorResult(error: unknown): { readonly error: { readonly code: string; readonly message: string } } {
  if (error instanceof EvaluationError) return { error: { code: error.code, message: error.message } };
  if (error instanceof RegoErrors) return { error: { code: error.errors[0]?.code ?? '', message: error.message } };
  throw error;
}
