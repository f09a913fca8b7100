import type { Command } from 'commander';
import { type CommonFlags, collect, command, group } from '../command.js';
import type { EnclaveFlags } from '../emulate/enclave.js';
import type { RegistryFlags } from '../emulate/registry.js';

export interface EmulateFlags extends CommonFlags {
  readonly world?: string;
  readonly pcsPort: string;
  readonly kdsPort: string;
  readonly nvidiaPort: string;
  readonly roots?: string;
}

/** `assay emulate`: emulated hardware vendors, for development. */
export function emulateCommand(): Command {
  const serve = command('serve', 'run emulated vendor services (Intel PCS, AMD KDS, NVIDIA RIM) for emulated TEEs', [
    'assay emulate serve',
    'assay emulate serve --pcs-port 8081 --kds-port 8082 --roots emulated-roots.pem',
  ])
    .option('--world <file>', 'keys of the emulated world (default: in the assay configuration folder)')
    .option('--pcs-port <port>', 'port of the emulated PCS', '8091')
    .option('--kds-port <port>', 'port of the emulated KDS', '8092')
    .option('--nvidia-port <port>', "port of NVIDIA's emulated services", '8093')
    .option('--roots <file>', 'write the test roots to this file (default: beside the world)')
    .action(async (flags: EmulateFlags) => (await import('../emulate/serve.js')).serveVendors(flags));
  const enclave = command('enclave', 'write SIGSTRUCT and load of an SGX enclave that was never built', [
    'assay emulate enclave known --out builds',
    'assay emulate enclave debug --out builds --debug --json',
  ])
    .argument('<name>', 'the same name gives the same MRENCLAVE')
    .requiredOption('--out <folder>', 'folder for NAME.sig, NAME.sgxs and the key that signs them')
    .option('--isv-svn <n>', 'security version', '1')
    .option('--debug', 'an enclave that runs in debug')
    .action(async (name: string, flags: EnclaveFlags) =>
      (await import('../emulate/enclave.js')).writeEnclave(name, flags),
    );
  const registry = command('registry', 'serve images out of OCI layouts as a registry would, on this machine alone', [
    'assay emulate registry --image team/app:v1=oci:encrypted:v1',
    'assay emulate registry --listen 127.0.0.1:5001 --image team/app:v1=oci:app:v1 --image team/db:v1=oci:db:v1',
  ])
    .option('--image <name=layout>', 'REPOSITORY:TAG=oci:DIR:TAG; repeatable', collect)
    .option('--listen <host:port>', 'address', '127.0.0.1:5000')
    .action(async (flags: RegistryFlags) => (await import('../emulate/registry.js')).serveRegistry(flags));
  return group(
    'emulate',
    'emulated TEE hardware and emulated vendor services, for development',
    ['assay emulate serve', 'assay client attest --tee emulated-tdx'],
    [serve, enclave, registry],
  );
}
