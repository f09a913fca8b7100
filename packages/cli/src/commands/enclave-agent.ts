import type { Command } from 'commander';
import type { EmulatedAttester } from '../agent/attestation-agent.js';
import type { EnclaveAgentFlags } from '../agent/enclave-agent.js';
import { type CommonFlags, command } from '../command.js';
import { running } from './agent.js';

/** `assay agent enclave-agent`. Simulated, so no part of a guest's own bundle. */
export function enclaveAgentCommand(emulated: EmulatedAttester): Command {
  return command('enclave-agent', 'simulated agent enclave of enclave-cc: pulls images for the shim of a pod', [
    'assay agent enclave-agent -c decrypt_config.conf -o ocicrypt.conf --rootfs ./enclave --tee emulated-sgx',
    'assay agent enclave-agent -c decrypt_config.conf -o ocicrypt.conf --rootfs ./enclave --tee emulated-sgx --enclave enclave.sig',
  ])
    .option(
      '-l, --listen <address>',
      'tcp://HOST:PORT as shims dial it, or unix:///path (default: tcp://127.0.0.1:7788)',
    )
    .option(
      '-c, --decrypt-config <file>',
      'key broker, and whether signatures are asked for; without: nothing is pulled',
    )
    .option('-o, --ocicrypt-config <file>', 'who unwraps keys of layers; must exist (default: /etc/ocicrypt.conf)')
    .option('--rootfs <folder>', 'root of the enclave: images go below it (default: /)')
    .option(
      '--store <kind>',
      '`plain`: bundles stay in clear; `sealed`: as files that `enclave-cc boot` opens',
      'plain',
    )
    .option('--image-policy <uri>', 'signature policy at the key broker (default: kbs:///default/security-policy/test)')
    .option('--sigstore-config <uri>', 'where OpenPGP signatures lie')
    .option('--registries <file>', 'mirrors and other places of registries, as registries.conf has them')
    .option('--credentials <uri>', 'docker config.json for registries; source_creds of a request win')
    .option('--tee <name>', 'emulated TEE, for development: emulated-sgx')
    .option('--enclave <sigstruct>', 'the emulated enclave is the one that this SIGSTRUCT signs')
    .option('--world <file>', 'keys of the emulated world')
    .action((flags: EnclaveAgentFlags & CommonFlags) =>
      running(flags, async (output) =>
        (await import('../agent/enclave-agent.js')).startEnclaveAgent(flags, output, emulated),
      ),
    );
}
