import type { Command } from 'commander';
import { collect, command, group, serverCommand } from '../command.js';
import type { BootFlags } from '../enclave-cc/boot.js';
import type { LintFlags } from '../enclave-cc/lint.js';
import type { PayloadFlags } from '../enclave-cc/payload.js';
import type { CreateFlags, PlanFlags } from '../enclave-cc/plan.js';
import type { PolicyFlags, ReferenceValueFlags } from '../enclave-cc/policy.js';
import type { PullFlags } from '../enclave-cc/pull.js';
import type { RenderFlags } from '../enclave-cc/render.js';

/** `assay enclave-cc`: the host's side of containers in SGX enclaves. */
export function enclaveCcCommand(): Command {
  return group(
    'enclave-cc',
    'containers in SGX enclaves: files and plans of the shim, policies for agent enclaves',
    ['assay enclave-cc render pod --mode hw', 'assay enclave-cc lint --shim-config /etc/enclave-cc/config.toml'],
    [render(), lint(), plan(), payload(), pull(), boot(), policy(), referenceValues()],
  );
}

const MODE = ['--mode <mode>', '`hw` on SGX, `sim` in Occlum’s simulation', 'hw'] as const;
const SHIM = ['--shim-config <file>', 'configuration of the shim (default: what the payload installs)'] as const;

function render(): Command {
  return command('render', 'write files: of the shim, the agent, the boot instance, containerd, Kubernetes', [
    'assay enclave-cc render all --mode hw --kbs https://kbs.example:8080 --out enclave-cc',
    'assay enclave-cc render pod --image registry.example/team/app:v1 --command /bin/server',
  ])
    .argument(
      '<file>',
      'all, shim-config, decrypt-config, ocicrypt-config, agent-bundle, occlum, containerd, runtime-class, cc-runtime, pod',
    )
    .option(...MODE)
    .option('--kbs <url>', 'key broker of the agent', 'https://kbs.example:8080')
    .option('--release <name>', 'release of the payload', 'v0.9.1')
    .option(...SHIM)
    .option('--image <reference>', 'image of the pod')
    .option('--command <text>', 'program of the pod in its image, with arguments')
    .option('--out <folder>', 'write files there, instead of standard output')
    .action(async (kind: string, flags: RenderFlags) =>
      (await import('../enclave-cc/render.js')).renderFiles(kind, flags),
    );
}

function lint(): Command {
  return command('lint', 'check files by their roles, or a whole node: keys, values, trust left to the host', [
    'assay enclave-cc lint --shim-config config.toml --decrypt-config decrypt_config.conf --pod pod.yaml',
    'assay enclave-cc lint --root / --mode hw --json',
  ])
    .option('--shim-config <file>', 'configuration of the shim, config.toml')
    .option('--decrypt-config <file>', 'decrypt_config.conf of the agent')
    .option('--ocicrypt-config <file>', 'ocicrypt.conf of the agent')
    .option('--agent-bundle <file>', 'config.json of the agent’s bundle')
    .option('--occlum <file>', 'Occlum.json of the build')
    .option('--containerd <file>', 'configuration of containerd')
    .option('--pod <file>', 'manifest of a pod, or of what makes pods')
    .option('--root <folder>', 'root of a node: every file at its place')
    .option(...MODE)
    .action(async (flags: LintFlags) => (await import('../enclave-cc/lint.js')).lintFiles(flags));
}

function plan(): Command {
  const create = command('create', 'what the shim does for a sandbox, or for a container in it', [
    'assay enclave-cc plan create config.json --id a1b2 --bundle /run/containerd/io.containerd.runtime.v2.task/k8s.io/a1b2',
    'assay enclave-cc plan create config.json --id c3d4 --bundle /bundle --agent-id $(cat agent-id) --json',
  ])
    .argument('<spec>', 'OCI specification of the container; `-` for standard input')
    .requiredOption('--id <id>', 'id of the container')
    .requiredOption('--bundle <folder>', 'folder of its bundle')
    .option('--agent-id <hex>', 'agent of the sandbox; of a new sandbox: its id, instead of a random one')
    .option(...SHIM)
    .action(async (file: string, flags: CreateFlags) =>
      (await import('../enclave-cc/plan.js')).planCreate(file, flags),
    );
  const call = command('call', 'what the shim does to start, kill, delete, clean up, or to pull an image', [
    'assay enclave-cc plan call start a1b2 --agent-id $(cat agent-id)',
    'assay enclave-cc plan call pull registry.example/team/app:v1 --agent-id $(cat agent-id)',
  ])
    .argument('<call>', 'start, kill, delete, cleanup, pull')
    .argument('<subject>', 'id of the container; for pull: reference of the image')
    .option('--agent-id <hex>', 'agent of the sandbox')
    .option('--bundle <folder>', 'folder of the bundle, for cleanup')
    .option(...SHIM)
    .action(async (name: string, subject: string, flags: PlanFlags) =>
      (await import('../enclave-cc/plan.js')).planCall(name, subject, flags),
    );
  const node = command('node', 'what installers do on a node: install, uninstall, reset', [
    'assay enclave-cc plan node install',
    'assay enclave-cc plan node uninstall --json',
  ])
    .argument('<plan>', 'install, uninstall, reset')
    .option(...SHIM)
    .action(async (which: string, flags: PlanFlags) =>
      (await import('../enclave-cc/plan.js')).planInstallation(which, flags),
    );
  return group(
    'plan',
    'the shim’s and the installer’s steps, without taking them',
    ['assay enclave-cc plan node install', 'assay enclave-cc plan create config.json --id a1b2 --bundle /bundle'],
    [create, call, node],
  );
}

function payload(): Command {
  return command('payload', 'put together what an installer brings to a node: instance, shim, files, script', [
    'assay enclave-cc payload --instance unified-instance.tar --shim containerd-shim-rune-v2 --out payload',
    'assay enclave-cc payload --instance unified-instance.tar --shim containerd-shim-rune-v2 --mode sim --out oci:payload:sim',
  ])
    .requiredOption('--instance <tar>', 'archive of the unified instance, out of the build of Occlum')
    .requiredOption('--shim <file>', 'the shim’s binary')
    .requiredOption('--out <place>', 'folder, or oci:DIR:TAG for an image of one layer without a base')
    .option(...MODE)
    .option(...SHIM)
    .action(async (flags: PayloadFlags) => (await import('../enclave-cc/payload.js')).writePayload(flags));
}

function pull(): Command {
  return command('pull', 'ask an agent enclave for an image, as the shim does', [
    'assay enclave-cc pull registry.example/team/app:v1',
    'assay enclave-cc pull registry.example/team/app:v1 --agent tcp://127.0.0.1:7788 --rootfs ./enclave --json',
  ])
    .argument('<image>', 'reference of the image')
    .option('--agent <url>', 'where the agent listens (default: tcp://127.0.0.1:7788)')
    .option('--rootfs <folder>', 'root of the agent’s bundle: folders of the image are made below it, as shims do')
    .option('--container-id <id>', 'instead of the one that follows from the image')
    .option('--dial-timeout <seconds>', 'how long an agent that does not listen yet is waited for (default: 30)')
    .action(async (image: string, flags: PullFlags) => (await import('../enclave-cc/pull.js')).pullImage(image, flags));
}

function boot(): Command {
  return command('boot', 'open an image that `enclave-agent --store sealed` put away, as the boot instance does', [
    'assay enclave-cc boot app_v1 --rootfs enclave --enclave builds/known.sig --out app',
    'assay enclave-cc boot app_v1 --rootfs enclave --enclave builds/known.sig --world world.json --out app --json',
  ])
    .argument('<container-id>', 'container id of the image')
    .requiredOption('--rootfs <folder>', 'root of the agent’s bundle')
    .requiredOption('--out <folder>', 'folder for the image; must not exist')
    .option('--enclave <sigstruct>', 'the emulated enclave is the one that this SIGSTRUCT signs')
    .option('--world <file>', 'keys of the emulated world')
    .action(async (id: string, flags: BootFlags) => (await import('../enclave-cc/boot.js')).bootContainer(id, flags));
}

function policy(): Command {
  return command('policy', 'print Rego: which enclaves are affirmed, and what they get', [
    'assay enclave-cc policy attestation > attestation.rego',
    'assay enclave-cc policy resource > resource.rego',
  ])
    .argument('<which>', 'attestation or resource')
    .option('--emulated', 'take emulated hardware too, for development')
    .action(async (which: string, flags: PolicyFlags) =>
      (await import('../enclave-cc/policy.js')).printPolicy(which, flags),
    );
}

function referenceValues(): Command {
  return serverCommand('reference-values', 'reference values of builds, out of their SIGSTRUCTs', [
    'assay enclave-cc reference-values --sigstruct enclave.sig --register',
    'assay enclave-cc reference-values --sigstruct enclave.sig --message > message.json',
  ])
    .option('--sigstruct <file>', 'SIGSTRUCT of a build; repeatable', collect)
    .option('--register', 'store them at the server')
    .option('--message', 'print a message for an RVPS')
    .action(async (flags: ReferenceValueFlags) =>
      (await import('../enclave-cc/policy.js')).printReferenceValues(flags),
    );
}
