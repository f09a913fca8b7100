import type { Peers } from '../support/peers.js';

/** Debian's packages that the virtual machine is made of. */
export const VM_PEERS: Peers = {
  'qemu-system-x86': '/usr/bin/qemu-system-x86_64',
  ovmf: '/usr/share/OVMF/OVMF_CODE_4M.fd',
  swtpm: '/usr/bin/swtpm',
  'swtpm-tools': '/usr/bin/swtpm_setup',
  'busybox-static': '/var/lib/dpkg/info/busybox-static.list',
};
