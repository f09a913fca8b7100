import type { JsonObject } from '@assay/bytes';
import { isJsonArray, isJsonObject } from '@assay/bytes';
import { ConfigError } from './config-error.js';
import { numberOf, tableOf, textOf } from './field.js';
import { kernelParameter } from './kbc-params.js';

/** How images are pulled within the guest: `[image]` of the Confidential Data Hub. Whatever names a file is `kbs:///…`, `file:///…` or a path. */
export interface ImageConfig {
  /** Layers lie here, as the registry has them, while they are pulled. */
  readonly workDir: string;
  /** containers-policy.json; undefined: signatures are not asked for. */
  readonly policy: Document | undefined;
  /** `registries.d`: where OpenPGP signatures lie. */
  readonly sigstore: Document | undefined;
  /** URI of a `config.json` as docker has it. */
  readonly credentialsUri: string | undefined;
  /** Mirrors, other locations, blocks: tables of the configuration itself, or `registries.conf`. */
  readonly registries: Document | { readonly table: JsonObject } | undefined;
  /** Layers of one image that are fetched at a time. */
  readonly concurrency: number;
  readonly proxy: ImageProxy | undefined;
  /** PEM certificates believed beside the built-in roots. */
  readonly extraRoots: readonly string[];
  /** Where encrypted layers are kept, as the registry has them, for later pulls; undefined: nowhere. */
  readonly layerCache: { readonly folder: string; readonly maxBytes: number } | undefined;
}

/** A document in the configuration itself, or where it is. */
export type Document = { readonly uri: string } | { readonly text: string };

export interface ImageProxy {
  readonly https?: string;
  readonly http?: string;
  readonly none?: string;
}

export const DEFAULT_IMAGE_CONFIG: ImageConfig = {
  workDir: '/run/kata-containers/image/',
  policy: undefined,
  sigstore: undefined,
  credentialsUri: undefined,
  registries: undefined,
  concurrency: 3,
  proxy: undefined,
  extraRoots: [],
  layerCache: undefined,
};

const MOST_AT_A_TIME = 64;

/**
 * Reads `[image]`; without that section, or without a file, the kernel's command line, as upstream: a policy that is named there counts for
 * guests whose file is about other things. `CDH_DEFAULT_IMAGE_AUTHENTICATED_REGISTRY_CREDENTIALS` of the environment wins over both.
 *
 * @param document undefined: no file
 * @throws ConfigError
 */
export function parseImageConfig(
  document: JsonObject | undefined,
  env: Readonly<Record<string, string | undefined>>,
  commandLine: string,
): ImageConfig {
  // `null`, as JSON and YAML can have it, is absent.
  const image = (Object.hasOwn(document ?? {}, 'image') ? document?.['image'] : undefined) ?? undefined;
  const config = image === undefined ? ofKernel(commandLine) : ofTable(tableOf({ image }, 'image'));
  const credentialsUri = env['CDH_DEFAULT_IMAGE_AUTHENTICATED_REGISTRY_CREDENTIALS'] ?? config.credentialsUri;
  return { ...config, credentialsUri };
}

const KEYS = [
  'work_dir',
  'image_security_policy_uri',
  'image_security_policy',
  'sigstore_config_uri',
  'sigstore_config',
  'authenticated_registry_credentials_uri',
  'registry_config',
  'registry_configuration_uri',
  'max_concurrent_layer_downloads_per_image',
  'image_pull_proxy',
  'extra_root_certificates',
  'encrypted_layer_cache',
  'encrypted_layer_cache_mib',
];

function ofTable(image: JsonObject): ImageConfig {
  // A policy under a misspelt key would be no policy, and every image would be taken.
  const unknown = Object.keys(image).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw new ConfigError(`image.${unknown} is not known; there are ${KEYS.join(', ')}`);
  const text = (name: string): string | undefined => textOf(image, name, `image.${name}`);
  const workDir = text('work_dir') ?? DEFAULT_IMAGE_CONFIG.workDir;
  if (!workDir.startsWith('/')) throw new ConfigError('image.work_dir must be an absolute path');
  const most = 'max_concurrent_layer_downloads_per_image';
  const concurrency = numberOf(image, most, MOST_AT_A_TIME, `image.${most}`) ?? DEFAULT_IMAGE_CONFIG.concurrency;
  if (concurrency === 0) throw new ConfigError(`image.${most} must be at least 1`);
  return {
    workDir,
    policy: uriFirst(text('image_security_policy_uri'), text('image_security_policy')),
    sigstore: uriFirst(text('sigstore_config_uri'), text('sigstore_config')),
    credentialsUri: text('authenticated_registry_credentials_uri'),
    // Here the text in the configuration wins, as upstream.
    registries: registriesOf(image, text('registry_configuration_uri')),
    concurrency,
    proxy: proxyOf(tableOf(image, 'image_pull_proxy')),
    extraRoots: rootsOf(image),
    layerCache: cacheOf(text('encrypted_layer_cache'), image),
  };
}

const MOST_CACHE_MIB = 16 * 1024 * 1024;
const DEFAULT_CACHE_MIB = 2048;

/** Ours; upstream keeps layers unpacked, also those that were encrypted. */
function cacheOf(folder: string | undefined, image: JsonObject): ImageConfig['layerCache'] {
  const name = 'encrypted_layer_cache_mib';
  const mib = numberOf(image, name, MOST_CACHE_MIB, `image.${name}`);
  if (folder === undefined) {
    if (mib !== undefined)
      throw new ConfigError(`image.${name} is the size of image.encrypted_layer_cache, which is missing`);
    return undefined;
  }
  if (!folder.startsWith('/')) throw new ConfigError('image.encrypted_layer_cache must be an absolute path');
  if (mib === 0) throw new ConfigError(`image.${name} must be at least 1`);
  return { folder, maxBytes: (mib ?? DEFAULT_CACHE_MIB) * 2 ** 20 };
}

function ofKernel(commandLine: string): ImageConfig {
  const parameter = (name: string): string | undefined => kernelParameter(commandLine, `agent.${name}`, 'last');
  const isWanted = parameter('enable_signature_verification') === 'true';
  const policy = isWanted ? uriFirst(parameter('image_policy_file')) : undefined;
  // Whoever asks for signatures is not given every image for want of a policy.
  if (isWanted && policy === undefined)
    throw new ConfigError('agent.enable_signature_verification wants a policy: agent.image_policy_file is missing');
  return {
    ...DEFAULT_IMAGE_CONFIG,
    policy,
    credentialsUri: parameter('image_registry_auth'),
    proxy: madeProxy(parameter('https_proxy'), parameter('http_proxy'), parameter('no_proxy')),
  };
}

function uriFirst(uri: string | undefined, text?: string): Document | undefined {
  if (uri !== undefined) return { uri };
  return text === undefined ? undefined : { text };
}

/** Tables, as upstream has them, or the text of a `registries.conf`. */
function registriesOf(image: JsonObject, uri: string | undefined): ImageConfig['registries'] {
  const own = Object.hasOwn(image, 'registry_config') ? (image['registry_config'] ?? undefined) : undefined;
  if (own === undefined) return uri === undefined ? undefined : { uri };
  if (typeof own === 'string') return { text: own };
  if (isJsonObject(own)) return { table: own };
  throw new ConfigError('image.registry_config must be a table, or the text of a registries.conf');
}

function proxyOf(table: JsonObject): ImageProxy | undefined {
  const text = (name: string): string | undefined => textOf(table, name, `image.image_pull_proxy.${name}`);
  return madeProxy(text('https_proxy'), text('http_proxy'), text('no_proxy'));
}

function madeProxy(https?: string, http?: string, none?: string): ImageProxy | undefined {
  for (const url of [https, http]) {
    // Its text may hold a password: it is not told.
    if (url !== undefined && !(URL.canParse(url) && /^https?:/.test(url)))
      throw new ConfigError('proxies of images must be http or https URLs');
  }
  if (https === undefined && http === undefined) return undefined;
  return {
    ...(https === undefined ? {} : { https }),
    ...(http === undefined ? {} : { http }),
    ...(none === undefined ? {} : { none }),
  };
}

function rootsOf(image: JsonObject): readonly string[] {
  const roots = Object.hasOwn(image, 'extra_root_certificates') ? (image['extra_root_certificates'] ?? []) : [];
  if (!isJsonArray(roots) || !roots.every((pem) => typeof pem === 'string' && pem.includes('-----BEGIN CERTIFICATE')))
    throw new ConfigError('image.extra_root_certificates must be a list of PEM certificates');
  return roots as readonly string[];
}
