/** A guest's Confidential Data Hub, over a client that attests. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CcKbc } from '@assay/guest';
import { DataHub, DEFAULT_IMAGE_CONFIG } from '@assay/guest/services';

export interface GuestImages {
  /** Where the bundle is, once an image has been pulled. */
  readonly bundle: string;
  /** @returns digest of the manifest. @throws PullError */
  pull(): Promise<string>;
  /** Every file that lies in the guest's folders, layers on their way included. */
  files(): readonly string[];
}

/** @param folder of this guest alone. @param policy URI of the policy about signatures */
export function guestImages(kbc: CcKbc, folder: string, reference: string, policy: string): GuestImages {
  mkdirSync(folder, { recursive: true });
  const [registry = ''] = reference.split('/');
  const hub = new DataHub({
    kbc,
    kms: {},
    skipSealedSecretVerification: false,
    folder: join(folder, 'cdh'),
    root: folder,
    run: () => Promise.reject(new Error('no program is needed to pull an image')),
    image: {
      ...DEFAULT_IMAGE_CONFIG,
      workDir: join(folder, 'work'),
      policy: { uri: policy },
      registries: { text: `[[registry]]\nprefix = "${registry}"\nlocation = "${registry}"\ninsecure = true\n` },
    },
  });
  const bundle = join(folder, 'bundle');
  return {
    bundle,
    pull: () => hub.pullImage({ image: reference, bundle }),
    files: () => filesBelow(folder),
  };
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
}

/**
 * A guest that was refused has nothing.
 *
 * @param secret what stands in an encrypted layer
 * @returns how many files there are: none
 * @throws Error when there are any, which ends the demo
 */
export function nothingLeft(files: readonly string[], secret: string): number {
  if (files.length === 0) return 0;
  const what = files.some((file) => readFileSync(file).includes(secret)) ? 'what was encrypted' : 'files';
  throw new Error(`the guest was refused, and has ${what}: ${files.join(', ')}`);
}
