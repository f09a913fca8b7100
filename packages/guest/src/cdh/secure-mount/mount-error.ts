/** A volume that is not mounted, and why; never with a key. */
export class MountError extends Error {
  override readonly name = 'MountError';
}
