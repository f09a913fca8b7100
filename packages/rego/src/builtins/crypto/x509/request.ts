import type { Value } from '../../../value/index.js';
import { encodeBase64 } from '../base64.js';
import {
  contextTag,
  type DerElement,
  DerError,
  DerReader,
  readBitString,
  readBoolean,
  readOid,
  readSmallInteger,
  readText,
  TAG,
} from '../der.js';
import { readSignatureAlgorithm } from './certificate.js';
import { extensionsValue, readExtensions } from './extensions.js';
import { ipText, uriValue } from './general-names.js';
import { readName } from './name.js';
import { readPublicKey } from './public-key.js';

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

/** A PKCS #10 request (RFC 2986) in the JSON form of Go's `x509.CertificateRequest`. Its signature is not checked. */
export function certificateRequestValue(der: Uint8Array): Value {
  const all = new DerReader(der);
  const whole = all.read(TAG.sequence);
  all.end();
  const outer = new DerReader(whole.content);
  const infoElement = outer.read(TAG.sequence);
  const algorithm = outer.enter(TAG.sequence);
  const signature = readBitString(outer.read(TAG.bitString)).bytes;
  const info = new DerReader(infoElement.content);
  const version = readSmallInteger(info.read(TAG.integer));
  const subject = readName(info);
  const publicKey = readPublicKey(info);
  const attributes = info.optional(contextTag(0));
  const { values, extensions } = readAttributes(new DerReader(attributes?.content ?? new Uint8Array(0)));
  const { names } = extensions;
  const list = (items: readonly Value[]): Value => (items.length === 0 ? null : items);
  return {
    Raw: encodeBase64(whole.whole),
    RawTBSCertificateRequest: encodeBase64(infoElement.whole),
    RawSubjectPublicKeyInfo: encodeBase64(publicKey.raw),
    RawSubject: encodeBase64(subject.raw),
    Version: version,
    Signature: encodeBase64(signature),
    SignatureAlgorithm: readSignatureAlgorithm(algorithm),
    PublicKeyAlgorithm: publicKey.algorithm,
    PublicKey: publicKey.value,
    Subject: subject.value,
    Attributes: list(values),
    Extensions: extensionsValue(extensions.list),
    ExtraExtensions: null,
    DNSNames: list(names.dns),
    EmailAddresses: list(names.email),
    IPAddresses: list(names.ip.map(ipText)),
    URIs: list(names.uri.map(uriValue)),
  };
}

function readAttributes(reader: DerReader): { values: Value[]; extensions: ReturnType<typeof readExtensions> } {
  const values: Value[] = [];
  let extensions = readExtensions(new DerReader(new Uint8Array(0)));
  while (!reader.isEmpty) {
    const fields = reader.enter(TAG.sequence);
    const type = readOid(fields.read(TAG.oid));
    const set = fields.read(TAG.set);
    if (type.join('.') === EXTENSION_REQUEST)
      extensions = readExtensions(new DerReader(set.content).enter(TAG.sequence));
    const pairs = attributePairs(new DerReader(set.content));
    if (pairs !== undefined) values.push({ Type: type, Value: pairs });
  }
  return { values, extensions };
}

/** Attributes whose values are lists of (identifier, value) pairs, the only ones Go represents; others are left out. */
function attributePairs(set: DerReader): Value | undefined {
  const lists: Value[] = [];
  try {
    while (!set.isEmpty) {
      const list = set.enter(TAG.sequence);
      const pairs: Value[] = [];
      while (!list.isEmpty) {
        const pair = list.enter(TAG.sequence);
        pairs.push({ Type: readOid(pair.read(TAG.oid)), Value: anyValue(pair.read()) });
      }
      lists.push(pairs);
    }
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
  return lists;
}

function anyValue(element: DerElement): Value {
  switch (element.tag) {
    case TAG.octetString:
      return encodeBase64(element.content);
    case TAG.boolean:
      return readBoolean(element);
    case TAG.integer:
      return readSmallInteger(element);
    case TAG.oid:
      return readOid(element);
    case TAG.null:
      return null;
    default:
      return readText(element);
  }
}
