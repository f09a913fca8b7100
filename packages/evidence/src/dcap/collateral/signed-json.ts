/** Signed JSON of Intel's services: the signature covers the inner object's text exactly as it was served. */
import { type KeyObject, verify } from 'node:crypto';
import { DecodeError, decodeUtf8, encodeUtf8, isJsonObject, parseJsonStrict } from '@assay/bytes';
import { type Certificate, vendorKeys, verifyFixedWidth } from '../../x509/index.js';

const LIMITS = { maxBytes: 8 * 1024 * 1024, maxDepth: 16 };
const FORMAT = 'signed answer';

/** What the signed object is called. API v1 of PCS named a QE identity `qeIdentity`. */
export type SignedMember = 'tcbInfo' | 'enclaveIdentity' | 'qeIdentity' | 'tcbEvaluationDataNumbers';

/**
 * Takes `{"<member>":{…},"signature":"…"}` apart without touching the text of the member.
 *
 * @returns undefined when the text is not such an answer (it may be the inner object already).
 * @throws DecodeError when it is not JSON, or doubled.
 */
export function splitSignedAnswer(
  answer: Uint8Array,
  member: SignedMember,
): { readonly text: Uint8Array; readonly signature: Uint8Array } | undefined {
  const document = parseJsonStrict(answer, LIMITS);
  if (!isJsonObject(document) || !Object.hasOwn(document, member) || !Object.hasOwn(document, 'signature')) {
    return undefined;
  }
  const { signature } = document;
  if (typeof signature !== 'string') throw new DecodeError(FORMAT, 'signature is not a text');
  const text = rawMember(decodeUtf8(answer), member);
  return { text: encodeUtf8(text), signature: encodeUtf8(signature) };
}

/** Text of a member of the outermost object of a JSON document that is known to be well-formed. */
function rawMember(text: string, member: string): string {
  let depth = 0;
  let name: string | undefined;
  let start = -1;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') {
      const end = stringEnd(text, at);
      // Only a name of the outermost object is followed by a colon at depth 1.
      if (depth === 1 && start < 0 && /^\s*:/.test(text.slice(end, end + 64))) name = text.slice(at, end);
      at = end - 1;
    } else if (character === '{' || character === '[') {
      if (depth === 1 && character === '{' && name !== undefined && JSON.parse(name) === member) start = at;
      depth += 1;
    } else if (character === '}' || character === ']') {
      depth -= 1;
      if (depth === 1 && start >= 0) return text.slice(start, at + 1);
    } else if (character === ',' && depth === 1) {
      name = undefined;
    }
  }
  throw new DecodeError(FORMAT, `${member} is not an object`);
}

function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

/**
 * Verifies the signature of a TCB info or QE identity.
 *
 * @param signature hex text of r ‖ s (64 bytes); some caches keep it in DER, which is accepted as well
 */
export function verifySignedText(text: Uint8Array, signature: Uint8Array, signer: Certificate): boolean {
  const key = vendorKeys.key(signer.publicKey);
  const bytes = hexOf(signature);
  if (key === undefined || bytes === undefined) return false;
  if (bytes.length === 64) return verifyFixedWidth('sha256', text, bytes, key);
  return bytes[0] === 0x30 && verifyDer(text, bytes, key);
}

function hexOf(signature: Uint8Array): Uint8Array | undefined {
  const text = Buffer.from(signature).toString('latin1').trim();
  return /^(?:[0-9a-fA-F]{2}){8,80}$/.test(text) ? Buffer.from(text, 'hex') : undefined;
}

function verifyDer(text: Uint8Array, signature: Uint8Array, key: KeyObject): boolean {
  try {
    return verify('sha256', text, { key, dsaEncoding: 'der' }, signature);
  } catch {
    return false;
  }
}
