import { type Command, Option } from 'commander';
import { type CommonFlags, collect, command } from '../command.js';

export interface VerifyFlags extends CommonFlags {
  readonly file: readonly string[];
  readonly at?: string;
  readonly root?: readonly string[];
  readonly reportData?: string;
  readonly initDataDigest?: string;
  readonly policy?: readonly string[];
  readonly rv?: readonly string[];
  readonly all?: boolean;
  readonly why?: string;
  readonly full?: boolean;
}

/** `assay verify`: judges one piece of evidence, without any server. */
export function verifyCommand(): Command {
  return command('verify', 'verify one piece of evidence: every check, what was expected and found, and what to do', [
    'assay verify tdx --file quote=quote.dat --file collateral=collateral.json',
    'assay verify snp --file report=report.bin --file leaf=vcek.der --file ask=ask.pem --file ark=ark.pem --at 2025-09-01T00:00:00Z --json',
  ])
    .argument('<kind>', 'kind of evidence: tdx, sgx, snp, csv, se, cca, nitro, eventlog')
    .requiredOption('--file <role=path>', 'file of the evidence or its endorsements (repeatable)', collect)
    .option('--at <time>', 'verify as of this time, RFC 3339 (default: now)')
    .option(
      '--root <file>',
      'trust only this root, instead of the built-in ones; for cca a platform key or trust-anchor store (repeatable)',
      collect,
    )
    .option('--report-data <hex>', 'what the evidence must be bound to')
    .option('--init-data-digest <hex>', 'digest that the init-data register must hold')
    .option('--policy <file>', 'also ask this attestation policy (Rego)', collect)
    .addOption(
      new Option('--rv <file>', 'JSON object of reference values for the policy (repeatable)').argParser(collect),
    )
    .option('--all', 'every finding, by stage')
    .option('--why <id>', 'one finding with everything')
    .option('--full', 'shorten nothing')
    .action(async (kind: string, flags: VerifyFlags) =>
      (await import('../evidence/verify.js')).verifyEvidence(kind, flags),
    );
}
