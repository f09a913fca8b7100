import type { Value } from '../../../value/index.js';
import { encodeBase64 } from '../base64.js';
import { contextTag, DerError, DerReader, readBitString, readBoolean, readOid, readSmallInteger, TAG } from '../der.js';
import { type AlternativeNames, ia5, NO_NAMES, readGeneralNames } from './general-names.js';
import { type NameConstraints, NO_CONSTRAINTS, readNameConstraints } from './name-constraints.js';
import { USAGE_BY_OID } from './oids.js';

export interface Extension {
  readonly id: readonly number[];
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** What the extensions of a certificate say, as far as they are understood (RFC 5280 section 4.2). */
export interface Extensions {
  readonly list: readonly Extension[];
  readonly keyUsage: number;
  readonly basicConstraints: { readonly isCa: boolean; readonly maxPathLength: number } | undefined;
  readonly names: AlternativeNames;
  readonly constraints: NameConstraints;
  readonly extendedUsages: readonly number[];
  readonly unknownUsages: readonly (readonly number[])[];
  readonly subjectKeyId: Uint8Array | undefined;
  readonly authorityKeyId: Uint8Array | undefined;
  readonly policies: readonly (readonly number[])[];
  readonly crlUrls: readonly string[];
  readonly ocspServers: readonly string[];
  readonly issuerUrls: readonly string[];
  /** Critical extensions that were not understood: a chain with one must not be accepted. */
  readonly unhandledCritical: readonly (readonly number[])[];
}

type Draft = { -readonly [K in keyof Extensions]: Extensions[K] };

/** Reads `SEQUENCE OF Extension`. A second extension of the same kind is refused. */
export function readExtensions(reader: DerReader): Extensions {
  const draft: Draft = {
    list: [],
    keyUsage: 0,
    basicConstraints: undefined,
    names: NO_NAMES,
    constraints: NO_CONSTRAINTS,
    extendedUsages: [],
    unknownUsages: [],
    subjectKeyId: undefined,
    authorityKeyId: undefined,
    policies: [],
    crlUrls: [],
    ocspServers: [],
    issuerUrls: [],
    unhandledCritical: [],
  };
  const seen = new Set<string>();
  const list: Extension[] = [];
  const unhandled: (readonly number[])[] = [];
  while (!reader.isEmpty) {
    const fields = reader.enter(TAG.sequence);
    const id = readOid(fields.read(TAG.oid));
    const flag = fields.optional(TAG.boolean);
    const critical = flag === undefined ? false : readBoolean(flag);
    const value = fields.read(TAG.octetString).content;
    fields.end();
    const key = id.join('.');
    if (seen.has(key)) throw new DerError('x509: certificate contains duplicate extensions');
    seen.add(key);
    list.push({ id, critical, value });
    if (!understand(key, value, draft) && critical) unhandled.push(id);
  }
  draft.list = list;
  draft.unhandledCritical = unhandled;
  return draft;
}

function understand(oid: string, value: Uint8Array, draft: Draft): boolean {
  const reader = new DerReader(value);
  switch (oid) {
    case '2.5.29.15': {
      const { bytes, bits } = readBitString(reader.read(TAG.bitString));
      for (let i = 0; i < Math.min(bits, 9); i++) {
        if (((bytes[i >> 3] as number) & (0x80 >> (i & 7))) !== 0) draft.keyUsage |= 1 << i;
      }
      return true;
    }
    case '2.5.29.19': {
      const fields = reader.enter(TAG.sequence);
      const ca = fields.optional(TAG.boolean);
      const length = fields.optional(TAG.integer);
      const maxPathLength = length === undefined ? -1 : readSmallInteger(length);
      if (length !== undefined && maxPathLength < 0) throw new DerError('x509: invalid basic constraints');
      draft.basicConstraints = { isCa: ca !== undefined && readBoolean(ca), maxPathLength };
      return true;
    }
    case '2.5.29.17': {
      const names = readGeneralNames(reader.read(TAG.sequence).content);
      draft.names = names;
      // A critical extension whose names are all of other kinds says something that was not understood.
      return names.dns.length + names.email.length + names.ip.length + names.uri.length > 0;
    }
    case '2.5.29.30': {
      const { constraints, complete } = readNameConstraints(reader.enter(TAG.sequence));
      draft.constraints = constraints;
      return complete;
    }
    case '2.5.29.31':
      draft.crlUrls = crlUrls(reader.enter(TAG.sequence));
      return true;
    case '2.5.29.35':
      draft.authorityKeyId = reader.enter(TAG.sequence).optional(contextTag(0, false))?.content;
      return true;
    case '2.5.29.37':
      readUsages(reader.enter(TAG.sequence), draft);
      return true;
    case '2.5.29.14':
      draft.subjectKeyId = reader.read(TAG.octetString).content;
      return true;
    case '2.5.29.32': {
      const policies: number[][] = [];
      const list = reader.enter(TAG.sequence);
      while (!list.isEmpty) policies.push(readOid(list.enter(TAG.sequence).read(TAG.oid)));
      draft.policies = policies;
      return true;
    }
    case '1.3.6.1.5.5.7.1.1':
      readAccess(reader.enter(TAG.sequence), draft);
      return true;
    default:
      return false;
  }
}

function readUsages(list: DerReader, draft: Draft): void {
  const known: number[] = [];
  const unknown: number[][] = [];
  while (!list.isEmpty) {
    const oid = readOid(list.read(TAG.oid));
    const usage = USAGE_BY_OID.get(oid.join('.'));
    if (usage === undefined) unknown.push(oid);
    else known.push(usage);
  }
  draft.extendedUsages = known;
  draft.unknownUsages = unknown;
}

function readAccess(list: DerReader, draft: Draft): void {
  const ocsp: string[] = [];
  const issuers: string[] = [];
  while (!list.isEmpty) {
    const fields = list.enter(TAG.sequence);
    const method = readOid(fields.read(TAG.oid)).join('.');
    const location = fields.read();
    if (location.tag !== 0x86) continue;
    if (method === '1.3.6.1.5.5.7.48.1') ocsp.push(ia5(location));
    if (method === '1.3.6.1.5.5.7.48.2') issuers.push(ia5(location));
  }
  draft.ocspServers = ocsp;
  draft.issuerUrls = issuers;
}

function crlUrls(points: DerReader): string[] {
  const urls: string[] = [];
  while (!points.isEmpty) {
    const name = points.enter(TAG.sequence).optional(contextTag(0));
    const full = name && new DerReader(name.content).optional(contextTag(0));
    const names = full && new DerReader(full.content);
    while (names !== undefined && !names.isEmpty) {
      const element = names.read();
      if (element.tag === 0x86) urls.push(ia5(element));
    }
  }
  return urls;
}

/** Extensions in the JSON form of Go's `pkix.Extension`. */
export function extensionsValue(list: readonly Extension[]): Value {
  if (list.length === 0) return null;
  return list.map(({ id, critical, value }) => ({ Id: id, Critical: critical, Value: encodeBase64(value) }));
}
