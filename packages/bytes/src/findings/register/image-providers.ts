import type { RegisterPart } from './entry.js';

/** Key providers: programs and services that keep the keys of encrypted images. */
export const IMAGE_PROVIDERS = {
  'image.provider.answers': {
    stage: 'operate',
    severity: 'high',
    unmet: 'fail',
    checks: 'the key provider is reached, and does what it is asked',
    title: 'key provider {provider}: {reason}',
    causes: ['it does not run, or listens elsewhere', 'its own key broker refuses', 'parameters that it does not know'],
    remedy: 'Look at the entry {provider} in OCICRYPT_KEYPROVIDER_CONFIG, and at what the provider says itself.',
    party: 'owner',
    retry: 'after-change',
    status: 503,
    origin: 'spec',
    type: 'text',
    since: '0.1.0',
  },
} as const satisfies RegisterPart;
