import type { JsonObject } from '@assay/bytes';
import { parseResourceUri, type ResourceUri } from '@assay/protocol';
import { ConfigError } from './config-error.js';
import { flagOf, tableOf, tablesOf, textOf } from './field.js';
import { type ImageConfig, parseImageConfig } from './image-config.js';
import { type KbcParams, kernelParameter } from './kbc-params.js';

/** Default socket of the Attestation Agent. */
export const AGENT_SOCKET = 'unix:///run/confidential-containers/attestation-agent/attestation-agent.sock';
/** Default socket of the Confidential Data Hub. */
export const DATA_HUB_SOCKET = 'unix:///run/confidential-containers/cdh.sock';
/** Folder of the Confidential Data Hub's files. */
export const DATA_HUB_FOLDER = '/run/confidential-containers/cdh';

/** Settings of the Confidential Data Hub. */
export interface DataHubConfig {
  readonly socket: string;
  readonly agentSocket: string;
  readonly kbc: KbcParams;
  /** PEM certificates believed beside the built-in roots. */
  readonly kbsCert?: string;
  /** Resources fetched at the start into files. */
  readonly credentials: readonly CredentialFile[];
  readonly skipSealedSecretVerification: boolean;
  readonly image: ImageConfig;
}

export interface CredentialFile {
  readonly uri: ResourceUri;
  /** Below `<folder>/kbs`. */
  readonly path: string;
}

export interface DataHubSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly commandLine: string;
}

/**
 * Reads `socket`, `[kbc]`, `[aa]`, `[[credentials]]`, `skip_sealed_secret_verification`, `[image]`. `AA_KBC_PARAMS` and `AA_SOCKET` of the
 * environment win over the file, and `cdh.kbs_resources` of the kernel's command line adds to `credentials`, as upstream.
 *
 * @param document undefined: no file, the client is that of `fallback`
 * @throws ConfigError
 */
export function parseDataHubConfig(
  document: JsonObject | undefined,
  fallback: KbcParams,
  { env, commandLine }: DataHubSurroundings,
): DataHubConfig {
  const kbc = tableOf(document ?? {}, 'kbc');
  const cert = env['KBS_CERT'] ?? textOf(kbc, 'kbs_cert', 'kbc.kbs_cert');
  const ofEnv = env['AA_KBC_PARAMS'] !== undefined || document === undefined;
  return {
    socket: textOf(document ?? {}, 'socket') ?? DATA_HUB_SOCKET,
    agentSocket: env['AA_SOCKET'] ?? textOf(tableOf(document ?? {}, 'aa'), 'aa_socket', 'aa.aa_socket') ?? AGENT_SOCKET,
    kbc: ofEnv ? fallback : kbcOf(kbc),
    ...(cert === undefined || cert.trim() === '' ? {} : { kbsCert: cert }),
    credentials: [...credentialsOf(document ?? {}), ...kernelCredentials(commandLine)],
    skipSealedSecretVerification: flagOf(document ?? {}, 'skip_sealed_secret_verification') ?? false,
    image: parseImageConfig(document, env, commandLine),
  };
}

function kbcOf(table: JsonObject): KbcParams {
  const name = textOf(table, 'name', 'kbc.name');
  if (name === undefined) throw new ConfigError('kbc.name is missing; name one of cc_kbc, offline_fs_kbc');
  return { name, uri: textOf(table, 'url', 'kbc.url') ?? '' };
}

function credentialsOf(document: JsonObject): readonly CredentialFile[] {
  return tablesOf(document, 'credentials').map((entry, index) => {
    const where = `credentials[${index}]`;
    return credential(
      textOf(entry, 'resource_uri', `${where}.resource_uri`),
      textOf(entry, 'path', `${where}.path`),
      where,
    );
  });
}

/** `<uri>::<path>,<uri>::<path>` */
function kernelCredentials(commandLine: string): readonly CredentialFile[] {
  const text = kernelParameter(commandLine, 'cdh.kbs_resources', 'first');
  if (text === undefined || text === '') return [];
  return text.split(',').map((pair) => {
    const [uri, path, more] = pair.split('::');
    return credential(uri, more === undefined ? path : undefined, 'cdh.kbs_resources');
  });
}

const CREDENTIALS = `${DATA_HUB_FOLDER}/kbs/`;

function credential(uri: string | undefined, path: string | undefined, where: string): CredentialFile {
  if (uri === undefined || path === undefined) throw new ConfigError(`${where}: a resource URI and a path are wanted`);
  const parts = path.split('/');
  if (!path.startsWith(CREDENTIALS) || path.endsWith('/') || parts.includes('.') || parts.includes('..'))
    throw new ConfigError(`${where}: the path must be a file below ${CREDENTIALS}, without . and ..`);
  return { uri: parseResourceUri(uri), path };
}
