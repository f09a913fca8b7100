/** Recipients by JWE (RFC 7516): RSA-OAEP or ECDH-ES, options under A256GCM, in JSON serialisation. */
import type { KeyObject } from 'node:crypto';
import {
  DecodeError,
  decodeUtf8,
  encodeUtf8,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { FlattenedEncrypt, type FlattenedJWE, flattenedDecrypt, GeneralEncrypt } from 'jose';
import { JWE_ALGORITHMS, type RecipientKey } from '../keys/load.js';
import { KEY_ANNOTATION, type KeyUnwrapper, type KeyWrapper, type Unwrapped } from './wrapper.js';

const LARGEST_ENTRY = 1024 * 1024;
const MOST_RECIPIENTS = 256;
/** Written is A256GCM alone; the others are read since other tools read them. */
const ENCRYPTIONS = ['A256GCM', 'A192GCM', 'A128GCM', 'A128CBC-HS256', 'A192CBC-HS384', 'A256CBC-HS512'];

/** @param recipients at least one */
export function jweWrapper(recipients: readonly RecipientKey[]): KeyWrapper {
  return {
    annotation: KEY_ANNOTATION.jwe,
    wrap: async (options) => encodeUtf8(JSON.stringify(await encrypt(options, recipients))),
  };
}

async function encrypt(options: Uint8Array, recipients: readonly RecipientKey[]): Promise<unknown> {
  const [first] = recipients;
  if (first === undefined) throw new RangeError('JWE without a recipient');
  if (recipients.length === 1) {
    // Flattened, with the algorithm in the protected header: what other tools write for one recipient.
    const header = { alg: first.algorithm, enc: 'A256GCM' };
    return new FlattenedEncrypt(options).setProtectedHeader(header).encrypt(first.key);
  }
  const general = new GeneralEncrypt(options).setProtectedHeader({ enc: 'A256GCM' });
  for (const { key, algorithm } of recipients) general.addRecipient(key).setUnprotectedHeader({ alg: algorithm });
  return general.encrypt();
}

/** Tries every key for every recipient: entries do not say whose they are. */
export function jweUnwrapper(keys: readonly KeyObject[]): KeyUnwrapper {
  return {
    scheme: 'jwe',
    keys: keys.length,
    reads: (annotation) => annotation === KEY_ANNOTATION.jwe,
    unwrap: async (entry) => {
      const recipients = readRecipients(entry);
      if (recipients === undefined) return { reason: 'no JWE in JSON serialisation' };
      for (const recipient of recipients) {
        for (const key of keys) {
          const opened = await tryKey(recipient, key, recipients.length);
          if (opened !== undefined) return opened;
        }
      }
      return { reason: `JWE of ${recipients.map(algorithmOf).join(', ')}, for other keys` };
    },
  };
}

async function tryKey(jwe: FlattenedJWE, key: KeyObject, recipients: number): Promise<Unwrapped | undefined> {
  if (!fits(algorithmOf(jwe), key)) return undefined;
  try {
    const opened = await flattenedDecrypt(jwe, key, {
      keyManagementAlgorithms: [...JWE_ALGORITHMS],
      contentEncryptionAlgorithms: ENCRYPTIONS,
    });
    const encryption = opened.protectedHeader?.enc ?? opened.unprotectedHeader?.enc ?? '';
    return { options: opened.plaintext, with: { alg: algorithmOf(jwe), enc: encryption, recipients } };
  } catch {
    // Which step failed is nobody's business: the next key is tried.
    return undefined;
  }
}

/** One flattened JWE for each recipient. A general one may carry an `encrypted_key` beside its recipients (older go-jose): it is the first one's. */
function readRecipients(entry: Uint8Array): FlattenedJWE[] | undefined {
  let value: JsonValue;
  try {
    value = parseJsonStrict(decodeUtf8(entry), { maxBytes: LARGEST_ENTRY });
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
  if (!isJsonObject(value)) return undefined;
  const { recipients, encrypted_key: own, header, ...shared } = value;
  if (recipients === undefined) return [member({ ...shared, encrypted_key: own, header })];
  if (!isJsonArray(recipients) || recipients.length === 0 || recipients.length > MOST_RECIPIENTS) return undefined;
  const all = recipients.filter(isJsonObject);
  if (all.length !== recipients.length) return undefined;
  return all.map((one) => member({ ...shared, encrypted_key: one['encrypted_key'], header: one['header'] }));
}

function member(members: { readonly [name: string]: JsonValue | undefined }): FlattenedJWE {
  const present = Object.entries(members).filter(([, value]) => value !== undefined);
  // The library checks the kinds of all members itself.
  return Object.fromEntries(present) as unknown as FlattenedJWE;
}

/** `alg` of a recipient, from wherever tools put it. */
function algorithmOf(jwe: FlattenedJWE): string {
  const named = jwe.header?.['alg'] ?? protectedHeader(jwe)['alg'];
  return typeof named === 'string' ? named : 'no algorithm';
}

function protectedHeader(jwe: FlattenedJWE): JsonObject {
  if (typeof jwe.protected !== 'string') return {};
  try {
    const value = parseJsonStrict(Buffer.from(jwe.protected, 'base64url').toString('utf8'));
    return isJsonObject(value) ? value : {};
  } catch (error) {
    if (error instanceof DecodeError) return {};
    throw error;
  }
}

function fits(algorithm: string, key: KeyObject): boolean {
  return key.asymmetricKeyType === (algorithm.startsWith('RSA-') ? 'rsa' : 'ec');
}
