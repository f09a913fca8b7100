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
  | { readonly kind: 'grpc' | 'ttrpc' | 'native'; readonly address: string };

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
  for (const kind of ['grpc', 'ttrpc', 'native'] as const) {
    const address = entry[kind];
    if (typeof address === 'string' && address !== '') return { kind, address };
  }
  throw malformed(`\`${name}\` has none of cmd, grpc, ttrpc, native`);
}
