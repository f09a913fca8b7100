import type { TSchema } from 'typebox';
import { Settings } from './schema.js';

/** One setting, flattened out of the schema: what help, environment and reference page need. */
export interface SettingInfo {
  /** Dotted name, `http.listen`. */
  readonly name: string;
  readonly section: string;
  readonly description: string;
  readonly type: string;
  readonly default: unknown;
  readonly env: string;
  readonly secret: boolean;
  readonly kind: 'text' | 'integer' | 'boolean' | 'list' | 'json';
  /** What a text, or each text of a list, has to be, where its type does not say it. */
  readonly form?: string;
}

interface SchemaView {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly items?: SchemaView;
  readonly properties?: Readonly<Record<string, SchemaView>>;
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly secret?: boolean;
  readonly pattern?: string;
  readonly examples?: readonly string[];
}

/** Every setting in the order of the schema. */
export function listSettings(): readonly SettingInfo[] {
  const out: SettingInfo[] = [];
  for (const [section, schema] of Object.entries(view(Settings).properties ?? {})) {
    if (schema.properties === undefined) out.push(describe(section, section, schema));
    else
      for (const [key, value] of Object.entries(schema.properties))
        out.push(describe(`${section}.${key}`, section, value));
  }
  return out;
}

/** Sentence of each section. */
export function sectionDescriptions(): ReadonlyMap<string, string> {
  return new Map(Object.entries(view(Settings).properties ?? {}).map(([name, s]) => [name, s.description ?? '']));
}

/** The schema as plain JSON Schema: TypeBox schemas are JSON Schema with non-enumerable marks. */
function view(schema: TSchema): SchemaView {
  return schema as SchemaView;
}

function describe(name: string, section: string, schema: SchemaView): SettingInfo {
  return {
    name,
    section,
    description: schema.description ?? '',
    type: typeText(schema),
    default: schema.default,
    env: `ASSAY_${name.replaceAll('.', '_').toUpperCase()}`,
    secret: schema.secret === true,
    kind: kindOf(schema),
    ...formOf(schema.items ?? schema),
  };
}

function formOf({ enum: values, examples, pattern }: SchemaView): { readonly form?: string } {
  if (values !== undefined) return { form: values.map((value) => `"${value}"`).join(' | ') };
  const [example] = examples ?? [];
  return pattern === undefined || example === undefined ? {} : { form: example };
}

function kindOf(schema: SchemaView): SettingInfo['kind'] {
  if (schema.type === 'integer') return 'integer';
  if (schema.type === 'boolean') return 'boolean';
  if (schema.type === 'array') return isText(schema.items) ? 'list' : 'json';
  return 'text';
}

function typeText(schema: SchemaView): string {
  if (schema.enum !== undefined) return schema.enum.map((v) => `"${v}"`).join(' | ');
  if (schema.type === 'integer') return `integer, ${schema.minimum} to ${schema.maximum}`;
  if (schema.type === 'array') return isText(schema.items) ? 'list of strings' : 'list of tables';
  return schema.type ?? 'string';
}

function isText(schema: SchemaView | undefined): boolean {
  return schema?.type === 'string' || schema?.enum !== undefined;
}
