/**
 * containers-policy.json: which images may be used, by where they come from.
 *
 * The strict rules of containers/image: a default, no empty lists, no unknown keys. (Guests of Confidential Containers take an empty list for
 * "everything is allowed" and pass over unknown keys.)
 */
import { DecodeError, decodeUtf8, isJsonArray, type JsonObject, type JsonValue, parseJsonStrict } from '@assay/bytes';
import type { ImageReference } from '../model/reference.js';
import type { SignedIdentity } from './identity.js';
import { type KeySource, keySourceOf } from './key-source.js';
import { malformed, objectOf, onlyKeys } from './members.js';
import { readIdentity } from './read-identity.js';
import { folderParents, isFolderScope, scopeParents, wildcardsOf } from './scopes.js';
import { readSigstoreRequirement, SIGSTORE_MEMBERS, type SigstoreRequirement } from './sigstore-requirement.js';
import type { Place } from './subject.js';

export type Requirement =
  | { readonly type: 'insecureAcceptAnything' }
  | { readonly type: 'reject' }
  | { readonly type: 'signedBy'; readonly keys: KeySource; readonly identity?: SignedIdentity }
  | SigstoreRequirement;

export interface SignaturePolicy {
  readonly default: readonly Requirement[];
  /** By transport (`docker`, `oci`, `dir`; others are for other programs), then by scope. */
  readonly transports: ReadonlyMap<string, ReadonlyMap<string, readonly Requirement[]>>;
}

export interface PolicyScope {
  /** Key of the policy that decides: `quay.io/acme`, `*.example`, `default`; of a folder with its transport, `oci:/srv`. */
  readonly scope: string;
  /** All of them must hold. */
  readonly requirements: readonly Requirement[];
}

const LARGEST_POLICY = 4 * 1024 * 1024;

/** @throws AssayError `signature.policy.form` */
export function readPolicy(bytes: Uint8Array, file = 'policy.json'): SignaturePolicy {
  const policy = objectOf(parse(bytes, file), '', file);
  onlyKeys(policy, ['default', 'transports'], '', file);
  if (policy['default'] === undefined) throw malformed(file, '`default` is missing');
  const { transports = {} } = policy;
  const byTransport = Object.entries(objectOf(transports, 'transports', file));
  return {
    default: requirementsOf(policy['default'], 'default', file),
    transports: new Map(
      byTransport.map(([transport, scopes]) => {
        const where = `transports.${transport}`;
        const entries = Object.entries(objectOf(scopes, where, file));
        checkScopes(transport, entries, file);
        return [
          transport,
          new Map(entries.map(([scope, list]) => [scope, requirementsOf(list, `${where}."${scope}"`, file)])),
        ];
      }),
    ),
  };
}

/** A folder that is written otherwise than it is looked up would never fit, and its requirements never be asked. */
function checkScopes(transport: string, entries: readonly (readonly [string, unknown])[], file: string): void {
  if (transport !== 'oci' && transport !== 'dir') return;
  const unfit = entries.find(([scope]) => scope !== '' && !isFolderScope(scope));
  if (unfit === undefined) return;
  const what = `transports.${transport}: scope ${JSON.stringify(unfit[0]).slice(0, 120)}`;
  throw malformed(file, `${what} is no absolute path of a folder without \`.\`, \`..\` and a \`/\` at its end`);
}

/** What decides about an image of a registry: the longest scope that fits, as containers/image looks for it. */
export function lookUpScope(policy: SignaturePolicy, image: ImageReference): PolicyScope {
  const scopes = policy.transports.get('docker');
  for (const scope of [...scopeParents(image), ...wildcardsOf(image), '']) {
    const requirements = scopes?.get(scope);
    if (requirements !== undefined) return { scope, requirements };
  }
  return { scope: 'default', requirements: policy.default };
}

/** What a policy says of a folder with an image: the longest scope that fits. @returns undefined when it says nothing */
export function lookUpPlace(policy: SignaturePolicy, { transport, folder }: Place): PolicyScope | undefined {
  const scopes = policy.transports.get(transport);
  for (const scope of [...folderParents(folder), '']) {
    const requirements = scopes?.get(scope);
    if (requirements !== undefined) return { scope: `${transport}:${scope}`, requirements };
  }
  return undefined;
}

function requirementsOf(value: JsonValue | undefined, where: string, file: string): readonly Requirement[] {
  if (value === undefined || !isJsonArray(value)) throw malformed(file, `${where} is no list`);
  if (value.length === 0) throw malformed(file, `${where} is empty: nothing would be asked`);
  return value.map((entry, index) =>
    requirementOf(objectOf(entry, `${where}[${index}]`, file), `${where}[${index}]`, file),
  );
}

function requirementOf(entry: JsonObject, where: string, file: string): Requirement {
  const { type } = entry;
  switch (type) {
    case 'insecureAcceptAnything':
    case 'reject':
      onlyKeys(entry, ['type'], where, file);
      return { type };
    case 'signedBy':
      onlyKeys(entry, ['type', 'keyType', 'keyPath', 'keyPaths', 'keyData', 'signedIdentity'], where, file);
      if (entry['keyType'] !== 'GPGKeys') throw malformed(file, `${where}: keyType is not \`GPGKeys\``);
      return { type, keys: keySourceOf(entry, 'key', where, file), ...identityOf(entry, where, file) };
    case 'sigstoreSigned':
      onlyKeys(entry, [...SIGSTORE_MEMBERS, 'signedIdentity'], where, file);
      return { type, ...readSigstoreRequirement(entry, where, file), ...identityOf(entry, where, file) };
    default:
      throw malformed(file, `${where}: type ${JSON.stringify(type ?? null).slice(0, 60)} is not known`);
  }
}

function identityOf(entry: JsonObject, where: string, file: string): { readonly identity?: SignedIdentity } {
  if (entry['signedIdentity'] === undefined) return {};
  return { identity: readIdentity(entry['signedIdentity'], `${where}.signedIdentity`, file) };
}

function parse(bytes: Uint8Array, file: string): JsonValue {
  try {
    return parseJsonStrict(decodeUtf8(bytes), { maxBytes: LARGEST_POLICY });
  } catch (error) {
    if (error instanceof DecodeError) throw malformed(file, error.message);
    throw error;
  }
}
