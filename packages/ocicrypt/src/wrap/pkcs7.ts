/**
 * Recipients by PKCS#7 enveloped data, in the shape that containers/ocicrypt writes: AES-128-GCM with parameters wrapped
 * twice (the outer SEQUENCE without its constructed bit, the nonce under a context tag). RFC 5084's own shape is not what these tools read.
 */
import {
  constants,
  createCipheriv,
  createDecipheriv,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  type X509Certificate,
} from 'node:crypto';
import {
  concatBytes,
  contextTag,
  DER_TAG,
  DecodeError,
  DerReader,
  derElement,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
} from '@assay/bytes';
import { readPkcs1Key } from './rsa-pkcs1.js';
import { KEY_ANNOTATION, type KeyUnwrapper, type KeyWrapper, type Unwrapped } from './wrapper.js';

const OID = {
  data: '1.2.840.113549.1.7.1',
  enveloped: '1.2.840.113549.1.7.3',
  rsa: '1.2.840.113549.1.1.1',
  aes128Gcm: '2.16.840.1.101.3.4.1.6',
  aes256Gcm: '2.16.840.1.101.3.4.1.46',
} as const;

const LARGEST_ENTRY = 1024 * 1024;
const MOST_RECIPIENTS = 256;
const NONCE_SIZE = 12;
const TAG_SIZE = 16;

/** A recipient: an RSA key, and the certificate that names it. */
export interface Pkcs7Identity {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

/** @param certificates of RSA keys, at least one. Their dates are not looked at, as in other tools. */
export function pkcs7Wrapper(
  certificates: readonly X509Certificate[],
  random: (bytes: number) => Uint8Array,
): KeyWrapper {
  return { annotation: KEY_ANNOTATION.pkcs7, wrap: async (options) => envelope(options, certificates, random) };
}

function envelope(
  options: Uint8Array,
  certificates: readonly X509Certificate[],
  random: (bytes: number) => Uint8Array,
): Uint8Array {
  const key = random(16);
  const nonce = random(NONCE_SIZE);
  const cipher = createCipheriv('aes-128-gcm', key, nonce, { authTagLength: TAG_SIZE });
  const content = concatBytes(cipher.update(options), cipher.final(), cipher.getAuthTag());
  const recipients = certificates.map((certificate) => {
    const { issuer, serial } = issuerAndSerial(certificate.raw);
    const wrapped = publicEncrypt({ key: certificate.publicKey, padding: constants.RSA_PKCS1_PADDING }, key);
    return derSequence(
      derInteger(0),
      derSequence(issuer, serial),
      derSequence(derOid(OID.rsa)),
      derOctetString(wrapped),
    );
  });
  const parameters = derElement(
    DER_TAG.sequence & ~CONSTRUCTED,
    derSequence(derElement(contextTag(4, false), nonce), derInteger(TAG_SIZE)),
  );
  return derSequence(
    derOid(OID.enveloped),
    derElement(
      contextTag(0, true),
      derSequence(
        derInteger(0),
        derElement(DER_TAG.set, ...recipients),
        derSequence(
          derOid(OID.data),
          derSequence(derOid(OID.aes128Gcm), parameters),
          derElement(contextTag(0, true), derOctetString(content)),
        ),
      ),
    ),
  );
}

const CONSTRUCTED = 0x20;

/** Tries the identities whose certificate an entry names. */
export function pkcs7Unwrapper(
  identities: readonly Pkcs7Identity[],
  random: (bytes: number) => Uint8Array,
): KeyUnwrapper {
  return {
    scheme: 'pkcs7',
    keys: identities.length,
    reads: (annotation) => annotation === KEY_ANNOTATION.pkcs7,
    unwrap: async (entry) => {
      let parsed: Envelope;
      try {
        parsed = readEnvelope(entry);
      } catch (error) {
        if (error instanceof DecodeError) return { reason: `no PKCS#7 enveloped data: ${error.message}` };
        throw error;
      }
      for (const { certificate, key } of identities) {
        const opened = open(parsed, certificate, key, random);
        if (opened !== undefined) return opened;
      }
      return { reason: `PKCS#7 for ${parsed.recipients.length} other certificates` };
    },
  };
}

function open(
  { recipients, cipher, nonce, content }: Envelope,
  certificate: X509Certificate,
  key: KeyObject,
  random: (bytes: number) => Uint8Array,
): Unwrapped | undefined {
  const own = issuerAndSerial(certificate.raw);
  const mine = recipients.find(
    ({ issuer, serial }) => Buffer.compare(issuer, own.issuer) === 0 && Buffer.compare(serial, own.serial) === 0,
  );
  if (mine === undefined || key.asymmetricKeyType !== 'rsa') return undefined;
  const size = cipher === 'aes-128-gcm' ? 16 : 32;
  try {
    const block = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, mine.wrapped);
    // A wrong padding gives a random key: it fails where a wrong key does, so that neither can be told from the other.
    const decipher = createDecipheriv(cipher, readPkcs1Key(block, random(size)), nonce, { authTagLength: TAG_SIZE });
    decipher.setAuthTag(content.subarray(content.length - TAG_SIZE));
    const options = concatBytes(decipher.update(content.subarray(0, content.length - TAG_SIZE)), decipher.final());
    return { options, with: { alg: 'RSA1_5', enc: cipher, recipients: recipients.length } };
  } catch {
    return undefined;
  }
}

interface Envelope {
  readonly recipients: readonly {
    readonly issuer: Uint8Array;
    readonly serial: Uint8Array;
    readonly wrapped: Uint8Array;
  }[];
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm';
  readonly nonce: Uint8Array;
  readonly content: Uint8Array;
}

function readEnvelope(entry: Uint8Array): Envelope {
  if (entry.length > LARGEST_ENTRY) throw new DecodeError('PKCS#7', `more than ${LARGEST_ENTRY} bytes`);
  const outer = new DerReader(entry);
  const info = outer.sequence();
  outer.end();
  if (info.oid() !== OID.enveloped) throw new DecodeError('PKCS#7', 'content is not enveloped data');
  const wrapper = info.inside(info.element(contextTag(0, true)));
  info.end();
  const data = wrapper.sequence();
  wrapper.end();
  if (data.smallInteger() !== 0) throw new DecodeError('PKCS#7', 'version is not 0');
  const recipients = readRecipients(data);
  const encrypted = data.sequence();
  data.end();
  encrypted.oid();
  const algorithm = encrypted.sequence();
  const cipher = cipherOf(algorithm.oid());
  const nonce = readParameters(algorithm);
  algorithm.end();
  const content = readContent(encrypted);
  encrypted.end();
  return { recipients, cipher, nonce, content };
}

function readRecipients(data: DerReader): Envelope['recipients'] {
  // In the order of their writing, not of DER.
  const set = data.inside(data.element(DER_TAG.set));
  const recipients = [];
  while (!set.atEnd) {
    const one = set.sequence();
    if (one.smallInteger() !== 0) throw new DecodeError('PKCS#7', 'version of a recipient is not 0', one.offset);
    const name = one.sequence();
    const issuer = name.element(DER_TAG.sequence).encoded;
    const serial = name.element(DER_TAG.integer).encoded;
    name.end();
    const algorithm = one.sequence();
    if (algorithm.oid() !== OID.rsa) throw new DecodeError('PKCS#7', 'a recipient is not for RSA', one.offset);
    if (!algorithm.atEnd) algorithm.null();
    algorithm.end();
    recipients.push({ issuer, serial, wrapped: one.octetString() });
    one.end();
    if (recipients.length > MOST_RECIPIENTS) throw new DecodeError('PKCS#7', `more than ${MOST_RECIPIENTS} recipients`);
  }
  if (recipients.length === 0) throw new DecodeError('PKCS#7', 'no recipient');
  return recipients;
}

/** The SEQUENCE within: its outer one comes with and without the constructed bit. */
function readParameters(algorithm: DerReader): Uint8Array {
  const outer = algorithm.any();
  if ((outer.tag | CONSTRUCTED) !== DER_TAG.sequence) throw new DecodeError('PKCS#7', 'no parameters of GCM');
  const wrapper = new DerReader(outer.content, outer.contentOffset);
  const inner = wrapper.sequence();
  wrapper.end();
  const { content: nonce } = inner.element(contextTag(4, false));
  const tagSize = inner.smallInteger();
  inner.end();
  if (nonce.length !== NONCE_SIZE || tagSize !== TAG_SIZE)
    throw new DecodeError('PKCS#7', 'nonce or tag has another size');
  return nonce;
}

/** `[0]` around one OCTET STRING (older tools), or with the octets themselves (newer ones). */
function readContent(encrypted: DerReader): Uint8Array {
  const element = encrypted.any();
  let { content } = element;
  if (element.tag === contextTag(0, true)) {
    const inner = encrypted.inside(element);
    content = inner.octetString();
    inner.end();
  } else if (element.tag !== contextTag(0, false)) {
    throw new DecodeError('PKCS#7', 'no encrypted content', element.contentOffset);
  }
  if (content.length < TAG_SIZE)
    throw new DecodeError('PKCS#7', 'content is shorter than its tag', element.contentOffset);
  return content;
}

function cipherOf(oid: string): Envelope['cipher'] {
  if (oid === OID.aes128Gcm) return 'aes-128-gcm';
  if (oid === OID.aes256Gcm) return 'aes-256-gcm';
  throw new DecodeError('PKCS#7', `content encryption ${oid} is not known`);
}

/** Issuer and serial number as they stand in a certificate: other tools compare the bytes. */
function issuerAndSerial(certificate: Uint8Array): { readonly issuer: Uint8Array; readonly serial: Uint8Array } {
  const tbs = new DerReader(certificate).sequence().sequence();
  tbs.optional(contextTag(0, true));
  const serial = tbs.element(DER_TAG.integer).encoded;
  tbs.any();
  return { issuer: tbs.element(DER_TAG.sequence).encoded, serial };
}
