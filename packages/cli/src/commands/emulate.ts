import type { Command } from 'commander';
import { type CommonFlags, command, group } from '../command.js';

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
  return group(
    'emulate',
    'emulated TEE hardware and emulated vendor services, for development',
    ['assay emulate serve', 'assay client attest --tee emulated-tdx'],
    [serve],
  );
}
