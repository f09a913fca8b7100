/** What installers do on a node, in order, and how it is undone. */
import { posix } from 'node:path';
import type { ShimConfig } from '../config/shim-config.js';
import { CONFIGS_FOLDER, SHIM_BINARY, SHIM_CONFIG_FILE } from '../names.js';
import { NODE_LABEL } from './kubernetes.js';

const { dirname, join } = posix;
const CONTAINERD_CONFIG = '/etc/containerd/config.toml';
const SHIM_FOLDER = '/opt/confidential-containers/bin';
const LINK_FOLDER = '/usr/local/bin';

/** One act on a node or its cluster. Sources are members of the payload. */
export type InstallStep =
  | { readonly do: 'make-folder' | 'remove'; readonly path: string }
  | { readonly do: 'extract' | 'copy'; readonly from: string; readonly to: string }
  | { readonly do: 'link'; readonly path: string; readonly to: string }
  /** Base64 of an environment variable of the installer. */
  | { readonly do: 'decode'; readonly variable: string; readonly to: string }
  | { readonly do: 'back-up' | 'restore'; readonly path: string; readonly backup: string }
  | { readonly do: 'add-runtime'; readonly to: string }
  | { readonly do: 'restart'; readonly service: 'containerd' }
  | { readonly do: 'apply' | 'delete'; readonly object: 'RuntimeClass' }
  | { readonly do: 'label'; readonly name: string; readonly value: string | undefined };

const BACKUP = { path: CONTAINERD_CONFIG, backup: `${CONTAINERD_CONFIG}.bak` } as const;
const shimFile = join(SHIM_FOLDER, SHIM_BINARY);

/** Installs the payload: one archive fills both instances. An earlier backup of containerd's configuration is kept. */
export function planInstall(config: ShimConfig): readonly InstallStep[] {
  const { agentInstance, bootInstance } = config;
  const configs = join(agentInstance, 'rootfs', CONFIGS_FOLDER);
  return [
    ...[agentInstance, bootInstance].flatMap((instance): InstallStep[] => [
      { do: 'make-folder', path: join(instance, 'rootfs') },
      { do: 'extract', from: 'unified-instance.tar', to: join(instance, 'rootfs') },
    ]),
    { do: 'copy', from: 'config.json', to: join(agentInstance, 'config.json') },
    // Upstream's script leaves this folder to the volume of its DaemonSet.
    { do: 'make-folder', path: dirname(SHIM_CONFIG_FILE) },
    { do: 'copy', from: 'shim-rune-config.toml', to: SHIM_CONFIG_FILE },
    { do: 'make-folder', path: SHIM_FOLDER },
    { do: 'copy', from: SHIM_BINARY, to: shimFile },
    { do: 'link', path: join(LINK_FOLDER, SHIM_BINARY), to: shimFile },
    { do: 'make-folder', path: configs },
    { do: 'decode', variable: 'DECRYPT_CONFIG', to: join(configs, 'decrypt_config.conf') },
    { do: 'decode', variable: 'OCICRYPT_CONFIG', to: join(configs, 'ocicrypt.conf') },
    { do: 'back-up', ...BACKUP },
    { do: 'add-runtime', to: CONTAINERD_CONFIG },
    { do: 'restart', service: 'containerd' },
    { do: 'apply', object: 'RuntimeClass' },
    { do: 'label', name: NODE_LABEL, value: 'true' },
  ];
}

/** Takes everything away. Without a backup containerd's configuration is deleted. */
export function planUninstall(config: ShimConfig): readonly InstallStep[] {
  return [
    { do: 'restore', ...BACKUP },
    { do: 'delete', object: 'RuntimeClass' },
    { do: 'label', name: NODE_LABEL, value: 'cleanup' },
    ...[config.agentInstance, config.bootInstance, config.agentRootDir, shimFile].map(
      (path): InstallStep => ({ do: 'remove', path: path.replace(/\/$/, '') }),
    ),
  ];
}

/** After an uninstallation: takes the label away, and has containerd read its configuration. */
export const RESET_PLAN: readonly InstallStep[] = [
  { do: 'label', name: NODE_LABEL, value: undefined },
  { do: 'restart', service: 'containerd' },
];

/** A step as a person would say it. */
export function installStepInWords(step: InstallStep): string {
  switch (step.do) {
    case 'make-folder':
      return `mkdir -p ${step.path}`;
    case 'remove':
      return `rm -rf ${step.path}`;
    case 'extract':
      return `tar -xf ${step.from} -C ${step.to}`;
    case 'copy':
      return `cp ${step.from} ${step.to}`;
    case 'link':
      return `ln -sf ${step.to} ${step.path}`;
    case 'decode':
      return `echo $${step.variable} | base64 -d > ${step.to}`;
    case 'back-up':
      return `cp -n ${step.path} ${step.backup}`;
    case 'restore':
      return `rm -f ${step.path}; cp ${step.backup} ${step.path} (where there is a backup)`;
    case 'add-runtime':
      return `assay enclave-cc render containerd >> ${step.to}`;
    case 'restart':
      return `systemctl restart ${step.service}`;
    case 'apply':
    case 'delete':
      return `kubectl ${step.do} -f runtime-class.yaml`;
    case 'label':
      return `kubectl label node $NODE_NAME --overwrite ${step.name}${step.value === undefined ? '-' : `=${step.value}`}`;
  }
}
