import type { Command } from 'commander';
import { command, group } from '../command.js';
import type { MeasureFlags } from '../enclave-cc/measure.js';
import { withArtifacts } from './sev.js';

/** `assay measure`: reference values from artifacts. */
export function measureCommand(): Command {
  return group(
    'measure',
    'reference values from artifacts: what hardware will report of them',
    [
      'assay measure sev --firmware OVMF.fd --kernel vmlinuz --initrd initrd.img --append "console=ttyS0"',
      'assay measure sev --firmware OVMF.fd --kernel vmlinuz --es --vcpus 2 --cpu EPYC-Milan',
    ],
    [sev(), sgx()],
  );
}

function sev(): Command {
  const summary = 'launch digest of SEV, or with --es of SEV-ES: what the firmware measures before the guest runs';
  return withArtifacts(
    command('sev', summary, [
      'assay measure sev --firmware OVMF.fd --kernel vmlinuz --initrd initrd.img --append "console=ttyS0"',
      'assay measure sev --firmware OVMF.fd --kernel vmlinuz --es --vcpus 2 --cpu EPYC-Milan --json',
    ]),
    true,
  ).action(async (flags) => (await import('../sev/measure.js')).measureSev(flags));
}

function sgx(): Command {
  return command('sgx', 'MRENCLAVE and MRSIGNER of an enclave, out of its SIGSTRUCT or the measured load', [
    'assay measure sgx --sigstruct enclave.sig',
    'assay measure sgx --sigstruct enclave.sig --sgxs enclave.sgxs --json',
  ])
    .option('--sigstruct <file>', 'SIGSTRUCT: 1808 bytes, as `sgx_sign dump -cssfile` writes them')
    .option('--sgxs <file>', 'the load, as a stream of ECREATE, EADD and EEXTEND')
    .action(async (flags: MeasureFlags) => (await import('../enclave-cc/measure.js')).measureSgx(flags));
}
