/** An EAT Attestation Result (EAR) of Veraison as a JWT (RFC 7519): read strictly, under a key that the owner pinned. */
import { verify } from 'node:crypto';
import { DecodeError, decodeBase64url, decodeUtf8, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import type { CoseKey } from '../../cose/index.js';

const FORMAT = 'EAR';
const LARGEST = 256 * 1024;
/** JWS algorithms (RFC 7518 section 3.4), each with the curve of its key. */
const ALGORITHMS = {
  ES256: { curve: 'P-256', hash: 'sha256', size: 64 },
  ES384: { curve: 'P-384', hash: 'sha384', size: 96 },
} as const;

/**
 * Claims of a result whose signature verifies.
 *
 * @throws DecodeError for what is not a JWT, or not of this key
 */
export function openEar(bytes: Uint8Array, { curve, key }: CoseKey): JsonObject {
  if (bytes.length > LARGEST) throw new DecodeError(FORMAT, `${bytes.length} bytes; at most ${LARGEST} are read`);
  const parts = decodeUtf8(bytes).split('.');
  const [header = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3) throw new DecodeError(FORMAT, `${parts.length} parts; 3 are right`);
  const { alg, crit } = readObject('header', header);
  const algorithm = alg === 'ES256' || alg === 'ES384' ? ALGORITHMS[alg] : undefined;
  if (algorithm?.curve !== curve) throw new DecodeError(FORMAT, 'algorithm is not that of the pinned key');
  if (crit !== undefined) throw new DecodeError(FORMAT, 'header names critical members');
  const signed = decodeBase64url(signature);
  const input = Buffer.from(`${header}.${payload}`, 'latin1');
  const good =
    signed.length === algorithm.size && verify(algorithm.hash, input, { key, dsaEncoding: 'ieee-p1363' }, signed);
  if (!good) throw new DecodeError(FORMAT, 'does not verify under the pinned key');
  return readObject('payload', payload);
}

function readObject(part: string, text: string): JsonObject {
  const value = parseJsonStrict(decodeBase64url(text));
  if (!isJsonObject(value)) throw new DecodeError(FORMAT, `${part} is not an object`);
  return value;
}
