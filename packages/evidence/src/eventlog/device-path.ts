/** Texts of UEFI device paths (UEFI 2.10 section 10.3 and 10.6), in the forms that policies of Confidential Containers read. */
import { ByteReader, DecodeError, encodeHex } from '@assay/bytes';
import { guidText, utf16 } from './text.js';

const HEADER = 4;
const MOST_NODES = 64;

/** One text per node up to where the nodes end. @throws DecodeError when a node has a length that is none. */
export function devicePathTexts(path: Uint8Array): string[] {
  const texts: string[] = [];
  const reader = new ByteReader(path, 'device path');
  while (reader.remaining > 0) {
    const type = reader.u8('type');
    const subType = reader.u8('sub-type');
    const length = reader.u16le('length');
    if (texts.length === MOST_NODES) throw new DecodeError('device path', `more than ${MOST_NODES} nodes`);
    const data = reader.bytes(length - HEADER, 'node');
    texts.push(nodeText(type, subType, data) ?? `Path(${type},${subType},${encodeHex(data)})`);
  }
  return texts;
}

/** Text of a node of a known type; undefined where type or content is not known. */
function nodeText(type: number, subType: number, data: Uint8Array): string | undefined {
  const writer = NODES.get((type << 8) | subType);
  if (writer === undefined) return undefined;
  try {
    return writer(new ByteReader(data, 'device path node'));
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

const NODES: ReadonlyMap<number, (reader: ByteReader) => string | undefined> = new Map([
  [0x0101, (reader: ByteReader) => `Pci(${reader.u8('function')},${reader.u8('device')})`],
  [0x0201, acpi],
  [0x0305, (reader: ByteReader) => `USB(${reader.u8('port')},${reader.u8('interface')})`],
  [0x030b, mac],
  [0x030c, ipv4],
  [0x0315, fibreChannelEx],
  [0x0401, hardDrive],
  [0x0403, vendorMedia],
  [0x0404, filePath],
  [0x0501, biosBoot],
]);

function acpi(reader: ByteReader): string {
  const hid = reader.u32le('HID');
  const uid = reader.u32le('UID');
  const letter = (shift: number): string => String.fromCharCode(0x40 + ((hid >> shift) & 0x1f));
  const product = (hid >>> 16).toString(16).toUpperCase().padStart(4, '0');
  return `ACPI(${letter(10)}${letter(5)}${letter(0)}${product},${uid})`;
}

function mac(reader: ByteReader): string | undefined {
  if (reader.remaining !== 33) return undefined;
  // The address is padded to 32 bytes, and its length is not said: zeros at the end are cut, digit by digit.
  const address = encodeHex(reader.bytes(31, 'address')).replace(/0+$/, '').toUpperCase();
  reader.skip(1, 'padding');
  return `Mac(${address},0x${reader.u8('interface type').toString(16).padStart(2, '0')})`;
}

const IP_PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [6, 'TCP'],
  [17, 'UDP'],
]);

function ipv4(reader: ByteReader): string {
  const local = reader.u32le('local address');
  const remote = reader.u32le('remote address');
  reader.skip(4, 'ports');
  const protocol = IP_PROTOCOLS.get(reader.u16le('protocol')) ?? '';
  const origin = ['DHCP', 'Static'][reader.u8('address origin')] ?? '';
  const gateway = reader.u32le('gateway');
  const mask = reader.u32le('subnet mask');
  const rest = gateway !== 0 || mask !== 0 ? `,${gateway},${mask}` : '';
  return `IPv4(${dotted(remote)},${protocol},${origin},${dotted(local)}${rest})`;
}

/** The number's most significant byte first, as the verifiers of the field print it. */
function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

function fibreChannelEx(reader: ByteReader): string {
  const name = encodeHex(reader.bytes(8, 'world wide name'));
  return `FibreEx(0x${name},0x${encodeHex(reader.bytes(8, 'logical unit'))})`;
}

function hardDrive(reader: ByteReader): string | undefined {
  const number = reader.u32le('partition number');
  const start = reader.u64le('start');
  const size = reader.u64le('size');
  const signature = reader.bytes(16, 'signature');
  const format = reader.u8('format');
  reader.u8('signature type');
  const where = number === 0 ? '' : `,0x${start.toString(16)},0x${size.toString(16)}`;
  if (format === 1) {
    const id = new ByteReader(signature, 'MBR signature').u32le('signature');
    return `HD(${number},MBR,0x${id.toString(16).padStart(8, '0')}${where})`;
  }
  return format === 2 ? `HD(${number},GPT,${guidText(signature)}${where})` : undefined;
}

function vendorMedia(reader: ByteReader): string {
  const guid = guidText(reader.bytes(16, 'GUID'));
  return `VenMedia(${guid},${encodeHex(reader.rest())})`;
}

function filePath(reader: ByteReader): string | undefined {
  const data = reader.rest();
  if (data.length === 0 || data.length % 2 !== 0) return undefined;
  return `File(${utf16(data.subarray(0, data.length - 2))})`;
}

const BOOT_DEVICES: ReadonlyMap<number, string> = new Map([
  [0x01, 'FLOPPY'],
  [0x02, 'HARD_DRIVE'],
  [0x03, 'CDROM'],
  [0x04, 'PCMCIA'],
  [0x05, 'USB'],
  [0x06, 'EMBEDDED_NETWORK'],
  [0x80, 'DEV'],
  [0xff, 'UNKNOWN'],
]);

function biosBoot(reader: ByteReader): string | undefined {
  const type = reader.u16le('device type');
  const status = reader.u16le('status flag');
  const rest = reader.rest();
  const end = rest.indexOf(0);
  const text = new TextDecoder('utf-8').decode(end < 0 ? rest : rest.subarray(0, end));
  if (text.includes('\ufffd')) return undefined;
  return `BBS(${BOOT_DEVICES.get(type) ?? type},${text},${status})`;
}
