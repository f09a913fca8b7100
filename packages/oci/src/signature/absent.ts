import { type AssayError, assayError } from '@assay/bytes/findings';
import { formatReference, type ImageReference } from '../model/reference.js';

export function absent(reference: ImageReference, kind: string, where: string): AssayError {
  const ref = formatReference(reference);
  return assayError('signature.object.present', { params: { ref, kind, where }, subject: ref });
}
