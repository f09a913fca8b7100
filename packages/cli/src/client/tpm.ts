import { resolve } from 'node:path';
import { type Attester, AttesterError, azureAttester, tpmAttester } from '@assay/guest';
import { type AttestationKeyChoice, TpmError } from '@assay/guest/tpm';
import { type Command, Option } from 'commander';
import { CliError, EXIT, type ExitCode } from '../exit.js';

/** Flags of commands that speak to a TPM. */
export interface TpmFlags {
  readonly tpm: string;
  readonly tpmKey: string;
  readonly tpmEventLog?: string;
}

/** Adds the flags that say which TPM, and which of its keys. */
export function withTpmFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--tpm <address>', 'TPM: a device, tcp:HOST:PORT or unix:PATH (swtpm)')
        .env('AA_TPM_DEVICE')
        .default('/dev/tpmrm0'),
    )
    .addOption(
      new Option('--tpm-key <key>', 'attestation key: rsa, ecc, or the handle of a persistent one (0x81010002)')
        .env('AA_TPM_AK_HANDLE')
        .default('rsa'),
    );
}

/** TEEs whose evidence a TPM makes. */
export const TPM_TEES = ['tpm', 'az-snp-vtpm', 'az-tdx-vtpm'] as const;

export type TpmTee = (typeof TPM_TEES)[number];

export function isTpmTee(tee: string): tee is TpmTee {
  return (TPM_TEES as readonly string[]).includes(tee);
}

/** The attester of a TPM, or of the vTPM of an Azure confidential VM, whose key is Azure's. @throws CliError */
export function tpmGuest(tee: TpmTee, flags: TpmFlags): Attester {
  const attester = attesterOf(tee, flags);
  return {
    tee,
    getEvidence: (reportData) =>
      attester.getEvidence(reportData).catch((error: unknown) => Promise.reject(tpmCliError(error))),
  };
}

function attesterOf(tee: TpmTee, flags: TpmFlags): Attester {
  if (tee === 'az-snp-vtpm') return azureAttester('snp', { address: flags.tpm });
  if (tee === 'az-tdx-vtpm') return azureAttester('tdx', { address: flags.tpm });
  return tpmAttester({
    address: flags.tpm,
    key: keyChoice(flags.tpmKey),
    ...(flags.tpmEventLog === undefined ? {} : { eventLog: resolve(flags.tpmEventLog) }),
  });
}

/** `rsa`, `ecc`, or a handle in hex. @throws CliError exit 2 */
export function keyChoice(text: string): AttestationKeyChoice {
  if (text === 'rsa') return { kind: 'rsa2048' };
  if (text === 'ecc') return { kind: 'p256' };
  if (/^(0x)?81[0-9a-fA-F]{6}$/.test(text)) return { handle: Number.parseInt(text.replace(/^0x/, ''), 16) };
  throw new CliError(`\`${text.slice(0, 40)}\` is no attestation key`, EXIT.usage, {
    hint: '--tpm-key takes rsa, ecc, or a persistent handle like 0x81010002',
  });
}

const EXITS: Readonly<Record<TpmError['reason'], ExitCode>> = {
  transport: EXIT.unreachable,
  response: EXIT.malformed,
  refused: EXIT.refused,
  unfit: EXIT.refused,
};

/** A TPM's refusal as this command's error. */
export function tpmCliError(error: unknown): unknown {
  if (error instanceof AttesterError) return new CliError(error.message, EXIT.unreachable, { cause: error });
  if (!(error instanceof TpmError)) return error;
  return new CliError(error.message, EXITS[error.reason], { hint: error.remedy, cause: error });
}
