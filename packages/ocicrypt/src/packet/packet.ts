/**
 * The annotation packet: the private options of a layer, wrapped with a key that a key broker keeps.
 *
 * One format is shared by all key broker clients since Confidential Containers 0.5; the earlier one of EAA
 * (byte arrays, `algorithm` instead of `wrap_type`) is read too, and told apart by the kind of `wrapped_data`.
 */
import {
  DecodeError,
  decodeBase64,
  decodeUtf8,
  encodeBase64,
  encodeUtf8,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { type AssayError, assayError } from '@assay/bytes/findings';

/** Most bytes of a packet. */
const LARGEST_PACKET = 256 * 1024;

export const PACKET_VERSION = '0.1.0';

/** `A256GCM`: 12-byte IV, tag behind the ciphertext. `A256CTR`: 16-byte initial counter block, nothing authenticates it. */
export type WrapType = 'A256GCM' | 'A256CTR';

/** Services that unwrap with a key of their own; `kbs` hands its key out to the guest. */
export const PACKET_PROVIDERS = ['kbs', 'aliyun', 'aws', 'ehsm'] as const;
export type PacketProvider = (typeof PACKET_PROVIDERS)[number];

export interface AnnotationPacket {
  /** Which form it was read from. */
  readonly form: 'coco' | 'eaa';
  /** KBS resource URI, id of a KMS's key, or (EAA) a plain name. */
  readonly kid: string;
  readonly wrappedData: Uint8Array;
  readonly provider: PacketProvider;
  /** Absent where a KMS unwraps. */
  readonly iv?: Uint8Array;
  readonly wrapType?: WrapType;
  readonly version: string;
  readonly providerSettings: JsonObject;
  readonly annotations: JsonObject;
}

/** @throws AssayError `image.packet.form` */
export function readPacket(bytes: Uint8Array): AnnotationPacket {
  let value: JsonValue;
  try {
    value = parseJsonStrict(decodeUtf8(bytes), { maxBytes: LARGEST_PACKET });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw malformed(`no JSON: ${error.message}`);
  }
  if (!isJsonObject(value)) throw malformed('no JSON object');
  return isJsonArray(value['wrapped_data'] ?? null) ? readEaa(value) : readCoco(value);
}

function readCoco(packet: JsonObject): AnnotationPacket {
  const provider = packet['provider'] ?? 'kbs';
  const version = packet['version'] ?? PACKET_VERSION;
  if (!isProvider(provider)) throw malformed(`provider ${shown(provider)} is not known`);
  if (typeof version !== 'string') throw malformed('`version` is no text');
  if (version !== PACKET_VERSION && provider === 'kbs') {
    throw malformed(`version is ${shown(version)}; ${PACKET_VERSION} is read`);
  }
  const common = {
    form: 'coco' as const,
    kid: textOf(packet, 'kid'),
    wrappedData: base64Of(packet, 'wrapped_data'),
    provider,
    version,
    providerSettings: objectOf(packet, 'provider_settings'),
    annotations: objectOf(packet, 'annotations'),
  };
  if (provider !== 'kbs') return common;
  const wrapType = wrapTypeOf(packet['wrap_type']);
  return { ...common, wrapType, iv: checkIv(base64Of(packet, 'iv'), wrapType) };
}

function readEaa(packet: JsonObject): AnnotationPacket {
  if (packet['algorithm'] !== 'AES' || packet['key_length'] !== 256) {
    throw malformed('the earlier form wants algorithm `AES` and key_length 256');
  }
  return {
    form: 'eaa',
    kid: textOf(packet, 'kid'),
    wrappedData: numbersOf(packet, 'wrapped_data'),
    provider: 'kbs',
    version: PACKET_VERSION,
    wrapType: 'A256GCM',
    iv: checkIv(numbersOf(packet, 'iv'), 'A256GCM'),
    providerSettings: {},
    annotations: {},
  };
}

/** In the order of members that encryption tools write. `v1` is what every guest reads; `v2` names version and provider. */
export function writePacket(packet: AnnotationPacket, form: 'v1' | 'v2' | 'eaa' = 'v1'): Uint8Array {
  const { kid, wrappedData, provider, iv = new Uint8Array(0), wrapType = 'A256GCM' } = packet;
  if (form === 'eaa') {
    if (wrapType !== 'A256GCM') throw malformed('the earlier form has A256GCM only');
    return encodeUtf8(
      JSON.stringify({ kid, wrapped_data: [...wrappedData], iv: [...iv], algorithm: 'AES', key_length: 256 }),
    );
  }
  const wrapped = encodeBase64(wrappedData);
  if (form === 'v1' && provider === 'kbs') {
    return encodeUtf8(JSON.stringify({ kid, wrapped_data: wrapped, iv: encodeBase64(iv), wrap_type: wrapType }));
  }
  return encodeUtf8(
    JSON.stringify({
      version: packet.version,
      kid,
      wrapped_data: wrapped,
      provider,
      ...(provider === 'kbs' ? { iv: encodeBase64(iv), wrap_type: wrapType } : {}),
      provider_settings: packet.providerSettings,
      annotations: packet.annotations,
    }),
  );
}

/** Size of the IV of each wrap type, in bytes. */
export const IV_SIZE: Readonly<Record<WrapType, number>> = { A256GCM: 12, A256CTR: 16 };

function checkIv(iv: Uint8Array, wrapType: WrapType): Uint8Array {
  if (iv.length !== IV_SIZE[wrapType])
    throw malformed(`\`iv\` has ${iv.length} bytes; ${wrapType} wants ${IV_SIZE[wrapType]}`);
  return iv;
}

function wrapTypeOf(value: JsonValue | undefined): WrapType {
  if (value === 'A256GCM' || value === 'A256CTR') return value;
  throw malformed(`wrap_type ${shown(value ?? null)} is not known`, 'wrap_type');
}

function isProvider(value: JsonValue): value is PacketProvider {
  return PACKET_PROVIDERS.some((known) => known === value);
}

function textOf(packet: JsonObject, member: string): string {
  const value = packet[member];
  if (typeof value !== 'string' || value === '') throw malformed(`\`${member}\` is no text`);
  return value;
}

function base64Of(packet: JsonObject, member: string): Uint8Array {
  const value = packet[member];
  try {
    if (typeof value === 'string') return decodeBase64(value);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  throw malformed(`\`${member}\` is no base64`);
}

function numbersOf(packet: JsonObject, member: string): Uint8Array {
  const value = packet[member];
  if (value !== undefined && isJsonArray(value) && value.every(isByte)) return Uint8Array.from(value);
  throw malformed(`\`${member}\` is no array of bytes`);
}

function isByte(value: JsonValue): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255;
}

function objectOf(packet: JsonObject, member: string): JsonObject {
  const value = packet[member] ?? {};
  if (!isJsonObject(value)) throw malformed(`\`${member}\` is no object`);
  return value;
}

function shown(value: JsonValue): string {
  return `\`${typeof value === 'string' ? value.slice(0, 40) : JSON.stringify(value).slice(0, 40)}\``;
}

function malformed(what: string, member?: string): AssayError {
  return assayError('image.packet.form', { params: { what }, ...(member === undefined ? {} : { subject: member }) });
}
