import { assayError } from '@assay/bytes/findings';

/** The OpenPGP library: loaded by those who have OpenPGP keys or signatures, and by nobody else. */
type OpenPgp = typeof import('openpgp');

/** @throws AssayError `image.openpgp.present` where a bundled program has lost the file beside it */
export async function openpgp(): Promise<OpenPgp> {
  try {
    return await import('openpgp');
  } catch (cause) {
    const what = (cause as { code?: string }).code ?? 'it does not load';
    throw assayError('image.openpgp.present', { params: { what }, subject: 'openpgp' });
  }
}
