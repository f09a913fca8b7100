import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { encodeUtf8 } from '@assay/bytes';
import { formatResourceUri } from '@assay/protocol';
import { temporaryFolder } from '@assay/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { superblocks, withoutLazyTables } from './ext4.js';
import { MountError } from './mount-error.js';
import type { MountOptions } from './options.js';
import { runProgram } from './run-program.js';
import { type MountSurroundings, secureMount } from './secure-mount.js';

interface Run {
  readonly program: string;
  readonly args: readonly string[];
  readonly stdin: string | undefined;
}

let folder: string;
let runs: Run[];
/** Fails when its name and the beginning of its arguments match. */
let failing: RegExp | undefined;
let files: Record<string, string>;
beforeEach(() => {
  folder = temporaryFolder('mount-');
  runs = [];
  failing = undefined;
  files = {};
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const PLAN = 'Creating filesystem\nSuperblock backups stored on blocks: \n\t32768, 98304,\n\t163840\n';
const surroundings = (change: Partial<MountSurroundings> = {}): MountSurroundings => ({
  headers: join(folder, 'headers'),
  run: async (program, args, stdin) => {
    runs.push({ program, args, stdin: stdin === undefined ? undefined : Buffer.from(stdin).toString() });
    for (const arg of args) {
      const file = /^(?:-opasswd_file=)?(\/.*\/(?:login|password))$/.exec(arg)?.[1];
      if (file !== undefined)
        files[file.endsWith('login') ? 'login' : 'password'] =
          `${(statSync(file).mode & 0o777).toString(8)} ${readFileSync(file, 'utf8')}`;
    }
    if (failing?.test([program, ...args].join(' ')) === true) throw new MountError(`${program} failed`);
    return args.includes('-n') ? PLAN : '';
  },
  unseal: async (secret) => encodeUtf8(`unsealed ${Buffer.from(secret).toString()}`),
  getResource: async (uri) => encodeUtf8(`resource ${formatResourceUri(uri)}`),
  isThere: () => true,
  deviceEvent: async (id) => {
    if (id !== '8:1') throw new Error('ENOENT');
    return 'MAJOR=8\nMINOR=1\nDEVNAME=sda1\nDEVTYPE=disk\n';
  },
  ...change,
});
const mount = (options: MountOptions, change: Partial<MountSurroundings> = {}, volumeType = 'block-device') =>
  secureMount({ volumeType, options, mountPoint: join(folder, 'mnt/data') }, surroundings(change));
const lines = (): readonly string[] => runs.map(({ program, args }) => [program, ...args].join(' '));

const luks = {
  deviceId: '8:1',
  sourceType: 'empty',
  encryptionType: 'luks2',
  targetType: 'fileSystem',
  mapperName: 'vol',
  key: 'kbs:///a/b/c',
};
const header = () => join(folder, `headers/${Buffer.from('/dev/sda1').toString('base64url')}.header`);

describe('LUKS', () => {
  test('an empty device is formatted under a header that stands apart, opened, given a file system, mounted', async () => {
    await mount({ ...luks, mkfsOpts: '-E lazy_journal_init  -b 4096' });
    expect(lines()).toEqual([
      `cryptsetup --batch-mode luksFormat --type luks2 --cipher aes-xts-plain64 --sector-size 4096 --header ${header()} /dev/sda1 -`,
      `cryptsetup luksOpen --header ${header()} -d - /dev/sda1 vol`,
      'mkfs.ext4 /dev/mapper/vol -F -E lazy_journal_init -b 4096',
      `mount -t ext4 -o noatime /dev/mapper/vol ${join(folder, 'mnt/data')}`,
    ]);
    expect(runs.map(({ stdin }) => stdin)).toEqual([
      'resource kbs:///a/b/c',
      'resource kbs:///a/b/c',
      undefined,
      undefined,
    ]);
    expect([statSync(header()).size, statSync(header()).mode & 0o777]).toEqual([16 * 1024 * 1024, 0o600]);
    await expect(mount(luks)).rejects.toThrow(/already/);
  });

  test('with integrity the blocks that mkfs reads are zeroed first', async () => {
    await mount({ ...luks, dataIntegrity: 'true' });
    expect(lines()[0]).toContain('--integrity hmac-sha256 --integrity-no-wipe --integrity-no-journal /dev/sda1 -');
    expect(lines().slice(2, -1)).toEqual([
      'mkfs.ext4 /dev/mapper/vol -F -n -E lazy_itable_init=0',
      ...[0, 32768, 98304, 163840].map(
        (block) => `dd if=/dev/zero of=/dev/mapper/vol bs=4096 count=1 seek=${block} oflag=direct`,
      ),
      'mkfs.ext4 /dev/mapper/vol -F -E lazy_itable_init=0',
    ]);
  });

  test('an encrypted device is opened by its own header, and never formatted', async () => {
    await mount({ ...luks, sourceType: 'encrypted', key: 'sealed.x', devicePath: '/dev/other' });
    expect(lines()).toEqual([
      'cryptsetup luksOpen -d - /dev/sda1 vol',
      `mount -t ext4 -o noatime /dev/mapper/vol ${join(folder, 'mnt/data')}`,
    ]);
    expect(runs[0]?.stdin).toBe('unsealed sealed.x');
  });

  test('as a device it is a link to the mapped one; the name is random, and so is the key, unless they are given', async () => {
    mkdirSync(join(folder, 'mnt'));
    const { mapperName: _name, key: _key, deviceId: _id, ...rest } = luks;
    await mount({ ...rest, devicePath: '/dev/vdb', targetType: 'device' });
    expect(lstatSync(join(folder, 'mnt/data')).isSymbolicLink()).toBe(true);
    expect(readlinkSync(join(folder, 'mnt/data'))).toMatch(/^\/dev\/mapper\/[0-9a-f-]{36}$/);
    const keys = runs.map(({ stdin }) => Buffer.from(stdin ?? '').length);
    expect(keys[0]).toBeGreaterThan(4000);
    expect(runs[0]?.stdin).toBe(runs[1]?.stdin);
  });

  test('a key in a file', async () => {
    writeFileSync(join(folder, 'key'), 'file key\n');
    await mount({ ...luks, key: `file://${join(folder, 'key')}` });
    expect(runs[0]?.stdin).toBe('file key\n');
    await expect(mount({ ...luks, key: `file://${join(folder, 'none')}` })).rejects.toThrow(/ENOENT/);
  });

  test.each([/luksFormat/, /luksOpen/, /mkfs/, /^mount/])(
    'what fails at %s leaves nothing: neither mapping nor header',
    async (at) => {
      failing = at;
      await expect(mount(luks)).rejects.toThrow(MountError);
      expect(existsSync(header())).toBe(false);
      const opened = lines().some((line) => line.includes('luksOpen')) && !/luks/.test(at.source);
      expect(lines().includes('cryptsetup luksClose vol')).toBe(opened);
      failing = undefined;
      await mount(luks);
    },
  );
});

describe('ZFS', () => {
  const zfs = { devicePath: '/dev/vdc', sourceType: 'empty', encryptionType: 'zfs', key: 'kbs:///a/b/c' };

  test('a pool on an empty device, a data set under a passphrase that is told twice', async () => {
    await mount({ ...zfs, pool: 'p', dataset: 'd' });
    const target = join(folder, 'mnt/data');
    expect(lines()).toEqual([
      'zpool create -f p /dev/vdc',
      `zfs create -o encryption=aes-256-gcm -o keyformat=passphrase -o mountpoint=${target} p/d`,
    ]);
    expect(runs[1]?.stdin).toBe('resource kbs:///a/b/c\n'.repeat(2));
  });

  test('an encrypted one is imported', async () => {
    await mount({ ...zfs, sourceType: 'encrypted' });
    expect(lines()[0]).toBe('zpool import -f -d /dev/vdc zpool');
    expect(runs[1]).toEqual({ program: 'zfs', args: ['load-key', 'zpool/zdataset'], stdin: 'resource kbs:///a/b/c\n' });
  });

  test('a key that is no line goes in as hex', async () => {
    await mount(zfs, { getResource: async () => Uint8Array.of(0, 10, 255) });
    expect(runs[1]?.stdin).toBe('000aff\n000aff\n');
  });
});

test.each<[string, MountOptions]>([
  ['no device', { ...without(luks, 'deviceId') }],
  ['a device that is none', { ...luks, deviceId: '8:2' }],
  ['a device id that is none', { ...luks, deviceId: '../8:1' }],
  ['a path that is not absolute', { ...without(luks, 'deviceId'), devicePath: 'dev/sda' }],
  ['no source type', without(luks, 'sourceType')],
  ['another source type', { ...luks, sourceType: 'full' }],
  ['no encryption', without(luks, 'encryptionType')],
  ['another encryption', { ...luks, encryptionType: 'luks1' }],
  ['no target type', without(luks, 'targetType')],
  ['another file system', { ...luks, filesystemType: 'xfs' }],
  ['integrity that is no text', { ...luks, dataIntegrity: 'yes' }],
  ['a mapper name like an option', { ...luks, mapperName: '-x' }],
  ['a mapper name that leaves its folder', { ...luks, mapperName: '../x' }],
  ['a key of another kind', { ...luks, key: 'http://x' }],
  ['a key that is plain text', { ...luks, key: 'password' }],
  ['no key for what is encrypted', { ...without(luks, 'key'), sourceType: 'encrypted' }],
])('%s is refused, and no program is run', async (_, options) => {
  await expect(mount(options)).rejects.toThrow(MountError);
  expect(runs).toEqual([]);
});

test('other kinds of volume, and mount points that are not absolute', async () => {
  await expect(mount(luks, {}, 'nfs')).rejects.toThrow(/volume_type/);
  const relative = { volumeType: 'block-device', options: luks, mountPoint: 'mnt' };
  await expect(secureMount(relative, surroundings())).rejects.toThrow(/absolute/);
  const odd = { deviceEvent: async () => 'DEVNAME=../x\n' };
  await expect(mount(luks, odd)).rejects.toThrow(/no name/);
});

describe('object storage', () => {
  const oss = {
    akId: 'sealed.id',
    akSecret: 'secret',
    bucket: 'b',
    otherOpts: '-o max_stat_cache_size=0  -o allow_other',
    path: '/p',
    readonly: 'true',
    targetPath: '',
    url: 'https://oss',
    volumeId: 'v',
  };

  test('is mounted by ossfs with a login in a file of its owner', async () => {
    await mount(oss, {}, 'alibaba-cloud-oss');
    const [run] = runs;
    expect([run?.program, ...(run?.args ?? [])].join(' ')).toMatch(
      new RegExp(
        `^/usr/local/bin/ossfs b:/p ${join(folder, 'mnt/data')} -ourl=https://oss -opasswd_file=/.*/login -o max_stat_cache_size=0 -o allow_other$`,
      ),
    );
    expect(files).toEqual({ login: '600 b:unsealed sealed.id:secret' });
    expect(lines().join()).not.toContain('secret');
    expect(existsSync(run?.args.find((arg) => arg.startsWith('-opasswd_file='))?.slice(14) ?? '/')).toBe(false);
  });

  test('with gocryptfs over it', async () => {
    await mount({ ...oss, encrypted: 'gocryptfs', encPasswd: 'pass' }, {}, 'alibaba-cloud-oss');
    const below = runs[0]?.args[1] ?? '';
    expect(below.startsWith(tmpdir())).toBe(true);
    expect(lines()[1]).toMatch(
      new RegExp(`^/usr/local/bin/gocryptfs ${below} ${join(folder, 'mnt/data')} -passfile /.*/password -nosyslog$`),
    );
    expect(files['password']).toBe('600 pass');
    rmSync(below, { recursive: true, force: true });
  });

  test('by programs that stand elsewhere, where they are not in their usual place', async () => {
    await mount(
      { ...oss, encrypted: 'gocryptfs' },
      { isThere: (path) => path === '/usr/local/bin/ossfs' },
      'alibaba-cloud-oss',
    );
    expect(runs.map(({ program }) => program)).toEqual(['/usr/local/bin/ossfs', 'gocryptfs']);
    rmdirSync(runs[0]?.args[1] ?? '');
  });

  test.each([
    ['ossfs', ['ossfs']],
    ['gocryptfs', ['ossfs', 'gocryptfs', 'umount']],
    ['gocryptfs|umount', ['ossfs', 'gocryptfs', 'umount']],
  ])('with gocryptfs over it leaves no bucket behind when %s fails', async (name, programs) => {
    failing = new RegExp(name);
    const options = { ...oss, encrypted: 'gocryptfs', encPasswd: 'pass' };
    await expect(mount(options, {}, 'alibaba-cloud-oss')).rejects.toThrow(/(ossfs|gocryptfs) failed/);
    expect(runs.map(({ program }) => basename(program))).toEqual(programs);
    const below = runs[0]?.args[1] ?? '';
    if (programs.length > 1) expect(runs.at(-1)?.args).toEqual([below]);
    expect(below.startsWith(tmpdir())).toBe(true);
    expect(existsSync(below)).toBe(false);
  });

  test.each(Object.keys(oss))('without %s it is refused', async (name) => {
    await expect(mount(without(oss, name), {}, 'alibaba-cloud-oss')).rejects.toThrow(
      new MountError(`${name} is missing`),
    );
    expect(runs).toEqual([]);
  });
});

test('where the copies of the superblock stand, and the options that write inode tables at once', () => {
  expect(superblocks(PLAN)).toEqual([0, 32768, 98304, 163840]);
  expect(superblocks('small')).toEqual([0]);
  expect(withoutLazyTables([])).toEqual(['-E', 'lazy_itable_init=0']);
  expect(withoutLazyTables(['-E', 'x'])).toEqual(['-E', 'x,lazy_itable_init=0']);
  expect(withoutLazyTables(['-Ex', '-b', '1'])).toEqual(['-Ex,lazy_itable_init=0', '-b', '1']);
  expect(withoutLazyTables(['-E', 'lazy_itable_init=1'])).toEqual(['-E', 'lazy_itable_init=1']);
  expect(withoutLazyTables(['-E'])).toEqual(['-E', 'lazy_itable_init=0']);
});

describe('real programs', () => {
  test('get their input, and give their output', async () => {
    expect(await runProgram('cat', [], encodeUtf8('key'))).toBe('key');
    expect(await runProgram('sh', ['-c', 'echo out'])).toBe('out\n');
  });

  test('are named when they are missing, may not be run, or fail', async () => {
    await expect(runProgram(join(folder, 'none'), [])).rejects.toThrow(/not installed/);
    writeFileSync(join(folder, 'plain'), '');
    chmodSync(join(folder, 'plain'), 0o644);
    await expect(runProgram(join(folder, 'plain'), [])).rejects.toThrow(/EACCES/);
    await expect(runProgram('sh', ['-c', 'echo a >&2; echo Permission denied. >&2; exit 3'])).rejects.toThrow(
      'sh failed (exit code 3): Permission denied.',
    );
    // Input that nobody reads is no reason of its own.
    await expect(runProgram('false', [], new Uint8Array(1024 * 1024))).rejects.toThrow(
      'false failed (exit code 1): it says nothing',
    );
  });
});

function without(options: MountOptions, name: string): MountOptions {
  return Object.fromEntries(Object.entries(options).filter(([each]) => each !== name));
}
