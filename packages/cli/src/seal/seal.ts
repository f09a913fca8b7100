import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DecodeError, encodeBase64, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import { SEALED_SECRET_VERSION, SealedSecretError, sealSecret, wrapData } from '@assay/protocol';
import { CliError, EXIT } from '../exit.js';
import { readInput } from '../files.js';

/** Flags of every kind of sealed secret. */
export interface SealFlags {
  readonly signingKid: string;
  readonly signingJwkPath: string;
  readonly provider: string;
  readonly providerSettings?: string;
  readonly annotations?: string;
}

/** A pointer to a secret that somebody keeps. */
export function sealPointer({ resourceUri, ...flags }: SealFlags & { readonly resourceUri: string }): string {
  return sealed(flags, { type: 'vault', name: resourceUri });
}

export interface EnvelopeFlags extends SealFlags {
  readonly keyId: string;
  readonly filePath: string;
  readonly dataKey: string;
  readonly encryptedKey: string;
}

/** A secret encrypted here, by a data key that the service has encrypted: nothing is sent to it. */
export function sealEnvelope(flags: EnvelopeFlags): string {
  const dataKey = readFileSync(flags.dataKey);
  if (dataKey.length !== 32) throw new CliError('--data-key must be a file of 32 bytes', EXIT.malformed);
  const { data, iv, wrapType } = wrapData(readInput(flags.filePath), dataKey, randomBytes(12));
  return sealed(flags, {
    type: 'envelope',
    key_id: flags.keyId,
    encrypted_key: encodeBase64(readFileSync(flags.encryptedKey)),
    encrypted_data: data,
    wrap_type: wrapType,
    iv,
  });
}

/** Who can do what: a sealed secret of another provider would be unsealed by nobody. */
const PROVIDERS: Readonly<Record<'vault' | 'envelope', readonly string[]>> = {
  vault: ['kbs', 'aliyun', 'aws'],
  envelope: ['aliyun', 'aws', 'ehsm'],
};

function sealed(flags: SealFlags, members: JsonObject & { readonly type: 'vault' | 'envelope' }): string {
  const known = PROVIDERS[members.type];
  if (!known.includes(flags.provider))
    throw new CliError(`--provider must be one of ${known.join(', ')} for ${members.type}`, EXIT.usage);
  const payload = {
    version: SEALED_SECRET_VERSION,
    ...members,
    provider: flags.provider,
    provider_settings: objectOf(flags.providerSettings, '--provider-settings'),
    annotations: objectOf(flags.annotations, '--annotations'),
  };
  try {
    return sealSecret(payload, flags.signingKid, readFileSync(flags.signingJwkPath));
  } catch (error) {
    if (!(error instanceof SealedSecretError)) throw error;
    throw new CliError(error.message, EXIT.malformed, { cause: error });
  }
}

function objectOf(text: string | undefined, flag: string): JsonObject {
  try {
    const value = parseJsonStrict(Buffer.from(text ?? '{}'));
    if (isJsonObject(value)) return value;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  throw new CliError(`${flag} must be a JSON object`, EXIT.usage);
}

/** Makes a key that signs sealed secrets: two JWK documents, of which the private one is for its owner's eyes. */
export function makeSigningKey(
  kid: string,
  folder: string,
): { readonly privateKey: string; readonly publicKey: string } {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(kid))
    throw new CliError('--kid must be letters, digits, ".", "_" and "-": it becomes the name of a file', EXIT.usage);
  const made = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const marks = { kid, use: 'sig', alg: 'ES256' };
  const files = { privateKey: join(folder, `${kid}-private.json`), publicKey: join(folder, `${kid}-public.json`) };
  write(files.privateKey, { ...made.privateKey.export({ format: 'jwk' }), ...marks }, 0o600);
  write(files.publicKey, { ...made.publicKey.export({ format: 'jwk' }), ...marks }, 0o644);
  return files;
}

function write(path: string, document: object, mode: number): void {
  try {
    writeFileSync(path, `${JSON.stringify(document, null, 2)}\n`, { mode, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new CliError(`${path} is there already`, EXIT.usage, {
      hint: 'name another --kid or --output-dir',
      cause: error,
    });
  }
}
