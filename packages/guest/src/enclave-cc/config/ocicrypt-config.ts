/** `ocicrypt.conf` of the agent enclave: who unwraps keys of layers. */
import { AssayError, type FindingDraft } from '@assay/bytes/findings';
import { type ProviderAddress, readProviderConfig } from '@assay/ocicrypt';
import { Judge } from './judge.js';

/** Name of the key provider in annotations of layers, and in the file. */
export const KEY_PROVIDER_NAME = 'attestation-agent';

export interface OcicryptConfigReading {
  /** Absent when the file is none. */
  readonly providers: ReadonlyMap<string, ProviderAddress> | undefined;
  /** Whether the agent unwraps keys by itself, as packaged agents do. */
  readonly native: boolean;
  readonly findings: readonly FindingDraft[];
}

export function readOcicryptConfig(bytes: Uint8Array, file: string): OcicryptConfigReading {
  const judge = new Judge(file);
  let providers: ReadonlyMap<string, ProviderAddress>;
  try {
    providers = readProviderConfig(bytes);
  } catch (error) {
    if (!(error instanceof AssayError)) throw error;
    judge.malformed(error.title);
    return { providers: undefined, native: false, findings: judge.findings };
  }
  const key = `key-providers.${KEY_PROVIDER_NAME}`;
  const found = providers.get(KEY_PROVIDER_NAME);
  const native = found?.kind === 'native';
  if (found === undefined) judge.missing(key, `{"native": "${KEY_PROVIDER_NAME}"}`);
  else if (!native)
    judge.wrong(
      key,
      `${found.kind}: another process`,
      `{"native": "${KEY_PROVIDER_NAME}"}: the agent unwraps keys itself`,
    );
  else if (found.address !== KEY_PROVIDER_NAME) judge.wrong(`${key}.native`, found.address, `"${KEY_PROVIDER_NAME}"`);
  else judge.good(key, 'native');
  judge.known(Object.fromEntries([...providers].map(([name]) => [name, true])), [KEY_PROVIDER_NAME], 'key-providers.');
  return { providers, native: native && found.address === KEY_PROVIDER_NAME, findings: judge.findings };
}

export function renderOcicryptConfig(): string {
  return `${JSON.stringify({ 'key-providers': { [KEY_PROVIDER_NAME]: { native: KEY_PROVIDER_NAME } } }, null, 2)}\n`;
}
