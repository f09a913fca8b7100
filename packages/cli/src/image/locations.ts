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

/** Flags of commands that may talk to a registry. */
export interface RegistryFlags {
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
        ...optionsOf(flags),
        ...(file === undefined ? {} : { registries: readRegistryConfig(readFileSync(file, 'utf8'), file) }),
      });
    }
  }
}

export function targetOf(text: string, flags: RegistryFlags): ImageTarget & { close?(): Promise<void> } {
  const location = parseLocation(text);
  switch (location.kind) {
    case 'layout':
      return layoutTarget(location.folder, location.tag);
    case 'directory':
      return directoryTarget(location.folder);
    case 'registry':
      return registryTarget(location.reference, optionsOf(flags));
  }
}

function optionsOf(flags: RegistryFlags): RegistryOptions & { readonly insecure?: boolean } {
  const { registryCa: ca, insecureRegistry: insecure = false } = flags;
  return {
    credentials: credentialsOf(flags.authfile),
    proxy: flags.proxy ?? 'environment',
    insecure,
    ...(ca === undefined ? {} : { ca: readFileSync(ca, 'utf8') }),
  };
}

/** The file that was named, or where podman, skopeo and docker keep theirs. */
function credentialsOf(named: string | undefined): Credentials {
  const usual = [
    process.env['REGISTRY_AUTH_FILE'],
    join(process.env['XDG_RUNTIME_DIR'] ?? '/nonexistent', 'containers/auth.json'),
    join(homedir(), '.docker/config.json'),
  ];
  const file = named ?? usual.find((path) => path !== undefined && existsSync(path));
  return file === undefined ? new Map() : readCredentials(readFileSync(file), file);
}
