/** `@assay/soft-tee/testing`: for tests of this repository. */
export { createCachedTestWorld } from './cached-world.js';
export { startTestProxy, type TestProxy, type TestProxyOptions } from './proxy.js';
