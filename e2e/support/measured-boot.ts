/** A boot as firmware measures it: events for PCRs, and the crypto-agile log of them (TCG PC Client Platform Firmware Profile). */
import { createHash } from 'node:crypto';
import { extendPcr, type Tpm } from '@assay/guest/tpm';

export interface BootEvent {
  readonly pcr: number;
  readonly type: number;
  readonly data: Uint8Array;
  /** What was measured, where it is not the data: an image, a firmware volume. */
  readonly measured?: Uint8Array;
}

const TYPE = {
  noAction: 0x3,
  separator: 0x4,
  crtmVersion: 0x8,
  ipl: 0xd,
  variableDriverConfig: 0x8000_0001,
  bootApplication: 0x8000_0003,
  efiAction: 0x8000_0007,
  firmwareBlob2: 0x8000_000a,
} as const;

const ascii = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const utf16 = (text: string): Uint8Array => Buffer.from(`${text}\0`, 'utf16le');

/** UEFI_VARIABLE_DATA of a global variable. */
function variable(name: string, value: Uint8Array): Uint8Array {
  const head = Buffer.alloc(32);
  Buffer.from('61dfe48bca93d211aa0d00e098032b8c', 'hex').copy(head);
  head.writeBigUInt64LE(BigInt(name.length), 16);
  head.writeBigUInt64LE(BigInt(value.length), 24);
  return Buffer.concat([head, Buffer.from(name, 'utf16le'), value]);
}

/** UEFI_PLATFORM_FIRMWARE_BLOB2. */
function firmwareBlob(description: string, base: bigint, length: bigint): Uint8Array {
  const place = Buffer.alloc(16);
  place.writeBigUInt64LE(base, 0);
  place.writeBigUInt64LE(length, 8);
  return Buffer.concat([Uint8Array.of(description.length), ascii(description), place]);
}

/** UEFI_IMAGE_LOAD_EVENT without a device path. */
function imageLoad(base: bigint, length: bigint): Uint8Array {
  const bytes = Buffer.alloc(32);
  bytes.writeBigUInt64LE(base, 0);
  bytes.writeBigUInt64LE(length, 8);
  return bytes;
}

/** A boot with Secure Boot: firmware, keys, boot loader, kernel, command line, initrd, unified kernel image sections. */
export function measuredBoot(options: { readonly kernel?: string; readonly commandLine?: string } = {}): BootEvent[] {
  const kernel = ascii(options.kernel ?? 'vmlinuz-6.1.0');
  const commandLine = `kernel_cmdline: ${options.commandLine ?? '/vmlinuz root=/dev/vda1 ro'}`;
  const separators = [0, 1, 2, 3, 4, 5, 6, 7].map((pcr) => ({ pcr, type: TYPE.separator, data: new Uint8Array(4) }));
  return [
    { pcr: 0, type: TYPE.crtmVersion, data: utf16('Test firmware 1.0') },
    {
      pcr: 0,
      type: TYPE.firmwareBlob2,
      data: firmwareBlob('PEI volume', 0x82_0000n, 0xe_0000n),
      measured: ascii('pei'),
    },
    {
      pcr: 0,
      type: TYPE.firmwareBlob2,
      data: firmwareBlob('DXE volume', 0x90_0000n, 0xb0_0000n),
      measured: ascii('dxe'),
    },
    { pcr: 7, type: TYPE.variableDriverConfig, data: variable('SecureBoot', Uint8Array.of(1)) },
    { pcr: 7, type: TYPE.variableDriverConfig, data: variable('PK', ascii('platform key')) },
    { pcr: 7, type: TYPE.variableDriverConfig, data: variable('KEK', ascii('key exchange key')) },
    ...separators,
    { pcr: 4, type: TYPE.efiAction, data: ascii('Calling EFI Application from Boot Option') },
    { pcr: 4, type: TYPE.bootApplication, data: imageLoad(0x7dd4_0018n, 0xf_0000n), measured: ascii('shim') },
    { pcr: 4, type: TYPE.bootApplication, data: imageLoad(0x7db0_0000n, 0x20_0000n), measured: ascii('grub') },
    {
      pcr: 8,
      type: TYPE.ipl,
      data: ascii(`${commandLine}\0`),
      measured: ascii(commandLine.replace('kernel_cmdline: ', '')),
    },
    { pcr: 9, type: TYPE.ipl, data: ascii('/vmlinuz\0'), measured: kernel },
    { pcr: 9, type: TYPE.ipl, data: ascii('/initrd.img\0'), measured: ascii('initrd') },
    { pcr: 11, type: TYPE.ipl, data: utf16('.linux'), measured: kernel },
    { pcr: 5, type: TYPE.efiAction, data: ascii('Exit Boot Services Invocation') },
    { pcr: 5, type: TYPE.efiAction, data: ascii('Exit Boot Services Returned with Success') },
  ];
}

export function digestOf({ data, measured }: BootEvent): Uint8Array {
  return createHash('sha256')
    .update(measured ?? data)
    .digest();
}

/** What a TPM holds after the events. */
export function pcrAfter(events: readonly BootEvent[], pcr: number): Uint8Array {
  return events
    .filter((event) => event.pcr === pcr)
    .reduce<Uint8Array>(
      (value, event) => createHash('sha256').update(value).update(digestOf(event)).digest(),
      new Uint8Array(32),
    );
}

/** Lets a TPM measure the events. */
export async function measure(tpm: Tpm, events: readonly BootEvent[]): Promise<void> {
  for (const event of events) await extendPcr(tpm, event.pcr, [{ bank: 'sha256', digest: digestOf(event) }]);
}

const u32 = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const SHA256 = Uint8Array.of(0x0b, 0);

/** `binary_bios_measurements` of the events: Spec ID event, then one record for each. */
export function eventLogOf(events: readonly BootEvent[]): Uint8Array {
  const specId = Buffer.concat([
    ascii('Spec ID Event03\0'),
    u32(0),
    Uint8Array.of(0, 2, 0, 2),
    u32(1),
    SHA256,
    Uint8Array.of(32, 0, 0),
  ]);
  const header = Buffer.concat([u32(0), u32(TYPE.noAction), new Uint8Array(20), u32(specId.length), specId]);
  const records = events.map((event) =>
    Buffer.concat([
      u32(event.pcr),
      u32(event.type),
      u32(1),
      SHA256,
      digestOf(event),
      u32(event.data.length),
      event.data,
    ]),
  );
  return Buffer.concat([header, ...records]);
}
