/** `signedIdentity` of a policy. What could never fit is refused: nobody would find out why. */
import type { JsonValue } from '@assay/bytes';
import { type ImageReference, isNameOnly } from '../model/reference.js';
import { type SignedIdentity, tryName } from './identity.js';
import { malformed, objectOf, onlyKeys } from './members.js';

/** @throws AssayError `signature.policy.form` */
export function readIdentity(value: JsonValue, where = 'signedIdentity', file = 'policy.json'): SignedIdentity {
  const entry = objectOf(value, where, file);
  const text = (key: string): string => {
    const member = entry[key];
    if (typeof member !== 'string' || member === '') throw malformed(file, `${where}: ${key} is missing`);
    return member;
  };
  const name = (key: string, fits: (found: ImageReference) => boolean): string => {
    const found = tryName(text(key));
    if (found !== undefined && fits(found)) return text(key);
    throw malformed(file, `${where}: ${key} \`${text(key).slice(0, 120)}\` would fit no signature`);
  };
  const prefix = (key: string): string => {
    if (tryName(`${text(key)}/x`) !== undefined) return text(key);
    throw malformed(file, `${where}: ${key} \`${text(key).slice(0, 120)}\` is no registry, and no path in one`);
  };
  const { type } = entry;
  switch (type) {
    case 'matchExact':
    case 'matchRepoDigestOrExact':
    case 'matchRepository':
    case 'matchDigest':
      onlyKeys(entry, ['type'], where, file);
      return { type };
    case 'exactReference':
      onlyKeys(entry, ['type', 'dockerReference'], where, file);
      return { type, dockerReference: name('dockerReference', (found) => !isNameOnly(found)) };
    case 'exactRepository':
      onlyKeys(entry, ['type', 'dockerRepository'], where, file);
      return { type, dockerRepository: name('dockerRepository', () => true) };
    case 'remapIdentity':
      onlyKeys(entry, ['type', 'prefix', 'signedPrefix'], where, file);
      return { type, prefix: prefix('prefix'), signedPrefix: prefix('signedPrefix') };
    default:
      throw malformed(file, `${where}: type ${JSON.stringify(type ?? null).slice(0, 60)} is not known`);
  }
}
