import { nearestName } from '@assay/bytes/findings';
import type { ConfigIssue } from './issues.js';
import { listSettings, type SettingInfo } from './settings-list.js';

/** `ASSAY_*` variables that are not settings: client, tests, bootstrap. */
const otherVariables = new Set([
  'ASSAY_TOKEN',
  'ASSAY_SERVER',
  'ASSAY_CONFIG_HOME',
  'ASSAY_VECTORS',
  'ASSAY_FUZZ_RUNS',
  'ASSAY_CRASH_ROUNDS',
  'ASSAY_CA_FILE',
  'ASSAY_DEBUG',
  'ASSAY_FROM_SOURCE',
]);

/** A partial configuration: nested tables of plain values. */
export type RawConfig = Record<string, unknown>;

/**
 * Settings given as environment variables: `ASSAY_HTTP_LISTEN=0.0.0.0:8443`.
 *
 * Lists are comma-separated; lists of tables are JSON.
 */
export function settingsFromEnvironment(env: Readonly<Record<string, string | undefined>>): {
  readonly raw: RawConfig;
  readonly issues: readonly ConfigIssue[];
} {
  const settings = new Map(listSettings().map((s) => [s.env, s]));
  const raw: RawConfig = {};
  const issues: ConfigIssue[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('ASSAY_') || value === undefined || otherVariables.has(name)) continue;
    const setting = settings.get(name);
    if (setting === undefined) {
      const nearest = nearestName(name, [...settings.keys()]);
      issues.push({
        id: 'config.key.known',
        where: 'environment',
        key: name,
        ...(nearest === undefined ? {} : { nearest }),
      });
      continue;
    }
    const parsed = parseValue(setting, value);
    if (parsed === undefined) {
      issues.push({
        id: 'config.file.form',
        where: 'environment',
        key: name,
        actual: setting.secret ? 'of another form' : `\`${value.slice(0, 60)}\``,
        expected: setting.type,
      });
    } else assign(raw, setting.name, parsed.value);
  }
  return { raw, issues };
}

/**
 * Settings that conventional variables stand for, weaker than a file: `HTTPS_PROXY` and `NO_PROXY`, in either case. An empty
 * variable is none.
 */
export function settingsFromConvention(env: Readonly<Record<string, string | undefined>>): RawConfig {
  const raw: RawConfig = {};
  const value = (name: string): string => env[name.toLowerCase()] || env[name] || '';
  const proxy = value('HTTPS_PROXY');
  if (proxy === '') return raw;
  assign(raw, 'collateral.proxy', proxy);
  const without = value('NO_PROXY')
    .split(',')
    .map((part) => part.trim());
  assign(
    raw,
    'collateral.no_proxy',
    without.filter((part) => part !== ''),
  );
  return raw;
}

/** Puts a value at a dotted name, making the tables on the way. */
export function assign(raw: RawConfig, name: string, value: unknown): void {
  const [section = '', key] = name.split('.');
  if (key === undefined) {
    raw[section] = value;
    return;
  }
  const table = raw[section];
  if (isTable(table)) table[key] = value;
  else raw[section] = { [key]: value };
}

export function isTable(value: unknown): value is RawConfig {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseValue(setting: SettingInfo, text: string): { readonly value: unknown } | undefined {
  switch (setting.kind) {
    case 'text':
      return { value: text };
    case 'integer':
      return /^-?\d{1,15}$/.test(text) ? { value: Number(text) } : undefined;
    case 'boolean':
      return text === 'true' || text === 'false' ? { value: text === 'true' } : undefined;
    case 'list':
      return { value: text === '' ? [] : text.split(',').map((part) => part.trim()) };
    case 'json':
      try {
        return { value: JSON.parse(text) as unknown };
      } catch {
        return undefined;
      }
  }
}
