/** `sigstoreSigned` of a policy: by key or by certificate, with or without a transparency log. */
import type { JsonObject } from '@assay/bytes';
import type { SignerIdentity } from '../sigstore/certificate.js';
import type { SignedIdentity } from './identity.js';
import { type KeySource, keySourceOf, membersOf } from './key-source.js';
import { malformed, objectOf, onlyKeys } from './members.js';

export interface SigstoreRequirement {
  readonly type: 'sigstoreSigned';
  readonly signer:
    | { readonly kind: 'keys'; readonly keys: KeySource }
    | { readonly kind: 'fulcio'; readonly authorities: KeySource; readonly identity: SignerIdentity };
  /** Keys of transparency logs: one of these must vouch for the signature. Always there for `fulcio`. */
  readonly logs?: KeySource;
  readonly identity?: SignedIdentity;
}

export const SIGSTORE_MEMBERS: readonly string[] = [
  'type',
  'fulcio',
  'pki',
  ...membersOf('key'),
  ...membersOf('rekorPublicKey'),
];

/** @throws AssayError `signature.policy.form` */
export function readSigstoreRequirement(
  entry: JsonObject,
  where: string,
  file: string,
): Pick<SigstoreRequirement, 'signer' | 'logs'> {
  if (entry['pki'] !== undefined) throw malformed(file, `${where}: \`pki\` is not served; use a key, or fulcio`);
  const wantsLog = membersOf('rekorPublicKey').some((name) => entry[name] !== undefined);
  const logs = wantsLog ? { logs: keySourceOf(entry, 'rekorPublicKey', where, file) } : {};
  if (entry['fulcio'] === undefined) {
    return { signer: { kind: 'keys', keys: keySourceOf(entry, 'key', where, file) }, ...logs };
  }
  if (membersOf('key').some((name) => entry[name] !== undefined)) {
    throw malformed(file, `${where}: exactly one of a key and fulcio is wanted`);
  }
  // Without one nobody says when a certificate of ten minutes was used.
  if (!wantsLog) throw malformed(file, `${where}: fulcio wants the key of a log too (rekorPublicKeyData)`);
  return { signer: readFulcio(objectOf(entry['fulcio'], `${where}.fulcio`, file), `${where}.fulcio`, file), ...logs };
}

/** \`subjectURI\` is ours, for workflows: containers/image knows mail addresses alone. */
function readFulcio(fulcio: JsonObject, where: string, file: string): SigstoreRequirement['signer'] {
  onlyKeys(fulcio, ['caPath', 'caData', 'oidcIssuer', 'subjectEmail', 'subjectURI'], where, file);
  const authorities = keySourceOf(fulcio, 'ca', where, file);
  const { oidcIssuer: issuer, subjectEmail: email, subjectURI: uri } = fulcio;
  if (typeof issuer !== 'string' || issuer === '') throw malformed(file, `${where}: oidcIssuer is missing`);
  const value = email ?? uri;
  if (typeof value !== 'string' || value === '' || (email !== undefined && uri !== undefined)) {
    throw malformed(file, `${where}: exactly one of subjectEmail and subjectURI is wanted`);
  }
  return {
    kind: 'fulcio',
    authorities,
    identity: { issuer, subject: { kind: email === undefined ? 'uri' : 'email', value } },
  };
}
