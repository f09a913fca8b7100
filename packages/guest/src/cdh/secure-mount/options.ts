import { MountError } from './mount-error.js';

/** Options of a mount request: texts, whatever they mean. */
export type MountOptions = Readonly<Record<string, string>>;

export interface BlockDeviceOptions {
  readonly device: { readonly id: string } | { readonly path: string };
  /** `empty`: it is formatted; `encrypted`: it is opened. */
  readonly sourceType: 'empty' | 'encrypted';
  readonly encryption: 'luks2' | 'zfs';
  /** Sealed secret, KBS resource URI or `file://` path; undefined: a random key. */
  readonly key: string | undefined;
  readonly targetType: 'device' | 'fileSystem';
  /** Arguments of mkfs. */
  readonly mkfsOptions: readonly string[];
  readonly integrity: boolean;
  readonly mapperName: string | undefined;
  readonly pool: string;
  readonly dataset: string;
}

/** @throws MountError */
export function blockDeviceOptions(options: MountOptions): BlockDeviceOptions {
  const encryption = oneOf(options, 'encryptionType', ['luks2', 'zfs']);
  const id = own(options, 'deviceId');
  const path = own(options, 'devicePath');
  if (id === undefined && path === undefined) throw new MountError('deviceId or devicePath is missing');
  if (id !== undefined && !/^\d{1,7}:\d{1,7}$/.test(id)) throw new MountError('deviceId must be MAJOR:MINOR');
  if (path !== undefined && !/^\/[^\0]+$/.test(path)) throw new MountError('devicePath must be an absolute path');
  const fileSystem = own(options, 'filesystemType') ?? 'ext4';
  if (fileSystem !== 'ext4') throw new MountError('filesystemType must be ext4');
  const integrity = own(options, 'dataIntegrity') ?? 'false';
  if (integrity !== 'true' && integrity !== 'false') throw new MountError('dataIntegrity must be "true" or "false"');
  return {
    device: id === undefined ? { path: path ?? '' } : { id },
    sourceType: oneOf(options, 'sourceType', ['empty', 'encrypted']),
    encryption,
    key: own(options, 'key'),
    targetType: encryption === 'zfs' ? 'fileSystem' : oneOf(options, 'targetType', ['device', 'fileSystem']),
    mkfsOptions: words(own(options, 'mkfsOpts')),
    integrity: integrity === 'true',
    mapperName: nameOf(options, 'mapperName'),
    pool: nameOf(options, 'pool') ?? 'zpool',
    dataset: nameOf(options, 'dataset') ?? 'zdataset',
  };
}

/** An option of a request; names of JavaScript's own are none. */
export function own(options: MountOptions, name: string): string | undefined {
  return Object.hasOwn(options, name) ? options[name] : undefined;
}

/** @throws MountError */
export function requiredOption(options: MountOptions, name: string): string {
  const value = own(options, name);
  if (value === undefined) throw new MountError(`${name} is missing`);
  return value;
}

export function words(text: string | undefined): readonly string[] {
  return (text ?? '').split(' ').filter((word) => word !== '');
}

function oneOf<T extends string>(options: MountOptions, name: string, values: readonly T[]): T {
  const value = requiredOption(options, name);
  const found = values.find((each) => each === value);
  if (found === undefined) throw new MountError(`${name} must be ${values.join(' or ')}`);
  return found;
}

/** A name that becomes an argument of a program, and a file name: nothing that begins like an option or leaves a folder. */
function nameOf(options: MountOptions, name: string): string | undefined {
  const value = own(options, name);
  if (value !== undefined && !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(value))
    throw new MountError(`${name} must be letters, digits, ".", "_" and "-"`);
  return value;
}
