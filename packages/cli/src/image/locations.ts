import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  type Credentials,
  cachedLayers,
  directorySource,
  directoryTarget,
  type ImageSource,
  type ImageTarget,
  layoutSource,
  layoutTarget,
  parseLocation,
  type RegistryOptions,
  readCredentials,
  readRegistryConfig,
  registrySource,
  registryTarget,
} from '@assay/oci';
import { CliError, EXIT } from '../exit.js';
import { type DocumentFlags, documentsOf } from './documents.js';

/** Flags of commands that may talk to a registry. */
export interface RegistryFlags extends DocumentFlags {
  readonly authfile?: string;
  readonly registriesConf?: string;
  readonly registryCa?: string;
  readonly proxy?: string;
  readonly insecureRegistry?: boolean;
  readonly layerCache?: string;
  /** MiB. */
  readonly layerCacheSize?: string;
}

/** @throws AssayError `image.reference.form`, `image.registry.*` */
export async function sourceOf(text: string, flags: RegistryFlags): Promise<ImageSource> {
  const location = parseLocation(text);
  switch (location.kind) {
    case 'layout':
      return layoutSource(location.folder, location.tag);
    case 'directory':
      return directorySource(location.folder);
    case 'registry': {
      const file = flags.registriesConf;
      const { layerCache } = flags;
      const cache =
        layerCache === undefined ? undefined : { folder: layerCache, maxBytes: cacheSize(flags.layerCacheSize) };
      const source = await registrySource(location.reference, {
        ...(await optionsOf(flags)),
        ...(file === undefined ? {} : { registries: readRegistryConfig(await textOf(file, flags), file) }),
      });
      return cache === undefined ? source : cachedLayers(source, cache);
    }
  }
}

const DEFAULT_CACHE_MIB = 10 * 1024;

function cacheSize(text: string | undefined): number {
  const mib = text === undefined ? DEFAULT_CACHE_MIB : /^[1-9]\d{0,7}$/.test(text) ? Number(text) : undefined;
  if (mib === undefined) throw new CliError(`--layer-cache-size ${text}: no number of MiB`, EXIT.usage);
  return mib * 2 ** 20;
}

export async function targetOf(text: string, flags: RegistryFlags): Promise<ImageTarget & { close?(): Promise<void> }> {
  const location = parseLocation(text);
  switch (location.kind) {
    case 'layout':
      return layoutTarget(location.folder, location.tag);
    case 'directory':
      return directoryTarget(location.folder);
    case 'registry':
      return registryTarget(location.reference, await optionsOf(flags));
  }
}

async function optionsOf(flags: RegistryFlags): Promise<RegistryOptions & { readonly insecure?: boolean }> {
  const { registryCa: ca, insecureRegistry: insecure = false } = flags;
  return {
    credentials: await credentialsOf(flags),
    proxy: flags.proxy ?? 'environment',
    insecure,
    ...(ca === undefined ? {} : { ca: readFileSync(ca, 'utf8') }),
  };
}

/** What was named, a file or a resource, or where podman, skopeo and docker keep theirs. */
async function credentialsOf(flags: RegistryFlags): Promise<Credentials> {
  const { authfile: named } = flags;
  const usual = [
    process.env['REGISTRY_AUTH_FILE'],
    join(process.env['XDG_RUNTIME_DIR'] ?? '/nonexistent', 'containers/auth.json'),
    join(homedir(), '.docker/config.json'),
  ];
  const file = named ?? usual.find((path) => path !== undefined && existsSync(path));
  return file === undefined ? new Map() : readCredentials(await documentsOf(flags)(file), file);
}

async function textOf(name: string, flags: RegistryFlags): Promise<string> {
  return Buffer.from(await documentsOf(flags)(name)).toString('utf8');
}
