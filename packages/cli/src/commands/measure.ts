import type { Command } from 'commander';
import { command, group } from '../command.js';
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
    [sev()],
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
