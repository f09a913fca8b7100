/** `decrypt_config.conf` of the agent enclave. The host writes it: nothing in it is trusted. */
import { DecodeError, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import type { FindingDraft } from '@assay/bytes/findings';
import { Judge, member } from './judge.js';
import { type KeyProviderParameter, parseKeyProvider } from './key-provider.js';

export interface DecryptConfig {
  /** Absent: no keys, and no policy, are fetched. */
  readonly keyProvider: KeyProviderParameter | undefined;
  /** Signatures of images are asked for. */
  readonly securityValidate: boolean;
}

/** What an agent goes on with where the file is none: nothing is trusted, so nothing is pulled. */
export const STRICTEST_DECRYPT_CONFIG: DecryptConfig = { keyProvider: undefined, securityValidate: true };

export interface DecryptConfigReading {
  readonly config: DecryptConfig;
  readonly findings: readonly FindingDraft[];
}

const KEYS = ['key_provider', 'security_validate'];
const KEY_PROVIDER = '"provider:attestation-agent:cc_kbc::https://KBS:8080"';
const MOST_BYTES = 64 * 1024;

/** What an agent takes of the file, and what is to be said of it. A file that is none is the strictest one, with a failed finding. */
export function readDecryptConfig(bytes: Uint8Array, file: string): DecryptConfigReading {
  const judge = new Judge(file);
  const document = objectOf(bytes, judge);
  if (document === undefined) return { config: STRICTEST_DECRYPT_CONFIG, findings: judge.findings };
  judge.known(document, KEYS);
  const validate = member(document, 'security_validate') ?? true;
  if (typeof validate !== 'boolean') {
    judge.wrong('security_validate', validate, 'true');
    return { config: STRICTEST_DECRYPT_CONFIG, findings: judge.findings };
  }
  const provider = member(document, 'key_provider');
  if (provider !== undefined && typeof provider !== 'string') {
    judge.wrong('key_provider', provider, KEY_PROVIDER);
    return { config: STRICTEST_DECRYPT_CONFIG, findings: judge.findings };
  }
  if (!validate) {
    const remedy = `Set security_validate in ${file} to true, and encrypt images: the host can set it to false again.`;
    judge.trusting('security_validate', 'images are taken unsigned', remedy);
  } else judge.good('security_validate', 'true');
  const keyProvider = provider === undefined ? noProvider(judge, validate) : providerOf(provider, judge, file);
  return { config: { keyProvider, securityValidate: validate }, findings: judge.findings };
}

export function renderDecryptConfig(keyProvider: string | undefined, securityValidate: boolean): string {
  const provider = keyProvider === undefined ? {} : { key_provider: keyProvider };
  return `${JSON.stringify({ ...provider, security_validate: securityValidate }, null, 2)}\n`;
}

function objectOf(bytes: Uint8Array, judge: Judge): JsonObject | undefined {
  try {
    const value = parseJsonStrict(bytes, { maxBytes: MOST_BYTES, maxDepth: 8 });
    if (isJsonObject(value)) return value;
    judge.malformed('it is no JSON object');
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    judge.malformed(error.message);
  }
  return undefined;
}

function noProvider(judge: Judge, validate: boolean): undefined {
  const without = validate ? 'no image is pulled: its policy is not fetched' : 'encrypted images are not opened';
  judge.doubtful('key_provider', null, KEY_PROVIDER, `Add "key_provider": ${KEY_PROVIDER}; without it ${without}.`);
}

function providerOf(text: string, judge: Judge, file: string): KeyProviderParameter | undefined {
  try {
    const provider = parseKeyProvider(text);
    if (provider.kbc === 'cc_kbc') {
      if (/^https?:\/\//.test(provider.uri) && URL.canParse(provider.uri)) {
        judge.good('key_provider', text);
        return provider;
      }
    } else if (provider.kbc === 'sample_kbc') {
      const remedy = `Use cc_kbc in ${file}: the keys of sample_kbc stand in its public source.`;
      judge.trusting('key_provider', 'keys of sample_kbc are public', remedy);
      return provider;
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  judge.wrong('key_provider', text, KEY_PROVIDER);
  return undefined;
}
