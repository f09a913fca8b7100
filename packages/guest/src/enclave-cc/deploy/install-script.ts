/** The plans of an installer as a shell script: what the DaemonSet of the operator runs. */
import type { ShimConfig } from '../config/shim-config.js';
import { RUNTIME_CLASS } from '../names.js';
import { type InstallStep, planInstall, planUninstall, RESET_PLAN } from './install-plan.js';

/** Files of the payload beside those that a build gives. */
export const PAYLOAD_FILES = {
  script: 'scripts/enclave-cc-deploy.sh',
  runtimeClass: 'runtime-class.yaml',
  /** By the version of containerd's configuration. */
  runtime: { 1: 'containerd-1.toml', 2: 'containerd-2.toml' },
} as const;

/**
 * A POSIX script that takes `install`, `cleanup` or `reset`, beside the files of the payload.
 * `NODE_ROOT` stands before every path of the node, `SYSTEMCTL` for the host's, and `ONCE` ends it instead of sleeping.
 */
export function installScript(config: ShimConfig): string {
  const body = (steps: readonly InstallStep[]): string => steps.map((step) => `    ${inShell(step)}\n`).join('');
  return `#!/bin/sh
# Installs enclave-cc on a node, or takes it away. Made by \`assay enclave-cc payload\`.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
root=\${NODE_ROOT:-}
systemctl=\${SYSTEMCTL:-nsenter --target 1 --mount systemctl}
case "\${1:-}" in
  install)
    : "\${NODE_NAME:?}" "\${DECRYPT_CONFIG:?base64 of decrypt_config.conf}" "\${OCICRYPT_CONFIG:?base64 of ocicrypt.conf}"
${body(planInstall(config))}    ;;
  cleanup)
${body(planUninstall(config))}    ;;
  reset)
${body(RESET_PLAN)}    ;;
  *)
    echo "usage: $0 install|cleanup|reset" >&2
    exit 2
    ;;
esac
# A DaemonSet would start it again.
[ -n "\${ONCE:-}" ] || exec sleep infinity
`;
}

function inShell(step: InstallStep): string {
  switch (step.do) {
    case 'make-folder':
      return `mkdir -p ${node(step.path)}`;
    case 'remove':
      return `rm -rf ${node(step.path)}`;
    case 'extract':
      return `tar -xf ${payload(step.from)} -C ${node(step.to)}`;
    case 'copy':
      return `cp ${payload(step.from)} ${node(step.to)}`;
    case 'link':
      return `ln -sf ${quoted(step.to)} ${node(step.path)}`;
    case 'decode':
      return `printf %s "$${step.variable}" | base64 -d > ${node(step.to)}`;
    case 'back-up':
      return `[ ! -f ${node(step.path)} ] || [ -f ${node(step.backup)} ] || cp ${node(step.path)} ${node(step.backup)}`;
    case 'restore':
      return `rm -f ${node(step.path)}; [ ! -f ${node(step.backup)} ] || cp ${node(step.backup)} ${node(step.path)}`;
    case 'add-runtime':
      return addRuntime(node(step.to));
    case 'restart':
      return `$systemctl restart ${step.service}`;
    case 'apply':
    case 'delete':
      return `kubectl ${step.do} -f ${payload(PAYLOAD_FILES.runtimeClass)}`;
    case 'label':
      return `kubectl label node "$NODE_NAME" --overwrite ${quoted(`${step.name}${step.value === undefined ? '-' : `=${step.value}`}`)}`;
  }
}

/** Once, under the plugin that the configuration's version reads. */
function addRuntime(file: string): string {
  const { 1: first, 2: second } = PAYLOAD_FILES.runtime;
  return [
    `touch ${file}`,
    `if ! grep -q ${quoted(`runtimes\\.${RUNTIME_CLASS}\\]`)} ${file}; then`,
    // A last line without its end would take the first of these into it.
    `  [ -z "$(tail -c 1 ${file})" ] || echo >> ${file}`,
    `  if grep -Eq ${quoted('^version *= *2')} ${file}; then cat ${payload(second)}; else cat ${payload(first)}; fi >> ${file}`,
    'fi',
  ].join('\n    ');
}

function node(path: string): string {
  return `"$root"${quoted(path)}`;
}

function payload(name: string): string {
  return `"$here"/${quoted(name)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
