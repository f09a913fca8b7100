/** Certificates that travel with a report: the table of extended guest requests (GHCB specification, section 4.1.8.1). */
import { ByteReader, DecodeError, encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';
import { hexNumber } from '../report/policy.js';

/** What hosts load for a guest, by kind. */
export interface SuppliedCertificates {
  readonly leaves: readonly Uint8Array[];
  /** ASK or ASVK, and ARK. */
  readonly authorities: readonly Uint8Array[];
  readonly crls: readonly Uint8Array[];
}

export const NO_CERTIFICATES: SuppliedCertificates = { leaves: [], authorities: [], crls: [] };

export type CertificateKind = 'VCEK' | 'VLEK' | 'ASK' | 'ARK' | 'CRL';

/** GUIDs in the order of their text; the first three fields are little-endian in the table. */
export const CERTIFICATE_GUIDS: ReadonlyMap<string, CertificateKind> = new Map([
  ['63da758d-e664-4564-adc5-f4b93be8accd', 'VCEK'],
  ['a8074bc2-a25a-483e-aae6-39c045a0b8a1', 'VLEK'],
  ['4ab7b379-bbac-4fe4-a02f-05aef327c782', 'ASK'],
  ['c0b406a4-a803-4952-9743-3fb6014cd0ae', 'ARK'],
  ['92f81bc3-5811-4d3d-97ff-d19f88dc67ea', 'CRL'],
]);

const ENTRY_SIZE = 24;
const LARGEST_TABLE = 1024 * 1024;
const MOST_ENTRIES = 32;
const END = '00000000-0000-0000-0000-000000000000';

export function collect(items: readonly (readonly [CertificateKind, Uint8Array])[]): SuppliedCertificates {
  const of = (...kinds: readonly CertificateKind[]): Uint8Array[] =>
    items.flatMap(([kind, bytes]) => (kinds.includes(kind) && bytes.length > 0 ? [bytes] : []));
  return { leaves: of('VCEK', 'VLEK'), authorities: of('ASK', 'ARK'), crls: of('CRL') };
}

export function merge(...supplies: readonly SuppliedCertificates[]): SuppliedCertificates {
  return {
    leaves: supplies.flatMap(({ leaves }) => leaves),
    authorities: supplies.flatMap(({ authorities }) => authorities),
    crls: supplies.flatMap(({ crls }) => crls),
  };
}

/**
 * Reads a table of {GUID, offset, length}, ended by an entry that is all zero, with offsets from the table's start. Entries of
 * unknown GUIDs (extra platform information) are checked and passed over.
 */
export function readCertificateTable(table: Uint8Array): {
  readonly certificates: SuppliedCertificates;
  readonly finding: FindingDraft;
} {
  try {
    const entries = readEntries(table);
    const headerSize = (entries.length + 1) * ENTRY_SIZE;
    const items: (readonly [CertificateKind, Uint8Array])[] = [];
    for (const { guid, offset, length } of entries) {
      const end = offset + length;
      if (offset < headerSize || end > table.length) return outside(guid, offset, end, table.length);
      const kind = CERTIFICATE_GUIDS.get(guid);
      if (kind !== undefined) items.push([kind, table.subarray(offset, end)]);
    }
    return { certificates: collect(items), finding: passed('snp.certs.table', 'certificate table', entries.length) };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return outside('without an end', 0, table.length + ENTRY_SIZE, table.length);
  }
}

interface Entry {
  readonly guid: string;
  readonly offset: number;
  readonly length: number;
}

function readEntries(table: Uint8Array): Entry[] {
  if (table.length > LARGEST_TABLE) throw new DecodeError('certificate table', `${table.length} bytes are too many`);
  const reader = new ByteReader(table, 'certificate table');
  for (const entries: Entry[] = []; ; ) {
    const guid = guidText(reader.bytes(16, 'GUID'));
    const entry = { guid, offset: reader.u32le('offset'), length: reader.u32le('length') };
    if (guid === END && entry.offset === 0 && entry.length === 0) return entries;
    if (entries.length === MOST_ENTRIES) throw new DecodeError('certificate table', 'too many entries', reader.offset);
    entries.push(entry);
  }
}

function guidText(bytes: Uint8Array): string {
  const swapped = (from: number, to: number): string => encodeHex(Uint8Array.from(bytes.subarray(from, to)).reverse());
  const hex = encodeHex(bytes);
  return [swapped(0, 4), swapped(4, 6), swapped(6, 8), hex.slice(16, 20), hex.slice(20)].join('-');
}

function outside(guid: string, from: number, to: number, length: number) {
  const finding = failed('snp.certs.table', {
    subject: 'certificate table',
    params: { guid, from: hexNumber(from), to: hexNumber(to), length: hexNumber(length) },
    expected: length,
    actual: [from, to],
    compare: { relation: 'within', type: 'bytes', unit: 'bytes' },
    source: 'GHCB specification, SNP extended guest request',
    origin: { kind: 'spec', document: 'GHCB specification', clause: '4.1.8.1' },
  });
  return { certificates: NO_CERTIFICATES, finding };
}
