/** Which registries an image is tried at: mirrors, other locations, blocks (the part of registries.conf, version 2, that guests know). */
import { AssayError, assayError } from '@assay/bytes/findings';
import { parse } from 'smol-toml';
import { formatReference, type ImageReference, parseName } from '../model/reference.js';

export interface RegistryRule {
  /** `example.com/ns`, or `*.example.com`. */
  readonly prefix: string;
  /** Instead of the prefix; empty: the reference stays as it is. */
  readonly location: string;
  /** Plain HTTP, at `location`. */
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly { readonly location: string; readonly insecure: boolean }[];
}

export interface RegistryConfig {
  /** Names without a host, and those of Docker Hub, are tried at each of these. */
  readonly search: readonly string[];
  readonly rules: readonly RegistryRule[];
}

/** One place to ask for an image. */
export interface RegistryTask {
  readonly scheme: 'https' | 'http';
  readonly reference: ImageReference;
}

export const NO_REGISTRY_CONFIG: RegistryConfig = { search: ['docker.io'], rules: [] };

const LARGEST_CONFIG = 1024 * 1024;
const MOST_RULES = 1000;

/** @throws AssayError `image.registry.config` */
export function readRegistryConfig(text: string, file: string): RegistryConfig {
  if (text.length > LARGEST_CONFIG) throw malformed(file, 'it is larger than 1 MiB');
  return registryConfigOf(parseToml(text, file), file);
}

/** What a document of another kind holds in its tables, as those of `registries.conf`. @throws AssayError `image.registry.config` */
export function registryConfigOf(config: Readonly<Record<string, unknown>>, file: string): RegistryConfig {
  const {
    'unqualified-search-registries': search = ['docker.io'],
    // Whether people are asked: nobody is here.
    'short-name-mode': _,
    registry = [],
    ...others
  } = config;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw malformed(file, `unknown key \`${unknown.slice(0, 60)}\``);
  if (!Array.isArray(search) || !search.every((host) => typeof host === 'string' && host !== '')) {
    throw malformed(file, '`unqualified-search-registries` is no list of hosts');
  }
  if (!Array.isArray(registry) || registry.length > MOST_RULES)
    throw malformed(file, '`registry` is no list of tables');
  return {
    search: search as string[],
    rules: registry.map((rule, index) => readRule(rule, `registry[${index}]`, file)),
  };
}

function readRule(value: unknown, where: string, file: string): RegistryRule {
  const rule = tableOf(value, where, file);
  const location = textOf(rule, 'location', where, file);
  const prefix = textOf(rule, 'prefix', where, file) || location;
  if (prefix === '') throw malformed(file, `${where} has neither prefix nor location`);
  if (prefix.startsWith('*.') && location === '') throw malformed(file, `${where}: a wildcard prefix wants a location`);
  const mirrors = rule['mirror'] ?? [];
  if (!Array.isArray(mirrors)) throw malformed(file, `${where}.mirror is no list of tables`);
  return {
    prefix,
    location,
    insecure: flagOf(rule, 'insecure', where, file),
    blocked: flagOf(rule, 'blocked', where, file),
    mirrors: mirrors.map((entry, index) => {
      const name = `${where}.mirror[${index}]`;
      const mirror = tableOf(entry, name, file);
      const place = textOf(mirror, 'location', name, file);
      if (place === '') throw malformed(file, `${name} has no location`);
      return { location: place, insecure: flagOf(mirror, 'insecure', name, file) };
    }),
  };
}

/**
 * Places to ask, in their order: mirrors of the longest matching rule, then its location, or the image's own registry.
 *
 * @throws AssayError `image.registry.blocked` when nothing is left
 */
export function registryTasks(config: RegistryConfig, image: ImageReference): readonly RegistryTask[] {
  const tasks = candidates(config, image).flatMap((candidate) => tasksOf(config.rules, candidate));
  if (tasks.length > 0) return tasks;
  const ref = formatReference(image);
  throw assayError('image.registry.blocked', { params: { ref }, subject: ref });
}

function candidates({ search }: RegistryConfig, image: ImageReference): readonly ImageReference[] {
  if (image.registry !== 'docker.io') return [image];
  const short = image.repository.replace(/^library\//, '');
  const elsewhere = search
    .filter((host) => host !== 'docker.io')
    .map((registry) => ({ ...image, registry, repository: short }));
  return [image, ...elsewhere];
}

function tasksOf(rules: readonly RegistryRule[], image: ImageReference): readonly RegistryTask[] {
  const full = formatReference(image);
  let best: { readonly rule: RegistryRule; readonly matched: string } | undefined;
  for (const rule of rules) {
    const matched = match(rule.prefix, full);
    // Of two that are equally long the later wins.
    if (matched !== undefined && matched.length >= (best?.matched.length ?? 0)) best = { rule, matched };
  }
  if (best === undefined) return [{ scheme: 'https', reference: image }];
  const { rule, matched } = best;
  if (rule.blocked) return [];
  const at = (location: string, insecure: boolean): RegistryTask => ({
    scheme: insecure ? 'http' : 'https',
    reference: placed(location, full.slice(matched.length)),
  });
  const own: RegistryTask =
    rule.location === '' ? { scheme: 'https', reference: image } : at(rule.location, rule.insecure);
  return [...rule.mirrors.map(({ location, insecure }) => at(location, insecure)), own];
}

/** A location begins with a host, also where that has no dot: names of Docker Hub that look like it are somebody else's. */
function placed(location: string, rest: string): ImageReference {
  const [host = ''] = location.split('/', 1);
  const text = `${location}${rest}`;
  const isPlain = /^[a-zA-Z0-9-]+$/.test(host) && host !== 'localhost';
  if (isPlain && text.startsWith(`${host}/`)) {
    return { ...parseName(`a.invalid${text.slice(host.length)}`), registry: host };
  }
  const registry = isPlain ? undefined : registryOf(`${host}/a`);
  if (registry !== undefined && registryOf(text) === registry) return parseName(text);
  throw malformed(
    'registries',
    `\`${location.slice(0, 60)}\` with \`${rest.slice(0, 60)}\` behind it is no image there`,
  );
}

function registryOf(text: string): string | undefined {
  try {
    return parseName(text).registry;
  } catch (error) {
    if (error instanceof AssayError) return undefined;
    throw error;
  }
}

/** What of a reference a prefix covers: whole parts only, never the middle of a name. */
function match(prefix: string, full: string): string | undefined {
  if (prefix.startsWith('*.')) {
    const [host = ''] = full.split('/', 1);
    const name = host.replace(/:\d+$/, '');
    return name.endsWith(prefix.slice(1)) ? host : undefined;
  }
  return full.startsWith(prefix) && /^(?:$|[:/@])/.test(full.slice(prefix.length)) ? prefix : undefined;
}

function parseToml(text: string, file: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    throw malformed(file, error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'no TOML');
  }
}

function tableOf(value: unknown, where: string, file: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw malformed(file, `${where} is no table`);
}

function textOf(table: Record<string, unknown>, key: string, where: string, file: string): string {
  const value = table[key] ?? '';
  if (typeof value !== 'string') throw malformed(file, `${where}.${key} is no text`);
  return value;
}

function flagOf(table: Record<string, unknown>, key: string, where: string, file: string): boolean {
  const value = table[key] ?? false;
  if (typeof value !== 'boolean') throw malformed(file, `${where}.${key} is neither true nor false`);
  return value;
}

function malformed(file: string, what: string): AssayError {
  return assayError('image.registry.config', { params: { file, what }, subject: file });
}
