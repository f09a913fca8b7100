import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { nearestName } from '@assay/bytes/findings';
import { parse as parseToml, TomlError } from 'smol-toml';
import { Value } from 'typebox/value';
import { parse as parseYaml } from 'yaml';
import { assign, isTable, type RawConfig, settingsFromConvention, settingsFromEnvironment } from './env.js';
import { type ConfigIssue, fatalIssues } from './issues.js';
import { Settings } from './schema.js';
import { listSettings, type SettingInfo } from './settings-list.js';
import { loosenedCca } from './tee/cca.js';
import { loosenedCsv } from './tee/csv.js';
import { loosenedDevelopment } from './tee/development.js';
import { loosenedNitro } from './tee/nitro.js';
import { loosenedNvidia } from './tee/nvidia.js';
import { loosenedSev } from './tee/sev.js';
import { loosenedSgx } from './tee/sgx.js';
import { loosenedSnp } from './tee/snp.js';
import { loosenedTdx } from './tee/tdx.js';
import { loosenedTpm } from './tee/tpm.js';
import { isTrusteeConfig, translateTrustee } from './trustee.js';

/** Where settings come from; later ones win: file, environment, command line. */
export interface ConfigSources {
  readonly file?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Settings from flags by dotted name, `{ 'http.listen': ['0.0.0.0:8080'] }`. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** Defaults of a command that differ from the schema's; weaker than file, environment and flags. */
  readonly defaults?: Readonly<Record<string, unknown>>;
}

export interface LoadedConfig {
  /** Absent when an issue is fatal. */
  readonly settings?: Settings;
  readonly issues: readonly ConfigIssue[];
  /** `trustee` when the file was a Trustee KBS configuration. */
  readonly dialect: 'assay' | 'trustee';
}

/** Largest configuration file, in bytes. */
const fileLimit = 1024 * 1024;

/**
 * Reads, merges and validates the configuration. Never throws: everything wrong is an issue, and all issues are found at once.
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const issues: ConfigIssue[] = [];
  const raw: RawConfig = {};
  let dialect: LoadedConfig['dialect'] = 'assay';
  let locate = (_key: string): string => '';
  merge(raw, settingsFromConvention(sources.env ?? {}));
  for (const [name, value] of Object.entries(sources.defaults ?? {})) assign(raw, name, value);

  if (sources.file !== undefined) {
    const file = basename(sources.file);
    const read = readConfigFile(sources.file);
    if ('issue' in read) return { issues: [read.issue], dialect };
    locate = (key) => `${file}${lineOf(read.text, key)}`;
    if (isTrusteeConfig(read.value)) {
      dialect = 'trustee';
      const translated = translateTrustee(read.value, (key) => locate(key));
      merge(raw, translated.raw);
      issues.push(...translated.issues);
    } else merge(raw, read.value);
  }
  const fromEnv = settingsFromEnvironment(sources.env ?? {});
  merge(raw, fromEnv.raw);
  issues.push(...fromEnv.issues);
  for (const [name, value] of Object.entries(sources.flags ?? {})) if (value !== undefined) assign(raw, name, value);

  const complete = Value.Default(Settings, withSections(raw));
  issues.push(...validate(complete, (key) => locate(key) || 'settings'));
  if (fatalIssues(issues).length > 0) return { issues, dialect };
  const settings = complete as Settings;
  return { settings, issues: [...issues, ...insecureSettings(settings)], dialect };
}

/** Settings with nothing given: the defaults. */
export function defaultSettings(): Settings {
  return Value.Default(Settings, withSections({})) as Settings;
}

function readConfigFile(
  path: string,
): { readonly text: string; readonly value: RawConfig } | { readonly issue: ConfigIssue } {
  const file = basename(path);
  const fail = (actual: string): { readonly issue: ConfigIssue } => ({
    issue: { id: 'config.file.form', where: file, key: '', actual },
  });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return fail(`cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`);
  }
  if (text.length > fileLimit) return fail(`is ${text.length} bytes; at most ${fileLimit}`);
  try {
    const value: unknown = parseByName(path, text);
    return isTable(value) ? { text, value } : fail('holds no table of settings');
  } catch (error) {
    return fail(parseFailure(error));
  }
}

function parseByName(path: string, text: string): unknown {
  switch (extname(path).toLowerCase()) {
    case '.json':
      return JSON.parse(text);
    case '.yaml':
    case '.yml':
      return parseYaml(text, { maxAliasCount: 0, uniqueKeys: true, schema: 'core' });
    default:
      return parseToml(text);
  }
}

function parseFailure(error: unknown): string {
  if (error instanceof TomlError) return `does not parse at line ${error.line}, column ${error.column}`;
  // Only the first line: parsers append an excerpt of the file, which may hold a secret.
  return `does not parse: ${(error instanceof Error ? error.message : String(error)).split('\n')[0]}`;
}

function withSections(raw: RawConfig): RawConfig {
  const out: RawConfig = { ...raw };
  for (const setting of listSettings()) if (setting.name.includes('.')) out[setting.section] ??= {};
  return out;
}

function merge(into: RawConfig, from: RawConfig): void {
  for (const [key, value] of Object.entries(from)) {
    const present = into[key];
    if (isTable(present) && isTable(value)) into[key] = { ...present, ...value };
    else into[key] = isTable(value) ? { ...value } : value;
  }
}

function validate(value: unknown, locate: (key: string) => string): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const seen = new Set<string>();
  const names = listSettings().map((s) => s.name);
  for (const error of Value.Errors(Settings, value)) {
    const key = error.instancePath.slice(1).replaceAll('/', '.');
    const unknown = error.keyword === 'boolean';
    // An unknown key is reported once as itself, not again as its table's additionalProperties.
    if (seen.has(key) || error.keyword === 'additionalProperties') continue;
    seen.add(key);
    if (unknown) {
      const nearest = nearestName(key, names);
      issues.push({ id: 'config.key.known', where: locate(key), key, ...(nearest === undefined ? {} : { nearest }) });
      continue;
    }
    // An entry of a list is `section.key.INDEX`.
    const info = listSettings().find((s) => s.name === key || (s.kind === 'list' && key.startsWith(`${s.name}.`)));
    issues.push({
      id: 'config.file.form',
      where: locate(key),
      key,
      actual: info?.secret === true ? 'of another form' : `\`${printable(at(value, error.instancePath))}\``,
      expected: info === undefined ? error.message : `${formWanted(info, key)} is wanted`,
    });
  }
  return issues;
}

/** A list that is none is of another type; an entry or a text may be of another form. */
function formWanted({ form, kind, name, type }: SettingInfo, key: string): string {
  return form === undefined || (kind === 'list' && name === key) ? type : form;
}

function at(value: unknown, pointer: string): unknown {
  let current = value;
  for (const part of pointer.split('/').slice(1))
    current = isTable(current) || Array.isArray(current) ? (current as RawConfig)[part] : undefined;
  return current;
}

function printable(value: unknown): string {
  return (JSON.stringify(value) ?? 'absent').slice(0, 60);
}

/** `:LINE` of a dotted key in TOML or YAML text, or nothing when it cannot be told. */
function lineOf(text: string, key: string): string {
  const parts = key.split('.');
  const leaf = parts.at(-1) ?? '';
  const section = parts.slice(0, -1).join('.');
  let inSection = section === '';
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim();
    const header = /^\[+\s*([^\]]+?)\s*\]+/.exec(trimmed)?.[1];
    if (header !== undefined) {
      inSection = header === section;
      if (section === '' && header === leaf) return `:${index + 1}`;
    } else if (trimmed === `${section}:`) inSection = true;
    else if (inSection && new RegExp(`^"?${escapeRegExp(leaf)}"?\\s*[=:]`).test(trimmed)) return `:${index + 1}`;
  }
  return '';
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function insecureSettings(settings: Settings): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const warn = (key: string, actual: unknown, why: string): void => {
    issues.push({ id: 'config.value.insecure', where: 'settings', key, actual: JSON.stringify(actual), why });
  };
  if (settings.http.insecure_http) warn('http.insecure_http', true, 'tokens and cookies cross the network readable');
  if (settings.admin.authorization_mode === 'InsecureAllowAll')
    warn(
      'admin.authorization_mode',
      'InsecureAllowAll',
      'anybody who reaches this server may read policies and replace secrets',
    );
  if (settings.attestation_token.insecure_header_jwk)
    warn('attestation_token.insecure_header_jwk', true, 'anybody can make a token that opens resources');
  if (settings.grpc.insecure_registration)
    warn(
      'grpc.insecure_registration',
      true,
      'anybody who reaches the gRPC port may register reference values and policies',
    );
  if (settings.trust.emulated_roots.length > 0)
    warn(
      'trust.emulated_roots',
      settings.trust.emulated_roots,
      'evidence of emulated hardware is accepted as authentic; it proves nothing',
    );
  const loosened = {
    tdx: loosenedTdx(settings.tdx),
    sgx: loosenedSgx(settings.sgx),
    csv: loosenedCsv(settings.csv),
    snp: loosenedSnp(settings.snp),
    tpm: loosenedTpm(settings.tpm),
    sev: loosenedSev(settings.sev),
    development: loosenedDevelopment(settings.development),
    cca: loosenedCca(settings.cca),
    nitro: loosenedNitro(settings.nitro),
    nvidia: loosenedNvidia(settings.nvidia),
  };
  for (const [section, rules] of Object.entries(loosened))
    for (const { key, actual, why } of rules) warn(`${section}.${key}`, actual, why);
  return issues;
}
