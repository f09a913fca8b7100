import { AssayError } from '@assay/bytes/findings';
import { damaged, notAnswering, notWritable } from '../errors.js';

/** Transactions that lost against another one and may simply be tried again (deadlock, serialisation failure). */
export function isTransient(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return code === '40P01' || code === '40001';
}

/**
 * What PostgreSQL, or the way to it, said, as an error that tells what to do. Words of the server are not repeated, since
 * they may quote data; the SQLSTATE is.
 */
export function fromPostgres(thrown: unknown, address: string): AssayError {
  if (thrown instanceof AssayError) return thrown;
  const code = codeOf(thrown);
  switch (code) {
    case '53100':
      return notWritable(address, 'disk of the server is full', thrown);
    case '25006':
      return notWritable(address, 'read-only', thrown, 'Connect to the primary, not to a standby.');
    case '42501':
      return notWritable(address, 'permission denied', thrown, 'Grant the role USAGE and CREATE on the schema.');
    case 'XX001':
    case 'XX002':
      return damaged('postgres', address, 'Restore the database: PostgreSQL reports damaged pages.', thrown);
    case '28P01':
    case '28000':
      return notAnswering('postgres', address, 'role or password refused', thrown);
    case '3D000':
      return notAnswering('postgres', address, 'the database does not exist', thrown);
    case '53300':
      return notAnswering('postgres', address, 'the server has no connection left', thrown);
    case undefined:
      return notAnswering('postgres', address, thrown instanceof Error ? wordsOf(thrown) : 'unknown error', thrown);
    default:
      return notAnswering('postgres', address, code, thrown);
  }
}

function codeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  // Where a name has several addresses, Node reports all attempts in one error.
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return codeOf(thrown.errors[0]);
  return 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}

/** The driver's own errors have no code. Their texts are fixed and carry no data. */
function wordsOf(error: Error): string {
  return /timeout|terminated|ended|closed/i.test(error.message) ? error.message : `unexpected ${error.name}`;
}
