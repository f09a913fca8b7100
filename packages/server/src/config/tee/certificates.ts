/** Certificates that settings of a TEE name: files that are read once, at start. */
import { readFileSync } from 'node:fs';
import { assayError } from '@assay/bytes/findings';
import { type Certificate, parseCertificates } from '@assay/evidence/x509';

/** @param key dotted name of the setting @throws AssayError `config.file.form` */
export function certificatesOf(key: string, paths: readonly string[]): readonly Certificate[] {
  return paths.flatMap((path) => {
    try {
      return parseCertificates(new Uint8Array(readFileSync(path)));
    } catch (error) {
      const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
      const expected = 'certificates in PEM or DER are wanted';
      const params = { file: 'settings', line: '', key, actual: `${path}: ${reason}`, expected };
      throw assayError('config.file.form', { params, cause: error });
    }
  });
}
