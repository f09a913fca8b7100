/** `@assay/soft-tee/testing`: for tests of this repository. */
export { createCachedTestWorld } from './cached-world.js';
