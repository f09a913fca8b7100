import { assayError } from '@assay/bytes/findings';
import type { PluginConfig } from './config.js';
import type { Plugin } from './plugin.js';

/** Upstream's Rust spellings of plug-in names. */
const SPELLINGS: Readonly<Record<string, string>> = {
  Sample: 'sample',
  ResourceStorage: 'resource',
  NebulaCaPlugin: 'nebula-ca',
  Pkcs11: 'pkcs11',
  ExternalPlugin: 'external',
  Provisioner: 'provisioner',
};

/** Names that a Trustee configuration may hold and this release does not serve. */
const KNOWN_ELSEWHERE: ReadonlySet<string> = new Set(['nebula-ca', 'pkcs11', 'external']);

/** Values of the resource plug-in's `storage_backend_type` that mean the service's own store. */
const OWN_STORE: ReadonlySet<unknown> = new Set([undefined, 'kvstorage', 'KvStorage']);

/** Makes the plug-ins that the configuration names. */
export interface PluginFactories {
  readonly resource: () => Plugin;
  readonly sample: () => Plugin;
  readonly provisioner: (keyLength: number) => Plugin;
}

/**
 * The plug-ins by URL segment. A later entry of the same name replaces the earlier one, as upstream.
 *
 * @throws AssayError `config.file.form` for a plug-in or setting that this release does not serve: it is never left out silently
 */
export function openPlugins(config: readonly PluginConfig[], factories: PluginFactories): ReadonlyMap<string, Plugin> {
  const plugins = new Map<string, Plugin>();
  for (const [index, entry] of config.entries()) {
    const name = SPELLINGS[entry.name] ?? entry.name;
    const plugin = make(name, entry, index, factories);
    plugins.set(plugin.name, plugin);
  }
  return plugins;
}

function make(name: string, entry: PluginConfig, index: number, factories: PluginFactories): Plugin {
  if (name === 'sample') return factories.sample();
  if (name === 'provisioner') return factories.provisioner(keyLength(entry['key_length'], index));
  if (name === 'resource') {
    const backend = entry['storage_backend_type'];
    if (OWN_STORE.has(backend)) return factories.resource();
    throw misconfigured(
      index,
      'storage_backend_type',
      String(backend),
      'kvstorage: other secret stores are not served by this release',
    );
  }
  if (KNOWN_ELSEWHERE.has(name))
    throw misconfigured(
      index,
      'name',
      `the plug-in ${name}`,
      'resource, sample or provisioner: this release does not serve it yet; remove the entry',
    );
  throw misconfigured(index, 'name', entry.name, 'a plug-in that exists: resource, sample, provisioner');
}

/** Characters of a provisioned key: upstream's default, and nothing that could be guessed. */
function keyLength(configured: unknown, index: number): number {
  if (configured === undefined) return 32;
  if (typeof configured === 'number' && Number.isInteger(configured) && configured >= 16 && configured <= 512)
    return configured;
  throw misconfigured(index, 'key_length', String(configured), '16 to 512 characters');
}

function misconfigured(index: number, key: string, actual: string, expected: string): Error {
  return assayError('config.file.form', {
    params: { file: '[[plugins]]', line: index + 1, key, actual, expected },
    actual,
  });
}
