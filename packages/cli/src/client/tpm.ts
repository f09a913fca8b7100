import { resolve } from 'node:path';
import { type Attester, tpmAttester } from '@assay/guest';
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

/** The attester of a TPM. @throws CliError */
export function tpmGuest(flags: TpmFlags): Attester {
  const attester = tpmAttester({
    address: flags.tpm,
    key: keyChoice(flags.tpmKey),
    ...(flags.tpmEventLog === undefined ? {} : { eventLog: resolve(flags.tpmEventLog) }),
  });
  return {
    tee: attester.tee,
    getEvidence: (reportData) =>
      attester.getEvidence(reportData).catch((error: unknown) => Promise.reject(tpmCliError(error))),
  };
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
  if (!(error instanceof TpmError)) return error;
  return new CliError(error.message, EXITS[error.reason], { hint: error.remedy, cause: error });
}
