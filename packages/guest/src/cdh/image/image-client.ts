import { rootCertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { assayError } from '@assay/bytes/findings';
import {
  formatReference,
  type ImageReference,
  type LookasideConfig,
  lookasideBase,
  NO_REGISTRY_CONFIG,
  type RegistrySourceOptions,
  readCredentials,
  readLookaside,
  readPolicy,
  readRegistryConfig,
  registryConfigOf,
  type SignaturePolicy,
} from '@assay/oci';
import type { ImageConfig } from '../../config/image-config.js';
import { contentOf, type FetchDocument } from './documents.js';

/** What all pulls of a guest share: fetched once, at the first one. */
export interface ImageClient {
  readonly policy: SignaturePolicy | undefined;
  readonly registry: RegistrySourceOptions;
  /** Folder of a namespace's OpenPGP signatures. @throws AssayError `signature.object.present` */
  readonly lookaside: (reference: ImageReference) => string;
}

/** @throws AssayError `signature.policy.form`, `image.registry.config`; what fetching throws */
export async function imageClient(config: ImageConfig, fetch: FetchDocument): Promise<ImageClient> {
  const { policy, sigstore, registries, credentialsUri, proxy, extraRoots } = config;
  const read = async <T>(
    document: Parameters<typeof contentOf>[0] | undefined,
    where: string,
    parse: (bytes: Uint8Array, name: string) => T,
  ): Promise<T | undefined> => {
    if (document === undefined) return undefined;
    const { bytes, name } = await contentOf(document, where, fetch);
    return parse(bytes, name);
  };
  const credentials = await read(
    credentialsUri === undefined ? undefined : { uri: credentialsUri },
    'credentials',
    readCredentials,
  );
  const ofRegistries = 'image.registry_config';
  const rules =
    registries !== undefined && 'table' in registries
      ? registryConfigOf(registries.table, ofRegistries)
      : await read(registries, ofRegistries, (bytes, name) => readRegistryConfig(textOf(bytes), name));
  const places = await read(sigstore, 'image.sigstore_config', (bytes, name) =>
    readLookaside([{ name, text: textOf(bytes) }]),
  );
  return {
    policy: await read(policy, 'image.image_security_policy', readPolicy),
    registry: {
      registries: rules ?? NO_REGISTRY_CONFIG,
      ...(credentials === undefined ? {} : { credentials }),
      ...(proxy === undefined ? {} : { proxy }),
      ...(extraRoots.length === 0 ? {} : { ca: [...rootCertificates, ...extraRoots].join('\n') }),
    },
    lookaside: (reference) => lookasideIn(places, reference),
  };
}

function lookasideIn(places: LookasideConfig | undefined, reference: ImageReference): string {
  const base = places === undefined ? undefined : lookasideBase(places, reference);
  if (base?.startsWith('file:///')) return fileURLToPath(base).replace(/\/$/, '');
  const ref = formatReference(reference);
  const where = base ?? 'any place: image.sigstore_config names none';
  throw assayError('signature.object.present', { params: { ref, kind: 'OpenPGP', where }, subject: ref });
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
