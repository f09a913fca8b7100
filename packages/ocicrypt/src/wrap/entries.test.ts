/** Entries of JWE and PKCS#7 that are not what they should be: each is a reason, and never an exception. */
import { constants, createCipheriv, publicEncrypt, randomBytes, X509Certificate } from 'node:crypto';
import {
  concatBytes,
  contextTag,
  DER_TAG,
  DerReader,
  derElement,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  encodeUtf8,
} from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { selfSigned } from '../certificate.test.helper.js';
import { jweUnwrapper, jweWrapper, pkcs7Unwrapper } from '../index.js';

const options = encodeUtf8('{"symkey":"…"}');
const identity = selfSigned('recipient');
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

describe('JWE', () => {
  const { publicKey } = new X509Certificate(identity.certificate.raw);
  const wrapper = jweWrapper([{ key: publicKey, algorithm: 'RSA-OAEP' }]);
  const unwrapper = jweUnwrapper([identity.key]);
  const open = (value: unknown) =>
    unwrapper.unwrap(encodeUtf8(typeof value === 'string' ? value : JSON.stringify(value)), '');
  const flattened = async () => JSON.parse(Buffer.from(await wrapper.wrap(options)).toString('utf8'));

  test('of one recipient is flattened, with its algorithm in the protected header', async () => {
    const entry = await flattened();
    expect(Object.keys(entry).sort()).toEqual(['ciphertext', 'encrypted_key', 'iv', 'protected', 'tag']);
    expect(JSON.parse(Buffer.from(entry.protected, 'base64url').toString())).toEqual({
      alg: 'RSA-OAEP',
      enc: 'A256GCM',
    });
    expect(await open(entry)).toMatchObject({ with: { alg: 'RSA-OAEP', recipients: 1 } });
  });

  test('in general form is read, whoever of its recipients it is for', async () => {
    const { encrypted_key: own, ...shared } = await flattened();
    const recipients = [{ encrypted_key: 'AAAA' }, { encrypted_key: own }];
    // The stray member of older tools is the first one's, and does not come in the way.
    expect(await open({ ...shared, encrypted_key: 'AAAA', recipients })).toMatchObject({ with: { recipients: 2 } });
  });

  test.each<[string, (entry: Record<string, unknown>) => unknown]>([
    ['no JSON', () => '{'],
    ['a list', (entry) => [entry]],
    ['recipients that are no list', (entry) => ({ ...entry, recipients: {} })],
    ['no recipients', (entry) => ({ ...entry, recipients: [] })],
    ['recipients that are none', (entry) => ({ ...entry, recipients: [{ encrypted_key: entry['encrypted_key'] }, 1] })],
    [
      'too many recipients',
      (entry) => ({ ...entry, recipients: Array(257).fill({ encrypted_key: entry['encrypted_key'] }) }),
    ],
  ])('%s is none', async (_, change) => {
    expect(await open(change(await flattened()))).toEqual({ reason: 'no JWE in JSON serialisation' });
  });

  test.each([['?'], [Buffer.from('{').toString('base64url')], [Buffer.from('[]').toString('base64url')], [1]])(
    'with the protected header %s opens nothing',
    async (header) => {
      expect(await open({ ...(await flattened()), protected: header })).toEqual({
        reason: 'JWE of no algorithm, for other keys',
      });
    },
  );
});

interface Parts {
  readonly type?: string;
  readonly version?: number;
  readonly recipientVersion?: number;
  readonly keyAlgorithm?: string;
  readonly withNull?: boolean;
  readonly recipients?: number;
  readonly cipher?: string;
  readonly key?: number;
  readonly outerTag?: number;
  readonly nonce?: number;
  readonly tagSize?: number;
  readonly content?: 'constructed' | 'primitive' | 'twice' | 'another' | 'short';
  readonly behind?: Uint8Array;
}

const AES_128 = '2.16.840.1.101.3.4.1.6';
const AES_256 = '2.16.840.1.101.3.4.1.46';

/** Enveloped data as containers/ocicrypt writes it, but for the parts that are named. */
function envelope(parts: Parts = {}): Uint8Array {
  const { cipher = AES_128, nonce: nonceSize = 12, key: keySize = 16, content: form = 'constructed' } = parts;
  const [key, nonce] = [random(keySize), random(nonceSize)];
  const aes = createCipheriv(keySize === 16 ? 'aes-128-gcm' : 'aes-256-gcm', key, nonce, { authTagLength: 16 });
  const sealed = concatBytes(aes.update(options), aes.final(), aes.getAuthTag());
  const certificate = new DerReader(identity.certificate.raw).sequence().sequence();
  certificate.explicit(0);
  const serial = certificate.element(DER_TAG.integer).encoded;
  certificate.sequence();
  const issuer = certificate.element(DER_TAG.sequence).encoded;
  const padding = constants.RSA_PKCS1_PADDING;
  const recipient = derSequence(
    derInteger(parts.recipientVersion ?? 0),
    derSequence(issuer, serial),
    derSequence(derOid(parts.keyAlgorithm ?? '1.2.840.113549.1.1.1'), ...(parts.withNull === true ? [derNull()] : [])),
    derOctetString(publicEncrypt({ key: identity.certificate.publicKey, padding }, key)),
  );
  const inner = derSequence(derElement(contextTag(4, false), nonce), derInteger(parts.tagSize ?? 16));
  const parameters = derElement(parts.outerTag ?? 0x10, inner);
  const contents = {
    constructed: () => derElement(contextTag(0, true), derOctetString(sealed)),
    primitive: () => derElement(contextTag(0, false), sealed),
    twice: () => derElement(contextTag(0, true), derOctetString(sealed), derOctetString(sealed)),
    another: () => derElement(contextTag(1, false), sealed),
    short: () => derElement(contextTag(0, false), sealed.subarray(0, 15)),
  };
  const data = derSequence(
    derInteger(parts.version ?? 0),
    derElement(DER_TAG.set, ...Array(parts.recipients ?? 1).fill(recipient)),
    derSequence(derOid('1.2.840.113549.1.7.1'), derSequence(derOid(cipher), parameters), contents[form]()),
  );
  const whole = derSequence(derOid(parts.type ?? '1.2.840.113549.1.7.3'), derElement(contextTag(0, true), data));
  return concatBytes(whole, parts.behind ?? new Uint8Array(0));
}

describe('PKCS#7', () => {
  const unwrapper = pkcs7Unwrapper([identity], random);

  test.each<[string, Parts, string]>([
    ['as older tools write it', {}, 'aes-128-gcm'],
    ['as newer tools write it', { content: 'primitive' }, 'aes-128-gcm'],
    ['with parameters of the key’s algorithm', { withNull: true }, 'aes-128-gcm'],
    ['with the constructed bit', { outerTag: 0x30 }, 'aes-128-gcm'],
    ['with AES-256', { cipher: AES_256, key: 32 }, 'aes-256-gcm'],
    ['for many', { recipients: 256 }, 'aes-128-gcm'],
  ])('%s is opened', async (_, parts, enc) => {
    const opened = await unwrapper.unwrap(envelope(parts), '');
    expect(opened).toEqual({
      options: new Uint8Array(options),
      with: { alg: 'RSA1_5', enc, recipients: parts.recipients ?? 1 },
    });
  });

  test.each<[string, Parts | Uint8Array, string]>([
    ['no DER', encodeUtf8('text'), ''],
    ['another content', { type: '1.2.840.113549.1.7.2' }, 'not enveloped data'],
    ['another version', { version: 2 }, 'version is not 0'],
    ['a recipient of another version', { recipientVersion: 2 }, 'version of a recipient'],
    ['a recipient of another algorithm', { keyAlgorithm: '1.2.840.113549.1.1.7' }, 'not for RSA'],
    ['no recipient', { recipients: 0 }, 'no recipient'],
    ['too many recipients', { recipients: 257 }, 'more than 256'],
    ['another cipher', { cipher: '2.16.840.1.101.3.4.1.2' }, ''],
    ['other parameters', { outerTag: 0x31 }, 'no parameters'],
    ['a nonce of another size', { nonce: 16 }, 'another size'],
    ['a tag of another size', { tagSize: 12 }, 'another size'],
    ['content under another tag', { content: 'another' }, ''],
    ['content in two pieces', { content: 'twice' }, ''],
    ['content without a tag', { content: 'short' }, ''],
    ['bytes behind it', { behind: Uint8Array.of(0) }, ''],
    ['a mebibyte', { behind: new Uint8Array(1024 * 1024) }, 'more than 1048576 bytes'],
  ])('%s is none', async (_, parts, words) => {
    const entry = parts instanceof Uint8Array ? parts : envelope(parts);
    expect(await unwrapper.unwrap(entry, '')).toEqual({
      reason: expect.stringMatching(new RegExp(`^no PKCS#7 enveloped data: .*${words}`)),
    });
  });

  test('a key of another size than the cipher wants opens nothing', async () => {
    expect(await unwrapper.unwrap(envelope({ cipher: AES_256 }), '')).toEqual({
      reason: 'PKCS#7 for 1 other certificates',
    });
  });
});
