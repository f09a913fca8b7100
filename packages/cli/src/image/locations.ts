import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  type Credentials,
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
import { type DocumentFlags, documentsOf } from './documents.js';

/** Flags of commands that may talk to a registry. */
export interface RegistryFlags extends DocumentFlags {
  readonly authfile?: string;
  readonly registriesConf?: string;
  readonly registryCa?: string;
  readonly proxy?: string;
  readonly insecureRegistry?: boolean;
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
      return registrySource(location.reference, {
        ...(await optionsOf(flags)),
        ...(file === undefined ? {} : { registries: readRegistryConfig(await textOf(file, flags), file) }),
      });
    }
  }
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
