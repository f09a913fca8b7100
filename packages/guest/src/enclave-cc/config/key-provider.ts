import { DecodeError } from '@assay/bytes';

/** Which key broker client an agent enclave uses, and where its broker is. */
export interface KeyProviderParameter {
  /** `cc_kbc`, `sample_kbc` … */
  readonly kbc: string;
  readonly uri: string;
}

const PREFIX = 'provider:attestation-agent:';

/** Reads `provider:attestation-agent:KBC::URI`. @throws DecodeError */
export function parseKeyProvider(text: string): KeyProviderParameter {
  const rest = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : undefined;
  const [kbc = '', uri = '', ...more] = rest?.split('::') ?? [];
  if (rest === undefined || kbc === '' || uri === '' || more.length > 0)
    throw new DecodeError('key_provider', `it is not ${PREFIX}KBC::URI`);
  return { kbc, uri };
}

export function formatKeyProvider({ kbc, uri }: KeyProviderParameter): string {
  return `${PREFIX}${kbc}::${uri}`;
}
