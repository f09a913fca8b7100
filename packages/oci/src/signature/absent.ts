import { type AssayError, assayError } from '@assay/bytes/findings';

/** @param ref the image, for people */
export function absent(ref: string, kind: string, where: string): AssayError {
  return assayError('signature.object.present', { params: { ref, kind, where }, subject: ref });
}
