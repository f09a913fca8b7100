/** Errors of signatures with logs and certificates. */
import { type AssayError, assayError } from '@assay/bytes/findings';

export function malformed(what: string): AssayError {
  return assayError('signature.bundle.form', { params: { what } });
}

export function badProof(what: string): AssayError {
  return assayError('signature.log.proof', { params: { what } });
}

export function badCheckpoint(what: string): AssayError {
  return assayError('signature.log.checkpoint', { params: { what } });
}

export function otherEntry(what: string): AssayError {
  return assayError('signature.log.body', { params: { what } });
}
