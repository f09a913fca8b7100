/** The file that `OCICRYPT_KEYPROVIDER_CONFIG` names: which providers there are, and how they are reached. */
import {
  DecodeError,
  decodeUtf8,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { malformed } from './messages.js';

/** How a provider is reached. `native` ones are built into the program that reads the file. */
export type ProviderAddress =
  | { readonly kind: 'cmd'; readonly path: string; readonly args: readonly string[] }
  | { readonly kind: 'grpc'; readonly address: string; readonly tls?: ProviderTls }
  | { readonly kind: 'ttrpc' | 'native'; readonly address: string };

/** `grpc-tls`: how a provider is believed, and how it believes who asks. */
export interface ProviderTls {
  /** PEM of the authorities that are believed instead of the built-in ones. */
  readonly rootCaFile?: string;
  /** PEM of the client's certificate and key: both or neither. */
  readonly client?: { readonly certFile: string; readonly keyFile: string };
  /** Name that the provider's certificate must have, where it is not that of the address. */
  readonly serverName?: string;
  /** True: any certificate is taken. Whoever stands in between then reads the keys of layers. */
  readonly insecureSkipVerify: boolean;
}

/** @throws AssayError `image.provider.form` */
export function readProviderConfig(bytes: Uint8Array): ReadonlyMap<string, ProviderAddress> {
  let value: JsonValue;
  try {
    value = parseJsonStrict(decodeUtf8(bytes));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw malformed(`the configuration is no JSON: ${error.message}`);
  }
  const providers = isJsonObject(value) ? value['key-providers'] : undefined;
  if (providers === undefined || !isJsonObject(providers)) throw malformed('the configuration has no `key-providers`');
  return new Map(
    Object.entries(providers).map(([name, entry]) => {
      if (entry === undefined || !isJsonObject(entry)) throw malformed(`\`${name}\` is no object`);
      return [name, readAddress(name, entry)];
    }),
  );
}

function readAddress(name: string, entry: JsonObject): ProviderAddress {
  const { cmd } = entry;
  if (cmd !== undefined && cmd !== null) {
    if (!isJsonObject(cmd) || typeof cmd['path'] !== 'string' || cmd['path'] === '') {
      throw malformed(`\`${name}\`: \`cmd\` has no path`);
    }
    const args = cmd['args'] ?? [];
    if (!isJsonArray(args)) throw malformed(`\`${name}\`: \`cmd.args\` is no array of texts`);
    const texts = args.filter((arg) => typeof arg === 'string');
    if (texts.length !== args.length) throw malformed(`\`${name}\`: \`cmd.args\` is no array of texts`);
    return { kind: 'cmd', path: cmd['path'], args: texts };
  }
  const tls = entry['grpc-tls'] ?? undefined;
  for (const kind of ['grpc', 'ttrpc', 'native'] as const) {
    const address = entry[kind];
    if (typeof address !== 'string' || address === '') continue;
    if (kind === 'grpc') return { kind, address, ...(tls === undefined ? {} : { tls: readTls(name, tls) }) };
    // Asked in clear, whatever the file says: it says it for gRPC.
    if (tls !== undefined) throw malformed(`\`${name}\`: \`grpc-tls\` is for grpc`);
    return { kind, address };
  }
  throw malformed(`\`${name}\` has none of cmd, grpc, ttrpc, native`);
}

const TLS_TEXTS = ['root-ca-file', 'cert-file', 'key-file', 'server-name'];

function readTls(name: string, value: JsonValue): ProviderTls {
  if (!isJsonObject(value)) throw malformed(`\`${name}\`: \`grpc-tls\` is no object`);
  const unknown = Object.keys(value).find((key) => ![...TLS_TEXTS, 'insecure-skip-verify'].includes(key));
  // A misspelt authority would be no authority, and any public one would do.
  if (unknown !== undefined)
    throw malformed(`\`${name}\`: \`grpc-tls\` has an unknown member \`${unknown.slice(0, 40)}\``);
  const text = (key: string): string | undefined => {
    const member = value[key] ?? undefined;
    if (member === undefined || member === '') return undefined;
    if (typeof member === 'string') return member;
    throw malformed(`\`${name}\`: \`${key}\` is no text`);
  };
  const [rootCaFile, certFile, keyFile, serverName] = TLS_TEXTS.map(text);
  const skip = value['insecure-skip-verify'] ?? false;
  if (typeof skip !== 'boolean') throw malformed(`\`${name}\`: \`insecure-skip-verify\` is neither true nor false`);
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw malformed(`\`${name}\`: one of cert-file and key-file is missing`);
  }
  return {
    ...(rootCaFile === undefined ? {} : { rootCaFile }),
    ...(certFile === undefined || keyFile === undefined ? {} : { client: { certFile, keyFile } }),
    ...(serverName === undefined ? {} : { serverName }),
    insecureSkipVerify: skip,
  };
}
