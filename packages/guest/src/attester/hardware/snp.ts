import type { JsonObject, JsonValue } from '@assay/bytes';
import { ByteReader, DecodeError, encodeHex } from '@assay/bytes';
import type { Attester } from '../attester.js';
import { AttesterError } from '../attester-error.js';
import type { System } from '../system.js';
import { padded } from './padded.js';
import { SNP_REPORT_LENGTH, snpReportJson } from './snp-report-json.js';
import { tsmReport } from './tsm-report.js';

const HOST_DATA = { offset: 0xc0, end: 0xe0 };

/**
 * Attester of an SEV-SNP guest by configfs-tsm: the report in the JSON of guest-components 0.14 and later, and the certificates
 * that the host handed over.
 */
export function snpAttester(system: System): Attester {
  const request = async (reportData: Uint8Array) => {
    const answer = await tsmReport(system, 'sev_guest', padded(reportData, 64));
    if (answer.outblob.length !== SNP_REPORT_LENGTH)
      throw new AttesterError(`an SNP report of ${answer.outblob.length} bytes; it has ${SNP_REPORT_LENGTH}`);
    return answer;
  };
  return {
    tee: 'snp',
    getEvidence: async (reportData) => {
      const { outblob, auxblob } = await request(reportData);
      return { attestation_report: snpReportJson(outblob), cert_chain: certificates(auxblob) };
    },
    initDataField: async () => (await request(new Uint8Array(64))).outblob.subarray(HOST_DATA.offset, HOST_DATA.end),
  };
}

/** Kinds by GUID, in the order of its text. */
const KINDS: Readonly<Record<string, string>> = {
  '63da758d-e664-4564-adc5-f4b93be8accd': 'VCEK',
  'a8074bc2-a25a-483e-aae6-39c045a0b8a1': 'VLEK',
  '4ab7b379-bbac-4fe4-a02f-05aef327c782': 'ASK',
  'c0b406a4-a803-4952-9743-3fb6014cd0ae': 'ARK',
  '92f81bc3-5811-4d3d-97ff-d19f88dc67ea': 'CRL',
};
const MAX_ENTRIES = 32;

/** The host's table (GHCB specification, SNP extended guest request) as upstream sends it; null without certificates. */
function certificates(table: Uint8Array): JsonValue {
  if (table.length === 0) return null;
  const entries: JsonObject[] = [];
  const reader = new ByteReader(table, 'certificate table');
  for (;;) {
    const id = reader.bytes(16, 'GUID');
    const offset = reader.u32le('offset');
    const length = reader.u32le('length');
    if (offset === 0 && length === 0 && id.every((byte) => byte === 0)) break;
    if (entries.length === MAX_ENTRIES) throw new DecodeError('certificate table', 'too many entries');
    if (offset < reader.offset || offset + length > table.length)
      throw new DecodeError('certificate table', 'a certificate outside the table');
    entries.push({ cert_type: kindOf(id), data: [...table.subarray(offset, offset + length)] });
  }
  return entries.length === 0 ? null : entries;
}

/** Hosts write the first three fields of a GUID little-endian, as the specification says, or as its text has them. */
function kindOf(id: Uint8Array): JsonValue {
  const turned = Uint8Array.from(
    [...id.subarray(0, 4)]
      .reverse()
      .concat([...id.subarray(4, 6)].reverse(), [...id.subarray(6, 8)].reverse(), [...id.subarray(8)]),
  );
  const littleEndian = guidText(turned);
  return KINDS[littleEndian] ?? KINDS[guidText(id)] ?? { OTHER: littleEndian };
}

function guidText(bytes: Uint8Array): string {
  const hex = encodeHex(bytes);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
