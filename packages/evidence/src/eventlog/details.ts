/**
 * What an event's data say, as members of the claim `uefi_event_logs[].details`.
 *
 * Data that are not of the type's form give no details: the digest, not this reading, is what the registers vouch for.
 */
import { ByteReader, DecodeError, encodeBase64, encodeHex, type JsonObject } from '@assay/bytes';
import { AAEL_TAG, contentValue, readTaggedEvent, splitAgentEvent } from './aael.js';
import { devicePathTexts } from './device-path.js';
import { EVENT } from './event-type.js';
import { rawGuidText, utf8, utf16 } from './text.js';

type Reader = (data: Uint8Array) => JsonObject | undefined;

/** Members of `details` for an event's data; empty for types without a reading and for data that are not of the form. */
export function eventDetails(type: number, data: Uint8Array): JsonObject {
  const reader = READERS.get(type);
  if (reader === undefined) return {};
  try {
    return reader(data) ?? {};
  } catch (error) {
    if (error instanceof DecodeError) return {};
    throw error;
  }
}

const READERS: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [EVENT.postCode, plainText],
  [EVENT.action, plainText],
  [EVENT.compactHash, plainText],
  [EVENT.omitBootDeviceEvents, plainText],
  [EVENT.efiAction, plainText],
  [EVENT.platformConfigFlags, flagsText],
  [EVENT.eventTag, taggedEvent],
  [EVENT.ipl, ipl],
  [EVENT.efiPlatformFirmwareBlob2, countedText],
  [EVENT.efiHandoffTables2, countedText],
  [EVENT.efiVariableDriverConfig, variable],
  [EVENT.efiVariableBoot, variable],
  [EVENT.efiVariableBoot2, variable],
  [EVENT.efiVariableAuthority, variable],
  [EVENT.efiBootServicesApplication, imageLoad],
]);

function plainText(data: Uint8Array): JsonObject | undefined {
  const text = utf8(data);
  return text === undefined ? undefined : { string: text };
}

/** The data are binary with a name in front: what is text in them. U+0010 separates; other control characters go. */
function flagsText(data: Uint8Array): JsonObject {
  const text = utf8(data) ?? '';
  return { string: text.replaceAll('\u0010', ' ').replace(/\p{Cc}/gu, '') };
}

function taggedEvent(data: Uint8Array): JsonObject {
  const { tag, event } = readTaggedEvent(data);
  const string = new TextDecoder('utf-8', { ignoreBOM: true }).decode(event).replaceAll('\0', '');
  if (tag !== AAEL_TAG) return { string };
  const text = utf8(event);
  if (text === undefined) throw new DecodeError('agent event', 'a text that is not UTF-8');
  const { domain, operation, content } = splitAgentEvent(text);
  return { unicode_name: 'AAEL', string, data: { domain, operation, content: contentValue(content) } };
}

function ipl(data: Uint8Array): JsonObject | undefined {
  if (data.length < 2) return undefined;
  if (data[0] === 0x2e && data[1] === 0x00) {
    // systemd-stub and GCE: `.name` in UTF-16 with a terminator.
    if (data.length < 4 || data.length % 2 !== 0) return undefined;
    return { string: utf16(data.subarray(2, data.length - 2)) };
  }
  const end = data.indexOf(0);
  return { string: utf8(end < 0 ? data : data.subarray(0, end)) ?? encodeHex(data) };
}

/** A length byte and a name; the length counts one byte more than policies are used to see, so the last one goes. */
function countedText(data: Uint8Array): JsonObject | undefined {
  const reader = new ByteReader(data, 'named blob');
  return plainText(reader.bytes(reader.u8('length') - 1, 'name'));
}

/** UEFI_VARIABLE_DATA. */
function variable(data: Uint8Array): JsonObject | undefined {
  const reader = new ByteReader(data, 'UEFI variable');
  const guid = reader.bytes(16, 'GUID');
  // Lengths beyond the data, and beyond exact numbers, are refused by the reader.
  const nameLength = Number(reader.u64le('name length'));
  const dataLength = Number(reader.u64le('data length'));
  const name = utf16(reader.bytes(nameLength * 2, 'name'));
  const value = reader.bytes(dataLength, 'data');
  if (name.includes('\ufffd')) return undefined;
  return {
    unicode_name: name,
    unicode_name_length: nameLength,
    variable_data: encodeBase64(value),
    variable_data_length: dataLength,
    variable_name: rawGuidText(guid),
  };
}

/** UEFI_IMAGE_LOAD_EVENT: three addresses and sizes, then a device path that ends with an end node of four bytes. */
function imageLoad(data: Uint8Array): JsonObject {
  const reader = new ByteReader(data, 'image load event');
  reader.skip(24, 'addresses and sizes');
  // No path (length 0) is no length here either, and gives no details.
  const path = reader.bytes(Number(reader.u64le('device path length')) - 4, 'device path');
  return { device_paths: devicePathTexts(path) };
}
