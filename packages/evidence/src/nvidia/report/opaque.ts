/** Opaque data of a report: what the device says of itself beside its measurements, as type, length, value. */
import { type ByteReader, DecodeError, decodeUtf8, encodeHex, type JsonValue } from '@assay/bytes';

/** Value by field type, in the order of the report. */
export type OpaqueData = ReadonlyMap<number, Uint8Array>;

/** Field types that are understood. */
export const OPAQUE = {
  driverVersion: 3,
  vbiosVersion: 6,
  nvdec0Status: 11,
  measurementCount: 12,
  chipSku: 15,
  chipSkuMod: 16,
  project: 17,
  projectSku: 18,
  fwid: 20,
  switchPdi: 22,
  gpuPdis: 26,
  opaqueDataVersion: 34,
  chipInfo: 35,
  featureFlag: 36,
} as const;

/** Names of the fields in claims, as NVIDIA's tools and Confidential Containers write them. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'cert_issuer_name'],
  [2, 'cert_authority_key_identifier'],
  [3, 'driver_version'],
  [4, 'gpu_info'],
  [5, 'id_sku'],
  [6, 'vbios_version'],
  [7, 'manufacturer_id'],
  [8, 'tamper_detection'],
  [9, 'smc'],
  [10, 'vpr'],
  [11, 'nvdec0_status'],
  [12, 'measurement_count'],
  [13, 'cpr_info'],
  [14, 'board_id'],
  [15, 'chip_sku'],
  [16, 'chip_sku_mod'],
  [17, 'project'],
  [18, 'project_sku'],
  [19, 'project_sku_mod'],
  [20, 'fwid'],
  [21, 'protected_pcie_status'],
  [22, 'switch_pdi'],
  [23, 'floorswept_ports'],
  [24, 'position_id'],
  [25, 'lock_switch_status'],
  [26, 'gpu_pdis'],
  [32, 'gpu_link_conn'],
  [33, 'sys_enable_status'],
  [34, 'opaque_data_version'],
  [35, 'chip_info'],
  [36, 'feature_flag'],
]);

const FORMAT = 'NVIDIA opaque data';
const MOST_FIELDS = 64;
const NVDEC_ENABLED = 0xaa;
const NVDEC_DISABLED = 0x55;
const PDI_SIZE = 8;
/** GPUs that a switch lists, of any generation that reports this form. */
const MOST_GPU_PDIS = 8;

/** Reads every field; a type that stands twice is refused. @throws DecodeError */
export function readOpaqueData(reader: ByteReader): OpaqueData {
  const fields = new Map<number, Uint8Array>();
  while (reader.remaining > 0) {
    const at = reader.offset;
    const type = reader.u16le('field type');
    const length = reader.u16le('field length');
    if (fields.has(type)) throw new DecodeError(FORMAT, `field ${type} stands twice`, at);
    if (fields.size === MOST_FIELDS) throw new DecodeError(FORMAT, `more than ${MOST_FIELDS} fields`, at);
    fields.set(type, reader.bytes(length, `field ${type}`));
  }
  return fields;
}

/** Text of a field without the NULs behind it; undefined where the field is absent or no printable ASCII. */
export function textField(opaque: OpaqueData, type: number): string | undefined {
  const value = opaque.get(type);
  return value === undefined ? undefined : asText(value);
}

/**
 * VBIOS version: `96.00.a5.00.01`. GPUs report it as eight bytes, little-endian, switches as text.
 *
 * @returns undefined where the field is absent or of neither form
 */
export function vbiosVersion(opaque: OpaqueData): string | undefined {
  const value = opaque.get(OPAQUE.vbiosVersion);
  if (value === undefined) return undefined;
  if (value.length !== 8) return asText(value);
  const digits = encodeHex(Uint8Array.from(value).reverse());
  return [...(digits.slice(8).match(/../g) ?? []), digits.slice(6, 8)].join('.');
}

/** True where measurement 35 of the driver's manifest has no meaning: the video decoder is off. */
export function nvdec0Disabled(opaque: OpaqueData): boolean {
  const value = opaque.get(OPAQUE.nvdec0Status);
  return value?.length === 1 && value[0] === NVDEC_DISABLED;
}

/**
 * Switches that a GPU is linked to, once each; entries of zeros are links without a peer. Undefined where the field is absent
 * or of no whole number of entries. In the order of bytes in which a switch names itself, which is the other way round.
 */
export function linkedSwitches(opaque: OpaqueData): ReadonlySet<string> | undefined {
  const entries = pdis(opaque.get(OPAQUE.switchPdi));
  return entries === undefined ? undefined : new Set(entries.filter(isPeer).map(reversed));
}

/** The device identifier that a switch gives itself. */
export function switchPdi(opaque: OpaqueData): string | undefined {
  const entries = pdis(opaque.get(OPAQUE.switchPdi));
  return entries?.length === 1 ? entries[0] : undefined;
}

/** GPUs that a switch is linked to, once each. */
export function linkedGpus(opaque: OpaqueData): ReadonlySet<string> | undefined {
  const entries = pdis(opaque.get(OPAQUE.gpuPdis));
  // Behind the identifiers stands the table of ports.
  return entries === undefined ? undefined : new Set(entries.slice(0, MOST_GPU_PDIS).filter(isPeer));
}

/** Every field by name, for claims: texts, versions and counts in words, everything else as hex. */
export function opaqueMembers(opaque: OpaqueData): { readonly [name: string]: JsonValue } {
  return Object.fromEntries(
    [...opaque].map(([type, value]) => [NAMES.get(type) ?? `field_${type}`, inWords(type, value, opaque)]),
  );
}

function inWords(type: number, value: Uint8Array, opaque: OpaqueData): JsonValue {
  return meaning(type, value, opaque) ?? encodeHex(value);
}

function meaning(type: number, value: Uint8Array, opaque: OpaqueData): JsonValue | undefined {
  switch (type) {
    case OPAQUE.driverVersion:
    case OPAQUE.chipSku:
    case OPAQUE.chipSkuMod:
    case OPAQUE.project:
    case OPAQUE.projectSku:
    case OPAQUE.chipInfo:
      return asText(value);
    case OPAQUE.vbiosVersion:
      return vbiosVersion(opaque);
    case OPAQUE.nvdec0Status:
      if (value.length !== 1) return undefined;
      return value[0] === NVDEC_ENABLED ? 'enabled' : value[0] === NVDEC_DISABLED ? 'disabled' : undefined;
    case OPAQUE.measurementCount:
      return counts(value);
    case OPAQUE.switchPdi:
      return pdis(value);
    case OPAQUE.opaqueDataVersion:
      return littleEndian(value);
    case OPAQUE.featureFlag: {
      const flag = littleEndian(value);
      return flag === undefined ? undefined : (['SPT', 'MPT', 'PPCIE'][flag] ?? 'unknown');
    }
    default:
      return undefined;
  }
}

/** How often each measurement was extended, by index from 1. */
function counts(value: Uint8Array): JsonValue | undefined {
  if (value.length % 4 !== 0) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Object.fromEntries(
    Array.from({ length: value.length / 4 }, (_, index) => [String(index + 1), view.getUint32(4 * index, true)]),
  );
}

function pdis(value: Uint8Array | undefined): string[] | undefined {
  if (value === undefined || value.length % PDI_SIZE !== 0) return undefined;
  return Array.from({ length: value.length / PDI_SIZE }, (_, index) =>
    encodeHex(value.subarray(PDI_SIZE * index, PDI_SIZE * (index + 1))),
  );
}

function isPeer(pdi: string): boolean {
  return !/^(?:0+|f+)$/.test(pdi);
}

function reversed(pdi: string): string {
  return (pdi.match(/../g) ?? []).reverse().join('');
}

function littleEndian(value: Uint8Array): number | undefined {
  if (value.length === 0 || value.length > 6) return undefined;
  return value.reduceRight((number, octet) => number * 256 + octet, 0);
}

function asText(value: Uint8Array): string | undefined {
  let end = value.length;
  while (end > 0 && value[end - 1] === 0) end -= 1;
  const printable = value.subarray(0, end).every((octet) => octet >= 0x20 && octet < 0x7f);
  return printable ? decodeUtf8(value.subarray(0, end)) : undefined;
}
