import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeUtf8 } from '@assay/bytes';
import { temporaryFolder } from '@assay/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MountError } from './mount-error.js';
import { type RunProgram, runProgram } from './run-program.js';
import { type MountSurroundings, secureMount } from './secure-mount.js';

/**
 * The programs themselves, as Debian has them, as far as a machine without device mapper allows: LUKS headers are made and opened in
 * plain files, file systems in user space are really mounted. The whole of LUKS is tried in a virtual machine (`npm run e2e:vm`).
 *
 * @throws Error with `CI=true`, where nothing may be skipped
 */
function possible(what: string, peers: readonly (readonly [file: string, debian: string])[]): boolean {
  const missing = peers.filter(([file]) => !existsSync(file)).map(([, name]) => name);
  if (missing.length === 0) return true;
  const text = `${what} is not tried: apt-get install ${missing.join(' ')}`;
  if (process.env['CI'] === 'true') throw new Error(text);
  process.stderr.write(`${text}\n`);
  return false;
}

const LUKS = possible('cryptsetup', [['/usr/sbin/cryptsetup', 'cryptsetup-bin']]);
const GOCRYPTFS = possible('gocryptfs', [
  ['/usr/bin/gocryptfs', 'gocryptfs'],
  ['/usr/bin/fusermount3', 'fuse3'],
]);
const FUSE = existsSync('/dev/fuse') && mayMount();

/** CAP_SYS_ADMIN is bit 21 of the capabilities in effect. */
function mayMount(): boolean {
  const [, mask = '0'] = /^CapEff:\s+([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return ((BigInt(`0x${mask}`) >> 21n) & 1n) === 1n;
}

let folder: string;
beforeEach(() => {
  folder = temporaryFolder('real-');
  mkdirSync(join(folder, 'mnt'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const surroundings = (run: RunProgram): MountSurroundings => ({
  run,
  headers: join(folder, 'headers'),
  unseal: async () => encodeUtf8('unsealed'),
  getResource: async () => encodeUtf8('a key of the broker\n'),
  deviceEvent: () => Promise.reject(new Error('there are no devices here')),
});

describe.skipIf(!LUKS)('cryptsetup', () => {
  const options = {
    sourceType: 'empty',
    encryptionType: 'luks2',
    targetType: 'fileSystem',
    mapperName: 'assay-test',
    key: 'kbs:///a/b/c',
  };
  /** Stretching a key takes seconds and a gibibyte, which is not what is tried here. */
  const cryptsetup: RunProgram = (program, args, stdin) =>
    runProgram(
      program,
      args.includes('luksFormat') ? ['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000', ...args] : args,
      stdin,
    );
  const device = async (): Promise<string> => {
    const path = join(folder, 'disk');
    writeFileSync(path, '');
    await truncate(path, 8 * 1024 * 1024);
    return path;
  };
  const headerOf = (path: string): string => join(folder, `headers/${Buffer.from(path).toString('base64url')}.header`);

  test('makes the header that was asked for, apart from the disk, and opens it with the key alone', async () => {
    const disk = await device();
    const seen: string[] = [];
    const keys: string[] = [];
    // The mapping itself needs the kernel's device mapper: in its place the key is tried.
    const run: RunProgram = async (program, args, stdin) => {
      seen.push(program);
      keys.push(Buffer.from(stdin ?? []).toString());
      if (program !== 'cryptsetup') return '';
      if (args[0] !== 'luksOpen') return cryptsetup(program, args, stdin);
      const tried = ['open', '--test-passphrase', ...args.slice(1, -1), 'unused'];
      await expect(runProgram(program, tried, encodeUtf8('another key'))).rejects.toThrow(/exit code 2/);
      return runProgram(program, tried, stdin);
    };
    const request = {
      volumeType: 'block-device',
      options: { ...options, devicePath: disk },
      mountPoint: join(folder, 'mnt'),
    };
    await secureMount(request, surroundings(run));
    expect(seen).toEqual(['cryptsetup', 'cryptsetup', 'mkfs.ext4', 'mount']);
    expect(keys.slice(0, 2)).toEqual(['a key of the broker\n', 'a key of the broker\n']);
    const dump = await runProgram('cryptsetup', ['luksDump', headerOf(disk)]);
    expect(dump).toMatch(/Version:\s+2/);
    expect(dump).toMatch(/cipher: aes-xts-plain64/);
    expect(dump).toMatch(/sector: 4096/);
    expect(dump).toMatch(/offset: 0 \[bytes\]/);
    // Nothing on the disk says that it is encrypted.
    expect(readFileSync(disk).every((byte) => byte === 0)).toBe(true);
  });

  test('a random key of 4096 bytes is taken whole', async () => {
    const disk = await device();
    const { key: _key, ...rest } = options;
    const run: RunProgram = async (program, args, stdin) => {
      if (program !== 'cryptsetup') return '';
      if (args[0] !== 'luksOpen') return cryptsetup(program, args, stdin);
      const tried = ['open', '--test-passphrase', ...args.slice(1, -1), 'unused'];
      await expect(runProgram(program, tried, stdin?.subarray(0, 4095))).rejects.toThrow(/exit code 2/);
      return runProgram(program, tried, stdin);
    };
    await secureMount(
      { volumeType: 'block-device', options: { ...rest, devicePath: disk }, mountPoint: join(folder, 'mnt') },
      surroundings(run),
    );
  });

  test.skipIf(existsSync('/sys/module/dm_mod'))(
    'without device mapper, or the right to it, the error says so, and no header is left',
    async () => {
      const disk = await device();
      const request = {
        volumeType: 'block-device',
        options: { ...options, devicePath: disk },
        mountPoint: join(folder, 'mnt'),
      };
      await expect(secureMount(request, surroundings(cryptsetup))).rejects.toThrow(
        /^cryptsetup failed \(exit code 1\): Cannot/,
      );
      expect(existsSync(headerOf(disk))).toBe(false);
    },
  );

  test('a device that is not there is named by the program', async () => {
    const request = {
      volumeType: 'block-device',
      options: { ...options, devicePath: join(folder, 'none') },
      mountPoint: join(folder, 'mnt'),
    };
    const found = secureMount(request, surroundings(cryptsetup));
    await expect(found).rejects.toThrow(MountError);
    await expect(found).rejects.toThrow(/^cryptsetup failed \(exit code \d\): .*(none|Cannot)/);
  });
});

describe.skipIf(!GOCRYPTFS || !FUSE)('gocryptfs', () => {
  const options = {
    akId: 'id',
    akSecret: 'secret',
    bucket: 'b',
    otherOpts: '',
    path: '/p',
    readonly: 'false',
    targetPath: '',
    url: 'https://oss',
    volumeId: 'v',
    encrypted: 'gocryptfs',
    encPasswd: 'a password',
  };
  /** In the place of the bucket: a folder with an encrypted file system that was made before. */
  async function bucket(place: string): Promise<void> {
    const password = join(folder, 'owner-password');
    writeFileSync(password, 'a password');
    await runProgram('gocryptfs', ['-init', '-q', '-nosyslog', '-passfile', password, place]);
  }

  test('is mounted over what was mounted, and returns while its process stays', { timeout: 30_000 }, async () => {
    let below = '';
    const run: RunProgram = async (program, args, stdin) => {
      if (!program.endsWith('ossfs')) return runProgram(program, args, stdin);
      below = args[1] ?? '';
      await bucket(below);
      return '';
    };
    const mountPoint = join(folder, 'mnt');
    await secureMount({ volumeType: 'alibaba-cloud-oss', options, mountPoint }, surroundings(run));
    try {
      writeFileSync(join(mountPoint, 'file'), 'plain');
      expect(readFileSync(join(mountPoint, 'file'), 'utf8')).toBe('plain');
      const names = readdirSync(below).filter((name) => !name.startsWith('gocryptfs.'));
      expect(names).toHaveLength(1);
      expect(names).not.toContain('file');
      expect(readFileSync(join(below, names[0] ?? '')).includes('plain')).toBe(false);
    } finally {
      await runProgram('fusermount3', ['-u', mountPoint]);
      rmSync(below, { recursive: true, force: true });
    }
  });

  test('with another password it fails in its own words', { timeout: 30_000 }, async () => {
    let below = '';
    const run: RunProgram = async (program, args, stdin) => {
      if (!program.endsWith('ossfs')) return runProgram(program, args, stdin);
      below = args[1] ?? '';
      await bucket(below);
      return '';
    };
    const wrong = { ...options, encPasswd: 'another' };
    const found = secureMount(
      { volumeType: 'alibaba-cloud-oss', options: wrong, mountPoint: join(folder, 'mnt') },
      surroundings(run),
    );
    await expect(found).rejects.toThrow(/gocryptfs failed \(exit code 12\): Password incorrect/);
    rmSync(below, { recursive: true, force: true });
  });
});

test('what is not installed is named', async () => {
  const options = { devicePath: '/dev/none', sourceType: 'encrypted', encryptionType: 'zfs', key: 'kbs:///a/b/c' };
  const run: RunProgram = (program, args, stdin) => runProgram(`/nowhere/${program}`, args, stdin);
  await expect(
    secureMount({ volumeType: 'block-device', options, mountPoint: join(folder, 'mnt') }, surroundings(run)),
  ).rejects.toThrow("the program /nowhere/zpool is not installed; put it into the guest's image");
});
