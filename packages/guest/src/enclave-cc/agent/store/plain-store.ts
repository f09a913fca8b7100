import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BUNDLES } from '../../names.js';
import type { ImageStore } from './store.js';

export const PLAIN_NOTE = 'NOT-A-SEFS.txt';

/** Leaves the bundle as it is, and says at the place of the SEFS that there is none. */
export const plainStore: ImageStore = {
  put: async (_bundle, folder, containerId) => {
    const text = `A simulated agent enclave pulled this image. A real one has an encrypted file system (SEFS) here, which only its
enclave and the boot instance can open. Here the image lies in clear at ${BUNDLES}/${containerId} of the enclave's root.
`;
    await writeFile(join(folder, 'sefs/lower', PLAIN_NOTE), text);
  },
};
