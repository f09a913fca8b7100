import { createHash, createHmac, createPrivateKey, type KeyObject } from 'node:crypto';
import { concatBytes, constantTimeEqual, DER_TAG, DecodeError, DerReader } from '@assay/bytes';

const OID = {
  data: '1.2.840.113549.1.7.1',
  keyBag: '1.2.840.113549.1.12.10.1.1',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
} as const;

/** Digest of the MAC and its block size in bytes. */
const MAC_DIGESTS: Readonly<Record<string, { readonly name: string; readonly block: number }>> = {
  '1.3.14.3.2.26': { name: 'sha1', block: 64 },
  '2.16.840.1.101.3.4.2.1': { name: 'sha256', block: 64 },
  '2.16.840.1.101.3.4.2.2': { name: 'sha384', block: 128 },
  '2.16.840.1.101.3.4.2.3': { name: 'sha512', block: 128 },
};
const MOST_ITERATIONS = 1_000_000;
/** Purpose of a derived key: of a MAC (RFC 7292, appendix B.3). */
const FOR_MAC = 3;

/**
 * The private key of a PKCS#12 file (RFC 7292) in DER, whose MAC is checked first. Keys lie in safe contents that are not encrypted as a
 * whole, as OpenSSL and Java write them; certificates beside them are not looked at.
 *
 * @throws DecodeError, which says nothing of key or password
 */
export function privateKeyOfPkcs12(pfx: Uint8Array, password: string): KeyObject {
  const outer = new DerReader(pfx);
  const file = outer.sequence();
  outer.end();
  if (file.smallInteger() !== 3) throw fault('the version is not 3');
  const safe = dataOf(file.sequence());
  if (safe === undefined) throw fault('it is not protected by a password');
  if (file.atEnd) throw fault('it has no MAC');
  checkMac(file.sequence(), safe, password);
  file.end();
  const keys = bagsOf(safe);
  const [key] = keys;
  if (key === undefined || keys.length > 1) throw fault(`it holds ${keys.length} private keys that can be reached`);
  return opened(key, password);
}

/** The bytes of a ContentInfo of type data; undefined for other types. */
function dataOf(info: DerReader): Uint8Array | undefined {
  const type = info.oid();
  const content = info.explicit(0);
  if (content === undefined) throw fault('a part of it has no content');
  info.end();
  if (type !== OID.data) return undefined;
  const bytes = content.octetString();
  content.end();
  return bytes;
}

function checkMac(mac: DerReader, content: Uint8Array, password: string): void {
  const info = mac.sequence();
  const algorithm = info.sequence();
  const digest = MAC_DIGESTS[algorithm.oid()];
  if (digest === undefined) throw fault('its MAC is of an unknown kind');
  algorithm.optional(DER_TAG.null);
  algorithm.end();
  const expected = info.octetString();
  info.end();
  const salt = mac.octetString();
  const iterations = mac.atEnd ? 1 : mac.smallInteger();
  mac.end();
  if (iterations < 1 || iterations > MOST_ITERATIONS) throw fault('its MAC has too many iterations');
  const key = derivedKey(digest, FOR_MAC, bmp(password), salt, iterations);
  const actual = createHmac(digest.name, key).update(content).digest();
  if (!constantTimeEqual(actual, expected)) throw fault('the password is another, or it was changed');
}

interface Bag {
  readonly encrypted: boolean;
  readonly der: Uint8Array;
}

function bagsOf(safe: Uint8Array): readonly Bag[] {
  const bags: Bag[] = [];
  const outer = new DerReader(safe);
  const parts = outer.sequence();
  outer.end();
  while (!parts.atEnd) {
    const contents = dataOf(parts.sequence());
    if (contents === undefined) continue;
    const all = new DerReader(contents);
    const each = all.sequence();
    all.end();
    while (!each.atEnd) {
      const bag = each.sequence();
      const type = bag.oid();
      const value = bag.explicit(0)?.any();
      // Attributes: a friendly name, an id.
      bag.optional(DER_TAG.set);
      bag.end();
      if (value === undefined || (type !== OID.keyBag && type !== OID.shroudedKeyBag)) continue;
      bags.push({ encrypted: type === OID.shroudedKeyBag, der: value.encoded });
    }
  }
  return bags;
}

function opened({ encrypted, der }: Bag, password: string): KeyObject {
  try {
    return createPrivateKey({
      key: Buffer.from(der),
      format: 'der',
      type: 'pkcs8',
      ...(encrypted ? { passphrase: password } : {}),
    });
  } catch {
    throw fault('its private key cannot be decrypted');
  }
}

/** Key derivation of PKCS#12 (RFC 7292, appendix B.2), for keys no longer than the digest. */
function derivedKey(
  { name, block }: { readonly name: string; readonly block: number },
  purpose: number,
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
): Uint8Array {
  const diversifier = new Uint8Array(block).fill(purpose);
  let key: Uint8Array = createHash(name)
    .update(concatBytes(diversifier, repeated(salt, block), repeated(password, block)))
    .digest();
  for (let n = 1; n < iterations; n += 1) key = createHash(name).update(key).digest();
  return key;
}

/** As often as it takes to fill whole blocks, and cut there. */
function repeated(bytes: Uint8Array, block: number): Uint8Array {
  const filled = new Uint8Array(Math.ceil(bytes.length / block) * block);
  for (let at = 0; at < filled.length; at += 1) filled[at] = bytes[at % bytes.length] ?? 0;
  return filled;
}

/** UTF-16, big-endian, with a NUL at its end. */
function bmp(password: string): Uint8Array {
  return Buffer.from(`${password}\0`, 'utf16le').swap16();
}

function fault(why: string): DecodeError {
  return new DecodeError('PKCS#12', why);
}
