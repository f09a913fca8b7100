import { responseMeaning } from './response-code.js';

/**
 * Why a TPM could not be used.
 * - `transport`: it could not be reached, went away or did not answer in time
 * - `response`: what it answered is not a TPM 2.0 response
 * - `refused`: it answered with a response code
 * - `unfit`: it lacks something that is needed (a PCR bank, an NV index)
 */
export type TpmErrorReason = 'transport' | 'response' | 'refused' | 'unfit';

/** An error of the TPM client. Its message names the command; it never holds an authorisation value or a secret. */
export class TpmError extends Error {
  override readonly name = 'TpmError';
  readonly reason: TpmErrorReason;
  /** Response code, of a refusal. */
  readonly code: number | undefined;
  /** What a person can do about it. */
  readonly remedy: string;

  constructor(reason: TpmErrorReason, message: string, remedy: string, options: ErrorOptions & { code?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.remedy = remedy;
    this.code = options.code;
  }
}

/** The error of a response code. */
export function refusal(command: string, code: number): TpmError {
  const { name, means, remedy, about } = responseMeaning(code);
  const where = about === undefined ? '' : `, ${about}`;
  return new TpmError('refused', `${command}: ${means} (${name}${where})`, remedy, { code });
}
