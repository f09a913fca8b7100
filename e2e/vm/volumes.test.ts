/**
 * Encrypted volumes in a real virtual machine, by the programs themselves: LUKS needs the kernel's device mapper, which the machine
 * that runs the tests may not have.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { bundleGuest } from '../../scripts/bundle-guest.js';
import { peersFor } from '../support/peers.js';
import { tpmMaker } from '../support/swtpm.js';
import { initramfs, moduleFiles, nodeFiles, programFiles } from './initramfs.js';
import { debianKernel } from './kernel.js';
import { bootMachine } from './machine.js';
import { VM_PEERS } from './peers.js';

const possible = peersFor('encrypted volumes in the virtual machine', {
  ...VM_PEERS,
  'cryptsetup-bin': '/usr/sbin/cryptsetup',
  e2fsprogs: '/sbin/mkfs.ext4',
});
const kept = fileURLToPath(new URL('../../node_modules/.cache/assay-vm/last-run', import.meta.url));

/** In the order in which they are loaded. */
const MODULES = [
  'brd',
  'dm-crypt',
  'dm-integrity',
  'ext4',
  'crc32c_generic',
  'xts',
  'ecb',
  'authenc',
  'algif_skcipher',
];

const storage = (options: Readonly<Record<string, string>>, mountPoint: string): string =>
  JSON.stringify({
    volume_type: 'block-device',
    options: { encryptionType: 'luks2', targetType: 'fileSystem', key: 'file:///key', ...options },
    flags: [],
    mount_point: mountPoint,
  });

/** Volumes by their names, on the machine's ramdisks. */
const VOLUMES = {
  empty: storage(
    { deviceId: '1:0', sourceType: 'empty', mapperName: 'empty', mkfsOpts: '-E lazy_journal_init' },
    '/mnt/empty',
  ),
  integrity: storage(
    { devicePath: '/dev/ram1', sourceType: 'empty', mapperName: 'integrity', dataIntegrity: 'true' },
    '/mnt/integrity',
  ),
  encrypted: storage({ devicePath: '/dev/ram2', sourceType: 'encrypted', mapperName: 'encrypted' }, '/mnt/encrypted'),
  device: storage(
    { devicePath: '/dev/ram3', sourceType: 'empty', mapperName: 'device', targetType: 'device' },
    '/mnt/device',
  ),
} as const;

const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/usr/sbin:/sbin:/usr/bin:/bin DM_DISABLE_UDEV=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do
  case $module in brd.ko) insmod /modules/$module rd_nr=4 rd_size=65536;; *) insmod /modules/$module;; esac
done
mkdir -p /run /mnt
oneshot() { node /assay-guest.mjs agent cdh-oneshot secure-mount -s /volumes/$1.json; echo "ASSAY $1 [$?]"; }
told() { echo "ASSAY $1 [$2]"; }
# Made by its owner beforehand.
cryptsetup --batch-mode --pbkdf pbkdf2 --pbkdf-force-iterations 1000 luksFormat --type luks2 /dev/ram2 /key
cryptsetup luksOpen -d /key /dev/ram2 before && mkfs.ext4 -q /dev/mapper/before
mkdir /before && mount -t ext4 /dev/mapper/before /before && echo 'of the owner' > /before/file && umount /before
cryptsetup luksClose before

for volume in empty integrity encrypted; do
  oneshot $volume
  told $volume-mounted "$(grep -c " /mnt/$volume ext4 .*noatime" /proc/mounts)"
  [ $volume = encrypted ] || echo 'PLAINTEXT-MARK' > /mnt/$volume/file
  told $volume-file "$(cat /mnt/$volume/file)"
done
sync
told on-disk "$(cat /dev/ram0 /dev/ram1 /dev/ram2 | grep -a -c PLAINTEXT-MARK)"
told header-on-disk "$(head -c 6 /dev/ram0 | grep -a -c LUKS)"
told headers "$(ls /run/confidential-containers/cdh/luks-headers | wc -l)"
told cipher "$(cryptsetup status empty --header /run/confidential-containers/cdh/luks-headers/*yYW0w.header | grep cipher)"
oneshot device
told device-link "$(readlink /mnt/device)"
told device-size "$(blockdev --getsz /dev/mapper/device)"
poweroff -f
`;

describe.skipIf(!possible)('encrypted volumes', () => {
  let text = '';
  const told = (name: string): string | undefined => new RegExp(`^ASSAY ${name} \\[(.*)\\]$`, 'm').exec(text)?.[1];

  beforeAll(async () => {
    const kernel = debianKernel();
    const maker = tpmMaker();
    try {
      const tpm = await maker.manufacture('vm', { certified: false });
      await tpm.stop();
      const bundle = await bundleGuest(join(maker.folder, 'assay-guest.mjs'));
      const initrd = join(maker.folder, 'volumes.img');
      writeFileSync(
        initrd,
        initramfs([
          { path: 'init', file: INIT, mode: 0o755 },
          { path: 'bin/busybox', file: readFileSync('/bin/busybox'), mode: 0o755 },
          { path: 'assay-guest.mjs', file: readFileSync(bundle), mode: 0o755 },
          { path: 'dev/console', device: [5, 1] },
          { path: 'key', file: 'a key in the machine' },
          ...Object.entries(VOLUMES).map(([name, file]) => ({ path: `volumes/${name}.json`, file })),
          ...moduleFiles(kernel.modules, MODULES),
          ...nodeFiles(),
          ...programFiles(['/usr/sbin/cryptsetup', '/sbin/mkfs.ext4', '/bin/dd', '/bin/mount']),
          { path: 'etc/mke2fs.conf', file: readFileSync('/etc/mke2fs.conf') },
        ]),
      );
      const commandLine = 'console=ttyS0 panic=-1 loglevel=3';
      const boot = { kernel: kernel.image, initrd, commandLine, tpm: join(maker.folder, 'vm'), timeout: 560_000 };
      text = (await bootMachine(boot)).console;
    } finally {
      mkdirSync(kept, { recursive: true });
      writeFileSync(join(kept, 'volumes.console.txt'), text);
      await maker.close();
    }
  }, 600_000);

  test.each(['empty', 'integrity', 'encrypted'])('%s: is opened, mounted, and holds files', (name) => {
    expect(told(name), text.slice(-3000)).toBe('0');
    expect(told(`${name}-mounted`)).toBe('1');
    expect(told(`${name}-file`)).toBe(name === 'encrypted' ? 'of the owner' : 'PLAINTEXT-MARK');
  });

  test('nothing of it stands on the disks, and no header where the device was empty', () => {
    expect(told('on-disk')).toBe('0');
    expect(told('header-on-disk')).toBe('0');
    expect(told('headers')).toBe('2');
    expect(told('cipher')).toMatch(/cipher:\s+aes-xts-plain64/);
  });

  test('as a device it is a link to what is mapped', () => {
    expect(told('device')).toBe('0');
    expect(told('device-link')).toBe('/dev/mapper/device');
    expect(Number(told('device-size'))).toBe(65536 * 2);
  });
});
