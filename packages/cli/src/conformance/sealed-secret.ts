import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DecodeError,
  decodeBase64,
  decodeHex,
  encodeHex,
  isJsonObject,
  type JsonObject,
  parseJsonStrict,
} from '@assay/bytes';
import { openSecret, type Unsealing, unsealPayload } from '@assay/guest/services';
import type { KmsDrivers } from '@assay/kms/drivers';
import {
  formatResourceUri,
  importJwk,
  ProtocolError,
  parseResourceUri,
  parseSealedPayload,
  type SealedPayload,
  SealedSecretError,
} from '@assay/protocol';
import type { AreaRunner } from './areas.js';
import { differences } from './evidence.js';

/** One entry of the manifest. */
interface Entry {
  readonly id: string;
  readonly kind: string;
  readonly files: Readonly<Record<string, string>>;
  readonly inputs: Inputs;
  readonly expected: JsonObject;
}

interface Inputs {
  readonly verify?: boolean;
  /** Key name → role of its file. */
  readonly local_keys?: Readonly<Record<string, string>>;
  /** URI → role of a key's file. */
  readonly resource_keys?: Readonly<Record<string, string>>;
  readonly resources_utf8?: Readonly<Record<string, string>>;
  readonly kms_answers?: readonly KmsAnswer[];
  readonly provider?: string;
}

interface KmsAnswer {
  readonly provider: string;
  readonly key_id: string;
  readonly ciphertext_utf8: string;
  readonly plaintext_hex: string;
}

type Files = (role: string) => Uint8Array;

/** Sealed secrets, their payloads, and the keys and credentials that go with them. */
export const sealedSecretRunner: AreaRunner = async (path, onCase) => {
  const manifest = JSON.parse(readFileSync(join(path, 'manifest.json'), 'utf8')) as Entry[];
  for (const { id, kind, files, inputs, expected } of manifest) {
    const read: Files = (role) => new Uint8Array(readFileSync(join(path, files[role] ?? role)));
    const result = await judge(kind, read, inputs);
    const differing = differences(expected, result);
    onCase({
      area: 'sealed-secret',
      id,
      pass: differing.length === 0,
      ...(differing.length === 0 ? {} : { differing }),
      expected,
      result,
    });
  }
};

async function judge(kind: string, read: Files, inputs: Inputs): Promise<JsonObject> {
  try {
    switch (kind) {
      case 'sealed-secret':
        return await unsealed(read('secret'), read, inputs);
      case 'sealed-secret-payload':
        return { verdict: 'pass', ...payloadFacts(parseSealedPayload(read('payload'))) };
      case 'key-load':
        return keyFacts(read('key'));
      case 'kms-credential':
        return credentialFacts(read('credential'), inputs.provider);
      default:
        return { verdict: 'fail', reason: `kind ${kind} is not judged` };
    }
  } catch (error) {
    if (error instanceof SealedSecretError) return { verdict: 'fail', error: error.fault, reason: error.message };
    if (error instanceof DecodeError || error instanceof ProtocolError)
      return { verdict: 'fail', error: 'malformed', reason: error.message };
    throw error;
  }
}

async function unsealed(secret: Uint8Array, read: Files, inputs: Inputs): Promise<JsonObject> {
  const unsealing = unsealingOf(read, inputs);
  const { payload, bytes } = await openSecret(secret, unsealing);
  const plaintext = await unsealPayload(payload, unsealing);
  return {
    verdict: 'pass',
    ...(inputs.verify === false ? {} : headerFacts(secret)),
    ...payloadFacts(payload),
    payload_sha256: sha256(bytes),
    ...(payload.type === 'envelope' ? { encrypted_key_sha256: sha256(decodeBase64(payload.encryptedKey)) } : {}),
    plaintext_sha256: sha256(plaintext),
    plaintext_length: plaintext.length,
    plaintext_utf8: Buffer.from(plaintext).toString('utf8'),
  };
}

function unsealingOf(read: Files, inputs: Inputs): Unsealing {
  const { local_keys: local = {}, resource_keys: keys = {}, resources_utf8: resources = {} } = inputs;
  return {
    skipVerification: inputs.verify === false,
    localKey: async (kid) => {
      const role = Object.hasOwn(local, kid) ? local[kid] : undefined;
      return role === undefined ? undefined : read(role);
    },
    getResource: async (uri) => {
      const name = formatResourceUri(uri);
      const same = (texts: Readonly<Record<string, string>>): string | undefined =>
        Object.entries(texts).find(([each]) => formatResourceUri(parseResourceUri(each)) === name)?.[1];
      const role = same(keys);
      if (role !== undefined) return read(role);
      const text = same(resources);
      if (text === undefined) throw new SealedSecretError('provider-failed', 'the case has no such resource');
      return Buffer.from(text);
    },
    kms: driversOf(inputs.kms_answers ?? []),
  };
}

function driversOf(answers: readonly KmsAnswer[]): KmsDrivers {
  return Object.fromEntries(
    answers.map(({ provider }) => [
      provider,
      {
        decrypt: async (ciphertext: Uint8Array, keyId: string) => {
          const text = Buffer.from(ciphertext).toString('utf8');
          const found = answers.find(
            (each) => each.provider === provider && each.key_id === keyId && each.ciphertext_utf8 === text,
          );
          if (found === undefined) throw new SealedSecretError('provider-failed', 'the case has no such key');
          return decodeHex(found.plaintext_hex);
        },
      },
    ]),
  );
}

/** What was verified already. */
function headerFacts(secret: Uint8Array): JsonObject {
  const header = Buffer.from(secret).toString('utf8').split('.')[1] ?? '';
  const value = parseJsonStrict(Buffer.from(header, 'base64url'));
  return isJsonObject(value) ? value : {};
}

function payloadFacts(payload: SealedPayload): JsonObject {
  const { type, provider, version } = payload;
  return payload.type === 'vault'
    ? { type, provider, version, name: payload.name }
    : {
        type,
        provider,
        version,
        key_id: payload.keyId,
        wrap_type: payload.wrapType,
        encrypted_key: payload.encryptedKey,
        encrypted_data: payload.encryptedData,
        iv: payload.iv,
      };
}

function keyFacts(document: Uint8Array): JsonObject {
  const jwk = parseJsonStrict(document);
  const { key, algorithm, kid, thumbprint } = importJwk(jwk);
  const { kty, crv } = key.export({ format: 'jwk' });
  return {
    verdict: 'pass',
    key_type: kty ?? null,
    curve: crv ?? null,
    alg: algorithm,
    kid: kid ?? null,
    jwk_thumbprint_sha256: thumbprint,
    spki_sha256: sha256(key.export({ format: 'der', type: 'spki' })),
  };
}

/** eHSM: `{"AppId", "ApiKey"}`. */
function credentialFacts(document: Uint8Array, provider: string | undefined): JsonObject {
  if (provider !== 'ehsm') return { verdict: 'fail', reason: `credentials of ${provider ?? 'nobody'} are not judged` };
  const value = parseJsonStrict(document);
  const { AppId: id, ApiKey: key } = isJsonObject(value) ? value : {};
  if (typeof id !== 'string' || typeof key !== 'string')
    return { verdict: 'fail', reason: 'AppId and ApiKey must be texts' };
  return { verdict: 'pass', AppId: id, ApiKey_sha256: sha256(Buffer.from(key)) };
}

function sha256(bytes: Uint8Array): string {
  return encodeHex(createHash('sha256').update(bytes).digest());
}
