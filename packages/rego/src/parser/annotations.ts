/**
 * METADATA comments (OPA's "Annotations"): YAML in a comment block, attached to the package or rule that follows.
 *
 * They are comments first: a module with a malformed block is still a valid module, as it is for regorus and for OPA unless
 * it is asked to process annotations.
 */
import { parse as parseYaml } from 'yaml';
import type { RegoDiagnostic } from '../ast/errors.js';
import type {
  Annotation,
  AnnotationScope,
  Comment,
  Import,
  JsonValue,
  Location,
  Module,
  Package,
  Rule,
} from '../ast/types.js';

/** Finds and reads the annotations of a module. It is handed to the parser, so that YAML weighs on nobody who does not want it. */
export type AnnotationReader = (
  comments: readonly Comment[],
  found: Package,
  imports: readonly Import[],
  rules: readonly Rule[],
) => readonly Annotation[];

export const readAnnotations: AnnotationReader = (comments, found, imports, rules) =>
  attachAnnotations(comments, found, imports, rules).annotations;

/** What is wrong with the METADATA blocks of a module: findings for a linter, no obstacle to evaluation. */
export function annotationErrors(module: Module): readonly RegoDiagnostic[] {
  return attachAnnotations(module.comments, module.package, module.imports, module.rules).errors;
}

interface AnnotationResult {
  readonly annotations: readonly Annotation[];
  readonly errors: readonly RegoDiagnostic[];
}

/** Longest block taken, in characters; YAML is not worth more trust than that. */
const MAX_BLOCK = 64 * 1024;

class AnnotationError extends Error {}

interface Block {
  readonly loc: Location;
  readonly lines: string[];
  lastRow: number;
}

type Fields = Record<string, JsonValue>;

/** Finds, reads and attaches the annotations of a module. */
function attachAnnotations(
  comments: readonly Comment[],
  found: Package,
  imports: readonly Import[],
  rules: readonly Rule[],
): AnnotationResult {
  const statements = [found, ...imports, ...rules].sort((a, b) => a.loc.offset - b.loc.offset);
  const annotations: Annotation[] = [];
  const errors: RegoDiagnostic[] = [];
  for (const block of blocksOf(comments)) {
    try {
      const fields = fieldsOf(block);
      const target = statements.find((statement) => statement.loc.row > block.loc.row);
      annotations.push(attach(fields, target, block.loc));
    } catch (error) {
      if (!(error instanceof AnnotationError)) throw error;
      errors.push({ code: 'rego_parse_error', message: error.message, loc: block.loc });
    }
  }
  return { annotations, errors };
}

/** A line `# METADATA` and the comment lines right below it that start in the first column. */
function blocksOf(comments: readonly Comment[]): readonly Block[] {
  const blocks: Block[] = [];
  let current: Block | undefined;
  for (const comment of comments) {
    if (current && comment.loc.row === current.lastRow + 1 && comment.loc.col === 1) {
      current.lines.push(comment.text.startsWith(' ') ? comment.text.slice(1) : comment.text);
      current.lastRow = comment.loc.row;
      continue;
    }
    current = undefined;
    if (comment.text.trim().startsWith('METADATA')) {
      current = { loc: comment.loc, lines: [], lastRow: comment.loc.row };
      blocks.push(current);
    }
  }
  return blocks;
}

function fieldsOf(block: Block): Fields {
  const text = block.lines.join('\n');
  if (text.trim() === '') throw new AnnotationError('expected METADATA block, found whitespace');
  if (text.length > MAX_BLOCK) throw new AnnotationError('METADATA block is too long');
  let raw: unknown;
  try {
    raw = parseYaml(text, { schema: 'core', uniqueKeys: true, maxAliasCount: 20, logLevel: 'error' });
  } catch (error) {
    const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : '';
    throw new AnnotationError(`METADATA block is not valid YAML: ${message}`);
  }
  if (!isRecord(raw)) throw new AnnotationError('METADATA block must be a YAML mapping');
  return normalise(raw);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The known fields, in OPA's JSON shape, those with empty values left out; unknown fields are dropped. */
function normalise(raw: Record<string, unknown>): Fields {
  const fields: Fields = {};
  for (const name of ['scope', 'title', 'description'] as const) {
    const value = raw[name];
    if (value === undefined || value === null) continue;
    if (typeof value === 'object') throw new AnnotationError(`${name} must be a string`);
    if (String(value) !== '') fields[name] = String(value);
  }
  if (raw['entrypoint'] !== undefined && typeof raw['entrypoint'] !== 'boolean') {
    throw new AnnotationError('entrypoint must be a boolean');
  }
  if (raw['entrypoint'] === true) fields['entrypoint'] = true;
  const organizations = list(raw, 'organizations').map((item) => {
    if (typeof item !== 'string') throw new AnnotationError('organizations must be strings');
    return item;
  });
  if (organizations.length > 0) fields['organizations'] = organizations;
  const authors = list(raw, 'authors').map(author);
  if (authors.length > 0) fields['authors'] = authors;
  const related = list(raw, 'related_resources').map(relatedResource);
  if (related.length > 0) fields['related_resources'] = related;
  const schemas = list(raw, 'schemas').map(schema);
  if (schemas.length > 0) fields['schemas'] = schemas;
  const custom = raw['custom'];
  if (custom !== undefined && custom !== null) {
    if (!isRecord(custom)) throw new AnnotationError('custom must be a mapping');
    if (Object.keys(custom).length > 0) fields['custom'] = json(custom);
  }
  return fields;
}

function list(raw: Record<string, unknown>, name: string): readonly unknown[] {
  const value = raw[name];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new AnnotationError(`${name} must be a list`);
  return value;
}

function json(value: unknown): JsonValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new AnnotationError('numbers of annotations must be finite');
    return value;
  }
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(json);
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, json(item)]));
  return value === undefined ? null : String(value);
}

const trimmed = (record: Record<string, unknown>, key: string): string => {
  const value = record[key];
  return typeof value === 'string' ? value.trim() : '';
};

/** `Jane Doe <jane@example.com>`, or a mapping with `name` and `email`. */
function author(value: unknown): JsonValue {
  if (isRecord(value)) {
    const name = trimmed(value, 'name');
    const email = trimmed(value, 'email');
    if (name === '' && email === '') {
      throw new AnnotationError("invalid author definition: 'name' and/or 'email' values required in object");
    }
    return { ...(name === '' ? {} : { name }), ...(email === '' ? {} : { email }) };
  }
  if (typeof value !== 'string') throw new AnnotationError('invalid author definition: must be string or map');
  const words = value.split(/\s+/).filter((word) => word !== '');
  const last = words.at(-1);
  if (last === undefined) throw new AnnotationError('invalid author definition: author is an empty string');
  const email = /^<(.*)>$/.exec(last)?.[1];
  const name = (email === undefined ? words : words.slice(0, -1)).join(' ');
  return { ...(name === '' ? {} : { name }), ...(email === undefined || email === '' ? {} : { email }) };
}

/** A URL, or a mapping with `ref` and `description`. */
function relatedResource(value: unknown): JsonValue {
  if (typeof value === 'string' && value !== '') return { ref: value };
  if (!isRecord(value)) throw new AnnotationError('invalid related-resource definition: must be a URL or a map');
  const ref = trimmed(value, 'ref');
  if (ref === '') throw new AnnotationError("invalid related-resource definition: 'ref' value required in object");
  const description = trimmed(value, 'description');
  return { ref, ...(description === '' ? {} : { description }) };
}

/** `- input.x: schema.y` or `- input.x: {type: string}` */
function schema(value: unknown): JsonValue {
  const [pair, ...others] = isRecord(value) ? Object.entries(value) : [];
  if (pair === undefined || others.length > 0) throw new AnnotationError('invalid schema declaration');
  const [path, definition] = pair;
  if (typeof definition === 'string') {
    if (!/^schema(\.|\[|$)/.test(definition)) throw new AnnotationError('invalid schema reference');
    return { path: segments(path), schema: segments(definition) };
  }
  if (!isRecord(definition)) throw new AnnotationError(`invalid schema declaration for path "${path}"`);
  return { path: segments(path), definition: json(definition) };
}

/** `a.b["c"]` to `["a", "b", "c"]` */
function segments(path: string): JsonValue {
  const parts = path.match(/[A-Za-z_][A-Za-z0-9_]*|\["(?:[^"\\]|\\.)*"\]/g) ?? [];
  if (parts.length === 0) throw new AnnotationError('invalid document reference');
  return parts.map((part) => (part.startsWith('[') ? part.slice(2, -2) : part));
}

function attach(fields: Fields, target: Package | Import | Rule | undefined, loc: Location): Annotation {
  const scope = fields['scope'] ?? defaultScope(fields, target);
  const onRule = scope === 'rule' || scope === 'document';
  if (!onRule && scope !== 'package' && scope !== 'subpackages') {
    throw new AnnotationError(
      `invalid annotation scope '${String(scope)}'. Use one of 'rule', 'document', 'package', or 'subpackages'`,
    );
  }
  const wanted = onRule ? 'rule' : 'package';
  if (target === undefined || target.kind === 'import' || target.kind !== wanted) {
    const have = target === undefined ? '' : ` (have ${target.kind})`;
    throw new AnnotationError(`annotation scope '${scope}' must be applied to ${wanted}${have}`);
  }
  if (fields['entrypoint'] === true && scope !== 'document' && scope !== 'package') {
    throw new AnnotationError(`annotation entrypoint applied to non-document or package scope '${scope}'`);
  }
  return { kind: 'annotation', scope, fields: { ...fields, scope }, target, loc };
}

function defaultScope(fields: Fields, target: Package | Import | Rule | undefined): AnnotationScope | 'import' | '' {
  if (target === undefined) return '';
  if (target.kind === 'rule') return fields['entrypoint'] === true ? 'document' : 'rule';
  return target.kind;
}
