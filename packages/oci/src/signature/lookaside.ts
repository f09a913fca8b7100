/** Where detached signatures of registries' images lie: `registries.d`, YAML files whose entries are merged. */
import { type AssayError, assayError } from '@assay/bytes/findings';
import { parse } from 'yaml';
import type { ImageReference } from '../model/reference.js';
import { scopeParents } from './scopes.js';

export interface LookasideConfig {
  readonly defaultDocker: string | undefined;
  /** Base URL by namespace. */
  readonly docker: ReadonlyMap<string, string>;
}

const LARGEST_FILE = 1024 * 1024;

/** @param files texts of the folder's YAML files, by name. @throws AssayError `signature.policy.form` */
export function readLookaside(files: readonly { readonly name: string; readonly text: string }[]): LookasideConfig {
  let defaultDocker: string | undefined;
  const docker = new Map<string, string>();
  for (const { name, text } of files) {
    const config = mapping(parseYaml(text, name), name, 'the file');
    for (const key of Object.keys(config)) {
      if (key !== 'default-docker' && key !== 'docker') throw malformed(name, `unknown key \`${key.slice(0, 40)}\``);
    }
    const own = config['default-docker'];
    if (own !== undefined && own !== null) {
      const url = urlOf(mapping(own, name, 'default-docker'), name, 'default-docker');
      if (defaultDocker !== undefined && defaultDocker !== url) {
        throw malformed(name, '`default-docker` is defined repeatedly but differently');
      }
      defaultDocker = url;
    }
    for (const [namespace, entry] of Object.entries(mapping(config['docker'] ?? {}, name, 'docker'))) {
      const url = urlOf(mapping(entry, name, namespace), name, namespace);
      if (url === undefined) continue;
      const before = docker.get(namespace);
      if (before !== undefined && before !== url) throw malformed(name, `\`${namespace}\` is defined repeatedly`);
      docker.set(namespace, url);
    }
  }
  return { defaultDocker, docker };
}

/** Base URL for an image: the full reference, its repository's parents, then the default. */
export function lookasideBase(config: LookasideConfig, image: ImageReference): string | undefined {
  for (const scope of scopeParents(image)) {
    const url = config.docker.get(scope);
    if (url !== undefined) return url;
  }
  return config.defaultDocker;
}

/** `lookaside` is the name of today, `sigstore` that of before. */
function urlOf(entry: Record<string, unknown>, file: string, where: string): string | undefined {
  const url = entry['lookaside'] ?? entry['sigstore'];
  if (url === undefined || url === null) return undefined;
  if (typeof url !== 'string' || !/^(file|https?):\/\//.test(url)) throw malformed(file, `${where}: no URL`);
  return url;
}

function mapping(value: unknown, file: string, where: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw malformed(file, `${where} is no mapping`);
}

function parseYaml(text: string, file: string): unknown {
  if (text.length > LARGEST_FILE) throw malformed(file, 'it is larger than 1 MiB');
  try {
    return parse(text, { schema: 'core', uniqueKeys: true, maxAliasCount: 0 }) ?? {};
  } catch (error) {
    throw malformed(file, error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'no YAML');
  }
}

function malformed(file: string, what: string): AssayError {
  return assayError('signature.policy.form', { params: { file, what }, subject: file });
}
