/** What an entry of Rekor says, compared with a signature: kinds `hashedrekord`, `dsse` and `intoto`. */
import { createHash } from 'node:crypto';
import { DecodeError, decodeUtf8, encodeHex, type JsonObject, type JsonValue } from '@assay/bytes';
import { otherEntry } from './failure.js';
import { bytesOf, listOf, objectOf, readObject, textOf } from './members.js';

/** A signature, as the entry must have it. */
export interface Signed {
  readonly signature: Uint8Array;
  /** What the signature is over: of an envelope, its pre-authentication encoding. */
  readonly content: Uint8Array;
  /** Content of an envelope. */
  readonly payload?: Uint8Array;
  /** DER of the signer's certificate, or of the SubjectPublicKeyInfo of a key: any one of them. */
  readonly signer: readonly Uint8Array[];
}

/** @throws AssayError `signature.log.body`, `signature.bundle.form` */
export function checkEntryBody(body: Uint8Array, signed: Signed): void {
  const entry = readObject(body, 'the log entry');
  const kind = `${textOf(entry['kind'], 'kind of the log entry')} ${textOf(entry['apiVersion'], 'version of the log entry')}`;
  const spec = objectOf(entry['spec'], 'spec of the log entry');
  const read = KINDS.get(kind);
  if (read === undefined) throw otherEntry(`entries of kind ${kind.slice(0, 60)} are not read`);
  read(spec, signed);
}

const KINDS: ReadonlyMap<string, (spec: JsonObject, signed: Signed) => void> = new Map([
  ['hashedrekord 0.0.1', hashedRekord1],
  ['hashedrekord 0.0.2', hashedRekord2],
  ['dsse 0.0.1', dsse1],
  ['dsse 0.0.2', dsse2],
  ['intoto 0.0.2', intoto2],
]);

function hashedRekord1(spec: JsonObject, signed: Signed): void {
  const hash = objectOf(objectOf(spec['data'], 'data')['hash'], 'hash');
  checkHexHash(hash, signed.content, 'content');
  const signature = objectOf(spec['signature'], 'signature');
  checkSignature(bytesOf(signature['content'], 'signature of the log entry'), signed);
  checkPem(bytesOf(objectOf(signature['publicKey'], 'publicKey')['content'], 'signer of the log entry'), signed);
}

function hashedRekord2(outer: JsonObject, signed: Signed): void {
  const spec = objectOf(outer['hashedRekordV002'], 'hashedRekordV002');
  checkHash2(spec['data'], signed.content, 'content');
  checkSigned2(spec['signature'], signed);
}

function dsse1(spec: JsonObject, signed: Signed): void {
  checkHexHash(objectOf(spec['payloadHash'], 'payloadHash'), payloadOf(signed), 'payload');
  const signature = onlyOne(spec['signatures']);
  checkSignature(bytesOf(signature['signature'], 'signature of the log entry'), signed);
  checkPem(bytesOf(signature['verifier'], 'signer of the log entry'), signed);
}

function dsse2(outer: JsonObject, signed: Signed): void {
  const spec = objectOf(outer['dsseV002'], 'dsseV002');
  checkHash2(spec['payloadHash'], payloadOf(signed), 'payload');
  checkSigned2(onlyOne(spec['signatures']), signed);
}

function intoto2(spec: JsonObject, signed: Signed): void {
  const content = objectOf(spec['content'], 'content');
  checkHexHash(objectOf(content['payloadHash'], 'payloadHash'), payloadOf(signed), 'payload');
  const signature = onlyOne(objectOf(content['envelope'], 'envelope')['signatures']);
  // Base64 of the envelope's own base64.
  const inner = decodeText(bytesOf(signature['sig'], 'signature of the log entry'));
  checkSignature(bytesOf(inner, 'signature of the log entry'), signed);
  checkPem(bytesOf(signature['publicKey'], 'signer of the log entry'), signed);
}

function checkSigned2(value: JsonValue | undefined, signed: Signed): void {
  const signature = objectOf(value, 'signature of the log entry');
  checkSignature(bytesOf(signature['content'], 'signature of the log entry'), signed);
  const verifier = objectOf(signature['verifier'], 'verifier of the log entry');
  const one = verifier['x509Certificate'] ?? verifier['publicKey'];
  checkSigner(bytesOf(objectOf(one, 'signer of the log entry')['rawBytes'], 'signer of the log entry'), signed);
}

function payloadOf({ payload }: Signed): Uint8Array {
  if (payload === undefined) throw otherEntry('it is about an envelope; the signature is over a message');
  return payload;
}

function checkHexHash(hash: JsonObject, over: Uint8Array, what: string): void {
  if (hash['algorithm'] !== 'sha256' || hash['value'] !== encodeHex(sha256(over))) {
    throw otherEntry(`it is about another ${what}`);
  }
}

function checkHash2(value: JsonValue | undefined, over: Uint8Array, what: string): void {
  const hash = objectOf(value, `digest of the ${what}`);
  const digest = bytesOf(hash['digest'], `digest of the ${what}`);
  if (hash['algorithm'] !== 'SHA2_256' || Buffer.compare(digest, sha256(over)) !== 0) {
    throw otherEntry(`it is about another ${what}`);
  }
}

function checkSignature(found: Uint8Array, { signature }: Signed): void {
  if (Buffer.compare(found, signature) !== 0) throw otherEntry('it is about another signature');
}

/** One block, whatever the length of its lines: it is only compared. */
function checkPem(pem: Uint8Array, signed: Signed): void {
  const [, , body] =
    /^\s*-----BEGIN ([A-Z ]+)-----\s([A-Za-z0-9+/=\s]+)-----END \1-----\s*$/.exec(decodeText(pem)) ?? [];
  if (body === undefined) throw otherEntry('its signer is no one key or certificate in PEM');
  checkSigner(bytesOf(body.replaceAll(/\s/g, ''), 'signer of the log entry'), signed);
}

function checkSigner(found: Uint8Array, { signer }: Signed): void {
  if (!signer.some((der) => Buffer.compare(der, found) === 0)) throw otherEntry('it is about another signer');
}

function onlyOne(value: JsonValue | undefined): JsonObject {
  const [first, ...more] = listOf(value, 'signatures of the log entry', 64);
  if (first === undefined || more.length > 0) throw otherEntry(`it has ${more.length + 1} signatures; 1 is wanted`);
  return objectOf(first, 'signature of the log entry');
}

function decodeText(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    if (error instanceof DecodeError) throw otherEntry('a text of it is no UTF-8');
    throw error;
  }
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
