import { concatBytes, decodeHex, encodeUtf8 } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventDetails } from './details.js';
import { EVENT, eventTypeName } from './event-type.js';
import { u16, u32 } from './eventlog.test.helper.js';

const utf16 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'utf16le'));
const node = (type: number, subType: number, data: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(type, subType), u16(data.length + 4), data);
const imageLoad = (...nodes: readonly Uint8Array[]): Uint8Array => {
  const path = concatBytes(...nodes, decodeHex('7fff0400'));
  return concatBytes(new Uint8Array(24), u32(path.length), u32(0), path);
};
const GUID = decodeHex('72f728144ab61e44b8c39ebdd7f893c7');
const DISK = concatBytes(u32(15), u32(0x2800), u32(0), u32(0x35000), u32(0), GUID);

describe('device paths', () => {
  const paths = (...nodes: readonly Uint8Array[]): unknown =>
    eventDetails(EVENT.efiBootServicesApplication, imageLoad(...nodes)).device_paths;
  test.each<[string, Uint8Array]>([
    ['Pci(0,3)', node(1, 1, Uint8Array.of(0, 3))],
    ['ACPI(PNP0A03,2)', node(2, 1, concatBytes(decodeHex('d041030a'), u32(2)))],
    ['USB(1,0)', node(3, 5, Uint8Array.of(1, 0))],
    [
      'Mac(525400123456,0x01)',
      node(3, 11, concatBytes(decodeHex('525400123456'), new Uint8Array(26), Uint8Array.of(1))),
    ],
    [
      'IPv4(10.0.0.1,TCP,Static,10.0.0.2)',
      node(3, 12, concatBytes(u32(0x0a000002), u32(0x0a000001), u32(0), u16(6), Uint8Array.of(1), u32(0), u32(0))),
    ],
    [
      'IPv4(10.0.0.1,UDP,DHCP,10.0.0.2,1,2)',
      node(3, 12, concatBytes(u32(0x0a000002), u32(0x0a000001), u32(0), u16(17), Uint8Array.of(0), u32(1), u32(2))),
    ],
    [
      'FibreEx(0x0102030405060708,0x0000000000000000)',
      node(3, 21, concatBytes(decodeHex('0102030405060708'), new Uint8Array(8))),
    ],
    [
      'HD(15,GPT,1428F772-B64A-441E-B8C3-9EBDD7F893C7,0x2800,0x35000)',
      node(4, 1, concatBytes(DISK, Uint8Array.of(2, 2))),
    ],
    ['HD(15,MBR,0x1428f772,0x2800,0x35000)', node(4, 1, concatBytes(DISK, Uint8Array.of(1, 1)))],
    ['HD(0,MBR,0x1428f772)', node(4, 1, concatBytes(u32(0), DISK.subarray(4), Uint8Array.of(1, 1)))],
    ['VenMedia(1428F772-B64A-441E-B8C3-9EBDD7F893C7,)', node(4, 3, GUID)],
    ['VenMedia(1428F772-B64A-441E-B8C3-9EBDD7F893C7,0102)', node(4, 3, concatBytes(GUID, Uint8Array.of(1, 2)))],
    ['File(\\EFI\\BOOT)', node(4, 4, utf16('\\EFI\\BOOT\0'))],
    ['BBS(USB,,0)', node(5, 1, decodeHex('0500000000'))],
    ['BBS(65520,ABC,1)', node(5, 1, decodeHex('f0ff010041424300'))],
    ['Path(6,1,0102)', node(6, 1, Uint8Array.of(1, 2))],
    ['Path(1,2,)', node(1, 2, new Uint8Array())],
    ['Path(1,1,00)', node(1, 1, Uint8Array.of(0))],
    [`Path(3,11,${'00'.repeat(34)})`, node(3, 11, new Uint8Array(34))],
    ['Path(3,11,0000)', node(3, 11, new Uint8Array(2))],
    ['Path(4,4,410041)', node(4, 4, decodeHex('410041'))],
    ['Path(5,1,05000000ff00)', node(5, 1, decodeHex('05000000ff00'))],
  ])('%s', (expected, bytes) => {
    expect(paths(bytes)).toEqual([expected]);
  });

  test('several nodes, and none', () => {
    expect(paths(node(1, 1, Uint8Array.of(0, 0)), node(4, 4, utf16('a\0')))).toEqual(['Pci(0,0)', 'File(a)']);
    expect(eventDetails(EVENT.efiBootServicesApplication, new Uint8Array(32))).toEqual({});
  });

  test.each<[string, Uint8Array]>([
    ['short', new Uint8Array(31)],
    ['path beyond the data', concatBytes(new Uint8Array(24), u32(100), u32(0))],
    ['length of two', concatBytes(new Uint8Array(24), u32(2), u32(0), new Uint8Array(2))],
    ['length beyond 32 bits', concatBytes(new Uint8Array(24), u32(0), u32(1))],
    ['node of three bytes', imageLoad(Uint8Array.of(1, 1, 3, 0))],
    ['node beyond the path', imageLoad(Uint8Array.of(1, 1, 0xff, 0))],
    ['too many nodes', imageLoad(...Array.from({ length: 65 }, () => node(6, 1, new Uint8Array())))],
  ])('data that are not of the form give nothing: %s', (_, data) => {
    expect(eventDetails(EVENT.efiBootServicesApplication, data)).toEqual({});
  });
});

describe('variables', () => {
  const variable = (name: Uint8Array, value: Uint8Array): Uint8Array =>
    concatBytes(GUID, u32(name.length / 2), u32(0), u32(value.length), u32(0), name, value);
  test.each([EVENT.efiVariableDriverConfig, EVENT.efiVariableBoot, EVENT.efiVariableBoot2, EVENT.efiVariableAuthority])(
    'of type 0x%s',
    (type) => {
      expect(eventDetails(type, variable(utf16('SecureBoot'), Uint8Array.of(1)))).toEqual({
        unicode_name: 'SecureBoot',
        unicode_name_length: 10,
        variable_data: 'AQ==',
        variable_data_length: 1,
        variable_name: '72f72814-4ab6-1e44-b8c3-9ebdd7f893c7',
      });
    },
  );

  test.each<[string, Uint8Array]>([
    ['short', new Uint8Array(31)],
    ['name beyond the data', concatBytes(GUID, u32(100), u32(0), u32(0), u32(0))],
    ['data beyond the end', concatBytes(GUID, u32(0), u32(0), u32(1), u32(0))],
    ['name length beyond 32 bits', concatBytes(GUID, u32(0), u32(1), u32(0), u32(0))],
    ['name that is no UTF-16', variable(decodeHex('00d80000'), new Uint8Array())],
  ])('data that are not of the form give nothing: %s', (_, data) => {
    expect(eventDetails(EVENT.efiVariableBoot, data)).toEqual({});
  });
});

describe('texts', () => {
  const text = (type: number, data: Uint8Array): unknown => eventDetails(type, data).string;
  test.each<[string, number, Uint8Array, string | undefined]>([
    ['EV_ACTION', EVENT.action, encodeUtf8('Exit Boot Services'), 'Exit Boot Services'],
    ['EV_EFI_ACTION that is no UTF-8', EVENT.efiAction, Uint8Array.of(0xff), undefined],
    ['EV_POST_CODE', EVENT.postCode, encodeUtf8('ACPI DATA'), 'ACPI DATA'],
    ['EV_PLATFORM_CONFIG_FLAGS', EVENT.platformConfigFlags, encodeUtf8('a\u0000b\u0010c\u0007'), 'ab c'],
    ['EV_PLATFORM_CONFIG_FLAGS that is no UTF-8', EVENT.platformConfigFlags, Uint8Array.of(0xff), ''],
    ['EV_IPL in UTF-16', EVENT.ipl, concatBytes(utf16('.cmdline'), u16(0)), 'cmdline'],
    ['EV_IPL of one byte', EVENT.ipl, Uint8Array.of(0x2e), undefined],
    ['EV_IPL of a dot', EVENT.ipl, decodeHex('2e00'), undefined],
    ['EV_IPL of odd length', EVENT.ipl, decodeHex('2e0000'), undefined],
    ['EV_IPL up to the first NUL', EVENT.ipl, encodeUtf8('grub_cmd set\0\0'), 'grub_cmd set'],
    ['EV_IPL without NUL', EVENT.ipl, encodeUtf8('Mok'), 'Mok'],
    ['EV_IPL that is no text', EVENT.ipl, decodeHex('ff0041'), 'ff0041'],
    [
      'hand-off tables',
      EVENT.efiHandoffTables2,
      concatBytes(Uint8Array.of(9), encodeUtf8('TdxTable'), Uint8Array.of(0, 1)),
      'TdxTable',
    ],
    ['firmware blob with a length of zero', EVENT.efiPlatformFirmwareBlob2, Uint8Array.of(0), undefined],
    ['firmware blob cut', EVENT.efiPlatformFirmwareBlob2, decodeHex('0f41'), undefined],
    ['firmware blob empty', EVENT.efiPlatformFirmwareBlob2, new Uint8Array(), undefined],
    ['tag', EVENT.eventTag, concatBytes(u32(0x8f3b22ec), u32(13), encodeUtf8('Linux initrd\0')), 'Linux initrd'],
    [
      'agent event that is no UTF-8',
      EVENT.eventTag,
      concatBytes(u32(0x4141454c), u32(5), decodeHex('6120622063ff').subarray(1)),
      undefined,
    ],
    ['agent event of two fields', EVENT.eventTag, concatBytes(u32(0x4141454c), u32(3), encodeUtf8('a b')), undefined],
    ['tag cut', EVENT.eventTag, u32(0x8f3b22ec), undefined],
    ['types without a reading', EVENT.separator, new Uint8Array(4), undefined],
  ])('%s', (_, type, data, expected) => {
    expect(text(type, data)).toBe(expected);
  });
});

test('names of types', () => {
  expect(eventTypeName(0x80000003)).toBe('EV_EFI_BOOT_SERVICES_APPLICATION');
  expect(eventTypeName(0x13)).toBe('0x13');
});

test('fuzz: no data throw', () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(EVENT)), fc.uint8Array({ maxLength: 300 }), (type, data) => {
      expect(typeof eventDetails(type, data)).toBe('object');
    }),
    { numRuns: fuzzRuns(1000) },
  );
});
