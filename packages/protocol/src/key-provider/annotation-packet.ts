import { DecodeError, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';

/**
 * Annotation packet of an encrypted image layer, version 1 and 2: version 1 is version 2 without the members that have defaults.
 */
export interface AnnotationPacket {
  /** KBS resource URI for provider `kbs`, else the key's id in the key management service. */
  readonly kid: string;
  /** Base64: the private options of the layer, encrypted. */
  readonly wrappedData: string;
  /** Exactly `kbs`, `aliyun`, `aws` or `ehsm`. */
  readonly provider: string;
  /** Base64. Undefined where the provider decrypts by itself. */
  readonly iv: string | undefined;
  readonly wrapType: string | undefined;
  readonly providerSettings: JsonObject;
  readonly annotations: JsonObject;
}

const MAX_BYTES = 1024 * 1024;
const VERSION = '0.1.0';

/** @throws DecodeError */
export function parseAnnotationPacket(bytes: Uint8Array): AnnotationPacket {
  const json = parseJsonStrict(bytes, { maxBytes: MAX_BYTES });
  if (!isJsonObject(json)) throw malformed('not a JSON object');
  const text = (name: string): string | undefined => {
    const value = Object.hasOwn(json, name) ? (json[name] ?? undefined) : undefined;
    if (value !== undefined && typeof value !== 'string') throw malformed(`${name} must be a text`);
    return value;
  };
  const table = (name: string): JsonObject => {
    const value = Object.hasOwn(json, name) ? (json[name] ?? {}) : {};
    if (!isJsonObject(value)) throw malformed(`${name} must be an object`);
    return value;
  };
  const required = (name: string): string => {
    const value = text(name);
    if (value === undefined) throw malformed(`${name} is missing`);
    return value;
  };
  const provider = text('provider') ?? 'kbs';
  if (provider === 'kbs' && (text('version') ?? VERSION) !== VERSION) throw malformed(`version must be ${VERSION}`);
  return {
    kid: required('kid'),
    wrappedData: required('wrapped_data'),
    provider,
    iv: text('iv'),
    wrapType: text('wrap_type'),
    providerSettings: table('provider_settings'),
    annotations: table('annotations'),
  };
}

function malformed(what: string): DecodeError {
  return new DecodeError('annotation packet', what);
}
