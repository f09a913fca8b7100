/** The CCA attestation token: a collection of a platform and a realm token (Arm DEN0137, A7.2.2). */
import { DecodeError } from '@assay/bytes';
import { cut, type FindingDraft, failed, passed, visible } from '@assay/bytes/findings';
import {
  type CborMap,
  CborTagged,
  type CborValue,
  type CoseKey,
  decodeCbor,
  describeCbor,
  isCborMap,
  parseSign1,
  type Sign1,
} from '../../cose/index.js';
import { malformed, type TokenPart } from './claims.js';
import { type Partly, type PlatformClaims, readPlatformClaims } from './platform.js';
import { type RealmClaims, readRealmClaims } from './realm.js';

const COLLECTION_TAG = 399;
const MEMBERS: Readonly<Record<TokenPart, number>> = { platform: 44234, realm: 44241 };
/** Tokens of today have 1 to 3 KiB. */
export const LARGEST_TOKEN = 32 * 1024;

const PROFILES: Readonly<Record<TokenPart, readonly string[]>> = {
  platform: ['http://arm.com/CCA-SSD/1.0.0', 'tag:arm.com,2023:cca_platform#1.0.0'],
  realm: ['tag:arm.com,2023:realm#1.0.0'],
};

/** Both tokens with every claim as it has to be; nothing is known of their signatures. */
export interface ParsedToken {
  readonly platform: PlatformClaims;
  readonly realm: RealmClaims;
}

/** What was read; a part is undefined where its message or its map could not be read. */
export interface TokenParse {
  readonly findings: readonly FindingDraft[];
  readonly platform?: { readonly message: Sign1; readonly claims: Partly<PlatformClaims> };
  readonly realm?: {
    readonly message: Sign1;
    readonly claims: Partly<RealmClaims>;
    readonly key: CoseKey | undefined;
  };
  /** Undefined unless everything is in order. */
  readonly token?: ParsedToken;
}

/** Reads a token; everything that is not as it has to be is a finding. */
export function parseToken(bytes: Uint8Array): TokenParse {
  let collection: CborMap;
  try {
    collection = readCollection(decodeCbor(bytes, { maxBytes: LARGEST_TOKEN, maxDepth: 2, tag: COLLECTION_TAG }));
  } catch (error) {
    return { findings: [unreadable('collection', error, `tag ${COLLECTION_TAG} around a map is due`)] };
  }
  const findings: FindingDraft[] = [];
  const platformPart = readPart('platform', collection, findings);
  const realmPart = readPart('realm', collection, findings);
  if (platformPart === undefined || realmPart === undefined) return { findings };
  const platform = readPlatformClaims(platformPart.map);
  const realm = readRealmClaims(realmPart.map);
  findings.push(...platform.reader.findings, ...realm.reader.findings);
  const complete = findings.length === 0;
  const profiles = [
    ...judgeProfile('platform', platform.claims.profile),
    ...judgeProfile('realm', realm.claims.profile),
  ];
  const algorithms = [
    ...judgeAlgorithm('platform', platformPart.message),
    ...judgeAlgorithm('realm', realmPart.message),
  ];
  const claims = { platform: platform.claims, realm: realm.claims };
  return {
    findings: [
      ...(complete ? [passed('cca.token.form', 'token')] : findings),
      ...(profiles.length === 0 ? [passed('cca.token.profile', 'token')] : profiles),
      ...(algorithms.length === 0 ? [passed('cca.token.algorithm', 'token')] : algorithms),
    ],
    platform: { message: platformPart.message, claims: platform.claims },
    realm: { message: realmPart.message, claims: realm.claims, key: realm.key },
    ...(complete ? { token: claims as ParsedToken } : {}),
  };
}

function readCollection(value: CborValue): CborMap {
  if (!(value instanceof CborTagged)) throw new DecodeError('CBOR', `without tag ${COLLECTION_TAG}`);
  if (!isCborMap(value.value)) throw new DecodeError('CBOR', `${describeCbor(value.value)} under the tag`);
  const known = Object.values(MEMBERS) as unknown[];
  const [stranger] = [...value.value.keys()].filter((key) => !known.includes(key));
  if (stranger !== undefined)
    throw new DecodeError('CBOR', `member ${cut(visible(String(stranger)), 20)} is not known`);
  return value.value;
}

function readPart(
  part: TokenPart,
  collection: CborMap,
  findings: FindingDraft[],
): { readonly message: Sign1; readonly map: CborMap } | undefined {
  const bytes = collection.get(MEMBERS[part]);
  if (!(bytes instanceof Uint8Array)) {
    findings.push(malformed(`${part} token`, describeCbor(bytes), 'a byte string is due'));
    return undefined;
  }
  try {
    const message = parseSign1(bytes, { maxBytes: LARGEST_TOKEN, tag: 'required' });
    const map = decodeCbor(message.payload, { maxBytes: LARGEST_TOKEN, maxDepth: 3 });
    if (!isCborMap(map)) throw new DecodeError('CBOR', `payload is ${describeCbor(map)}`);
    return { message, map };
  } catch (error) {
    findings.push(unreadable(`${part} token`, error, 'COSE_Sign1 around a map is due'));
    return undefined;
  }
}

function unreadable(what: string, error: unknown, expected: string): FindingDraft {
  if (!(error instanceof DecodeError)) throw error;
  return malformed(what, cut(visible(error.message), 60), expected);
}

/** The first firmware of realms has no profile; every platform has one. */
function judgeProfile(part: TokenPart, profile: string | undefined): FindingDraft[] {
  if (profile === undefined || PROFILES[part].includes(profile)) return [];
  return [
    failed('cca.token.profile', {
      subject: part,
      params: { actual: profile },
      expected: PROFILES[part],
      actual: profile,
      compare: { relation: 'one-of', type: 'text' },
      source: 'Arm DEN0137, A7.2: attestation token',
      origin: { kind: 'spec', document: 'Arm DEN0137', clause: 'A7.2' },
    }),
  ];
}

function judgeAlgorithm(part: TokenPart, { algorithm, algorithmLabel }: Sign1): FindingDraft[] {
  if (algorithm !== undefined) return [];
  const actual = describeCbor(algorithmLabel);
  const expected = 'ES256, ES384, ES512';
  return [
    failed('cca.token.algorithm', {
      subject: part,
      params: { part, actual, expected },
      expected,
      actual,
      compare: { relation: 'one-of', type: 'integer' },
      source: 'Arm DEN0137, A7.2: attestation token',
      origin: { kind: 'spec', document: 'Arm DEN0137', clause: 'A7.2' },
    }),
  ];
}
