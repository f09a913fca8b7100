/** Public keys by which a policy wants images to be signed. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { DecodeError, decodeBase64, decodeUtf8 } from '@assay/bytes';
import { malformed } from './members.js';

const LABELS = ['PUBLIC KEY', 'RSA PUBLIC KEY'];
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];
const LEAST_RSA_BITS = 2048;

/**
 * One key in PEM, or (`keyData` of containers/image) base64 of that. A certificate is none: nobody would look at how long it is good.
 *
 * @throws AssayError `signature.policy.form`
 */
export function readCosignKey(text: string, file: string): KeyObject {
  const pem = text.includes('-----BEGIN') ? text : fromBase64(text);
  const labels = [...(pem ?? '').matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)].map(([, label = '']) => label);
  const [label = ''] = labels;
  if (pem === undefined || labels.length === 0) throw malformed(file, 'no public key in PEM');
  if (labels.length > 1) throw malformed(file, `it has ${labels.length} blocks of PEM; one public key is wanted`);
  if (!LABELS.includes(label)) throw malformed(file, `it is a ${label.slice(0, 40)}, and no public key`);
  const key = keyIn(pem, file);
  const unfit = unfitKind(key);
  if (unfit !== undefined) throw malformed(file, `${unfit} is no key for signatures of images`);
  return key;
}

function keyIn(pem: string, file: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch {
    throw malformed(file, 'no public key in PEM');
  }
}

/** What is wrong with the kind of a key. */
function unfitKind({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string | undefined {
  const { namedCurve: curve = 'no curve', modulusLength: bits = 0 } = details ?? {};
  switch (type) {
    case 'ed25519':
      return undefined;
    case 'ec':
      return CURVES.includes(curve) ? undefined : `EC on ${curve}`;
    case 'rsa':
      return bits >= LEAST_RSA_BITS ? undefined : `RSA of ${bits} bits`;
    default:
      return String(type);
  }
}

function fromBase64(text: string): string | undefined {
  try {
    return decodeUtf8(decodeBase64(text.trim()));
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
