import { DecodeError } from '@assay/bytes';
import { AssayError } from '@assay/bytes/findings';
import { KbcError } from '@assay/guest';
import {
  AttesterError,
  ConfigError,
  EventError,
  InitDataError,
  MountError,
  PullError,
  TpmError,
} from '@assay/guest/services';
import { KmsError } from '@assay/kms/drivers';
import { ProtocolError, SealedSecretError } from '@assay/protocol';
import { CliError, EXIT } from '../exit.js';
import type { Output } from '../terminal/output.js';

/** Errors whose words hold nothing secret. */
const TELLABLE = [
  AssayError,
  AttesterError,
  ConfigError,
  DecodeError,
  EventError,
  InitDataError,
  KbcError,
  KmsError,
  MountError,
  ProtocolError,
  PullError,
  SealedSecretError,
];

/** Why something failed, for the guest's log; of an unknown error only its kind, as its words may quote what it was about. */
export function reasonOf(error: unknown): string {
  if (error instanceof TpmError) return `${error.message}. ${error.remedy}`;
  if (TELLABLE.some((kind) => error instanceof kind)) return (error as Error).message;
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : error instanceof Error ? error.name : 'unknown error';
}

/** Where services of the guest tell their owner what went wrong. */
export function reporter(output: Output, service: string) {
  return {
    onFailure: (what: string, error: unknown): void => output.note(`${service}: ${what}: ${reasonOf(error)}`),
    onDefect: (error: unknown): void => output.note(`${service}: defect: ${reasonOf(error)}`),
  };
}

/** Errors of the guest's start as this command's. */
export async function starting<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (error instanceof ConfigError || error instanceof RangeError)
      throw new CliError(error.message, EXIT.usage, { cause: error });
    if (error instanceof InitDataError) {
      throw new CliError(error.message, EXIT.refused, {
        hint: 'the host handed over other init-data than the guest was launched with; do not start it',
        cause: error,
      });
    }
    if (error instanceof ProtocolError) throw new CliError(error.message, EXIT.malformed, { cause: error });
    if (error instanceof TpmError)
      throw new CliError(error.message, EXIT.unreachable, { hint: error.remedy, cause: error });
    if (error instanceof AttesterError) throw new CliError(error.message, EXIT.unreachable, { cause: error });
    if (error instanceof KbcError) {
      const exit = error.reason === 'unavailable' ? EXIT.unreachable : EXIT.refused;
      throw new CliError(`a resource of the configuration is not there: ${error.message}`, exit, { cause: error });
    }
    throw error;
  }
}
