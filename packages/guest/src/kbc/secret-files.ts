/** Files that hold secrets of a guest: given from outside, so that a client runs over the real ones or in a test. */
export interface SecretFiles {
  /** The whole content, or undefined where there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Removes a file. */
  remove(path: string): Promise<void>;
}

/** Where the kernel of an SEV guest shows injected secrets, one file per GUID. */
export const SEV_SECRET_FOLDER = '/sys/kernel/security/secrets/coco';
