/** The OpenPGP library: loaded by those who have OpenPGP recipients, and by nobody else. */
export type Library = typeof import('openpgp');

export function openpgp(): Promise<Library> {
  return import('openpgp');
}
