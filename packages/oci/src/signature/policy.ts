/**
 * containers-policy.json: which images may be used, by where they come from.
 *
 * The strict rules of containers/image: a default, no empty lists, no unknown keys. (Guests of Confidential Containers take an empty list for
 * "everything is allowed" and pass over unknown keys.)
 */
import {
  DecodeError,
  decodeUtf8,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { type AssayError, assayError } from '@assay/bytes/findings';
import type { ImageReference } from '../model/reference.js';
import type { SignedIdentity } from './identity.js';
import { scopeParents, wildcardsOf } from './scopes.js';

/** Where the keys of a requirement are. */
export interface KeySource {
  /** A path, `file:///…` or `kbs:///…`; any one of them fits. */
  readonly paths: readonly string[];
  /** Base64, or (from guests' policies) the PEM itself. */
  readonly data: readonly string[];
}

export type Requirement =
  | { readonly type: 'insecureAcceptAnything' }
  | { readonly type: 'reject' }
  | { readonly type: 'signedBy'; readonly keys: KeySource; readonly identity?: SignedIdentity }
  | { readonly type: 'sigstoreSigned'; readonly keys: KeySource; readonly identity?: SignedIdentity };

export interface SignaturePolicy {
  readonly default: readonly Requirement[];
  /** By transport (`docker`), then by scope. */
  readonly transports: ReadonlyMap<string, ReadonlyMap<string, readonly Requirement[]>>;
}

export interface PolicyScope {
  /** Key of the policy that decides: `quay.io/acme`, `*.example`, `default`. */
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
  const transports = Object.entries(objectOf(policy['transports'] ?? {}, 'transports', file));
  return {
    default: requirementsOf(policy['default'], 'default', file),
    transports: new Map(
      transports.map(([transport, scopes]) => {
        const where = `transports.${transport}`;
        const entries = Object.entries(objectOf(scopes, where, file));
        return [
          transport,
          new Map(entries.map(([scope, list]) => [scope, requirementsOf(list, `${where}."${scope}"`, file)])),
        ];
      }),
    ),
  };
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
      return { type, keys: keysOf(entry, where, file), ...identityOf(entry, where, file) };
    case 'sigstoreSigned': {
      const keyless = ['fulcio', 'pki'].find((key) => entry[key] !== undefined);
      if (keyless !== undefined) throw malformed(file, `${where}: \`${keyless}\` is not served; use a key`);
      onlyKeys(entry, ['type', 'keyPath', 'keyPaths', 'keyData', 'keyDatas', 'signedIdentity'], where, file);
      return { type, keys: keysOf(entry, where, file), ...identityOf(entry, where, file) };
    }
    default:
      throw malformed(file, `${where}: type ${JSON.stringify(type ?? null).slice(0, 60)} is not known`);
  }
}

function keysOf(entry: JsonObject, where: string, file: string): KeySource {
  const members = ['keyPath', 'keyPaths', 'keyData', 'keyDatas'].filter((key) => entry[key] !== undefined);
  const [member] = members;
  if (member === undefined || members.length > 1) {
    throw malformed(file, `${where}: exactly one of keyPath, keyPaths, keyData, keyDatas is wanted`);
  }
  const value = entry[member];
  const list = value !== undefined && isJsonArray(value) ? value : [value];
  const plural = member.endsWith('s');
  const texts = list.filter((one) => typeof one === 'string' && one !== '');
  if (texts.length === 0 || texts.length !== list.length || plural !== (value !== undefined && isJsonArray(value))) {
    throw malformed(file, `${where}: ${member} is ${plural ? 'no list of texts' : 'no text'}`);
  }
  const given = texts as string[];
  return member.startsWith('keyPath') ? { paths: given, data: [] } : { paths: [], data: given };
}

function identityOf(entry: JsonObject, where: string, file: string): { readonly identity?: SignedIdentity } {
  if (entry['signedIdentity'] === undefined) return {};
  return { identity: readIdentity(entry['signedIdentity'], `${where}.signedIdentity`, file) };
}

/** @throws AssayError `signature.policy.form` */
export function readIdentity(value: JsonValue, where = 'signedIdentity', file = 'policy.json'): SignedIdentity {
  const entry = objectOf(value, where, file);
  const text = (key: string): string => {
    const member = entry[key];
    if (typeof member !== 'string' || member === '') throw malformed(file, `${where}: ${key} is missing`);
    return member;
  };
  const { type } = entry;
  switch (type) {
    case 'matchExact':
    case 'matchRepoDigestOrExact':
    case 'matchRepository':
      onlyKeys(entry, ['type'], where, file);
      return { type };
    case 'exactReference':
      onlyKeys(entry, ['type', 'dockerReference'], where, file);
      return { type, dockerReference: text('dockerReference') };
    case 'exactRepository':
      onlyKeys(entry, ['type', 'dockerRepository'], where, file);
      return { type, dockerRepository: text('dockerRepository') };
    case 'remapIdentity':
      onlyKeys(entry, ['type', 'prefix', 'signedPrefix'], where, file);
      return { type, prefix: text('prefix'), signedPrefix: text('signedPrefix') };
    default:
      throw malformed(file, `${where}: type ${JSON.stringify(type ?? null).slice(0, 60)} is not known`);
  }
}

function onlyKeys(value: JsonObject, known: readonly string[], where: string, file: string): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw malformed(file, `${where === '' ? 'the policy' : where} has an unknown key \`${unknown.slice(0, 40)}\``);
  }
}

function objectOf(value: JsonValue | undefined, where: string, file: string): JsonObject {
  if (value !== undefined && isJsonObject(value)) return value;
  throw malformed(file, `${where === '' ? 'the policy' : where} is no object`);
}

function parse(bytes: Uint8Array, file: string): JsonValue {
  try {
    return parseJsonStrict(decodeUtf8(bytes), { maxBytes: LARGEST_POLICY });
  } catch (error) {
    if (error instanceof DecodeError) throw malformed(file, error.message);
    throw error;
  }
}

function malformed(file: string, what: string): AssayError {
  return assayError('signature.policy.form', { params: { file, what }, subject: file });
}
