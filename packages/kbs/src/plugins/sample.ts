import type { Plugin } from './plugin.js';

/** Upstream's example: answers every administrator with the same words. */
export function samplePlugin(): Plugin {
  const body = Buffer.from('sample plugin response');
  return {
    name: 'sample',
    requiresAdmin: () => true,
    encrypted: () => false,
    handle: async () => ({ body: new Uint8Array(body) }),
  };
}
