/** Event types of the TCG PC Client Platform Firmware Profile, section 10.4.1. */
export const EVENT = {
  postCode: 0x01,
  noAction: 0x03,
  separator: 0x04,
  action: 0x05,
  eventTag: 0x06,
  sCrtmVersion: 0x08,
  platformConfigFlags: 0x0a,
  compactHash: 0x0c,
  ipl: 0x0d,
  omitBootDeviceEvents: 0x12,
  efiVariableDriverConfig: 0x80000001,
  efiVariableBoot: 0x80000002,
  efiBootServicesApplication: 0x80000003,
  efiAction: 0x80000007,
  efiPlatformFirmwareBlob2: 0x8000000a,
  efiHandoffTables2: 0x8000000b,
  efiVariableBoot2: 0x8000000c,
  efiVariableAuthority: 0x800000e0,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map([
  [0x00, 'EV_PREBOOT_CERT'],
  [0x01, 'EV_POST_CODE'],
  [0x02, 'EV_UNUSED'],
  [0x03, 'EV_NO_ACTION'],
  [0x04, 'EV_SEPARATOR'],
  [0x05, 'EV_ACTION'],
  [0x06, 'EV_EVENT_TAG'],
  [0x07, 'EV_S_CRTM_CONTENTS'],
  [0x08, 'EV_S_CRTM_VERSION'],
  [0x09, 'EV_CPU_MICROCODE'],
  [0x0a, 'EV_PLATFORM_CONFIG_FLAGS'],
  [0x0b, 'EV_TABLE_OF_DEVICES'],
  [0x0c, 'EV_COMPACT_HASH'],
  [0x0d, 'EV_IPL'],
  [0x0e, 'EV_IPL_PARTITION_DATA'],
  [0x0f, 'EV_NONHOST_CODE'],
  [0x10, 'EV_NONHOST_CONFIG'],
  [0x11, 'EV_NONHOST_INFO'],
  [0x12, 'EV_OMIT_BOOT_DEVICE_EVENTS'],
  [0x80000000, 'EV_EFI_EVENT_BASE'],
  [0x80000001, 'EV_EFI_VARIABLE_DRIVER_CONFIG'],
  [0x80000002, 'EV_EFI_VARIABLE_BOOT'],
  [0x80000003, 'EV_EFI_BOOT_SERVICES_APPLICATION'],
  [0x80000004, 'EV_EFI_BOOT_SERVICES_DRIVER'],
  [0x80000005, 'EV_EFI_RUNTIME_SERVICES_DRIVER'],
  [0x80000006, 'EV_EFI_GPT_EVENT'],
  [0x80000007, 'EV_EFI_ACTION'],
  [0x80000008, 'EV_EFI_PLATFORM_FIRMWARE_BLOB'],
  [0x80000009, 'EV_EFI_HANDOFF_TABLES'],
  [0x8000000a, 'EV_EFI_PLATFORM_FIRMWARE_BLOB2'],
  [0x8000000b, 'EV_EFI_HANDOFF_TABLES2'],
  [0x8000000c, 'EV_EFI_VARIABLE_BOOT2'],
  [0x80000010, 'EV_EFI_HCRTM_EVENT'],
  [0x800000e0, 'EV_EFI_VARIABLE_AUTHORITY'],
  [0x800000e1, 'EV_EFI_SPDM_FIRMWARE_BLOB'],
  [0x800000e2, 'EV_EFI_SPDM_FIRMWARE_CONFIG'],
]);

/** Name of an event type; `0x…` for one that the profile does not name, which no policy can take for another. */
export function eventTypeName(type: number): string {
  return NAMES.get(type) ?? `0x${type.toString(16)}`;
}

/**
 * How far the digest binds the data of an event.
 *
 * `always`: the profile says digest = H(data), and no firmware in the field differs. `usually`: some firmware hashes
 * something else there, so a difference leaves the data unbound without speaking against the log. `never`: the digest is
 * of something that the log does not hold (a PE image, a firmware volume), or of a part of the data.
 */
export function digestBindsData(type: number): 'always' | 'usually' | 'never' {
  switch (type) {
    case EVENT.separator:
    case EVENT.action:
    case EVENT.sCrtmVersion:
    case EVENT.efiVariableDriverConfig:
    case EVENT.efiAction:
      return 'always';
    case EVENT.efiVariableAuthority:
      return 'usually';
    default:
      return 'never';
  }
}
