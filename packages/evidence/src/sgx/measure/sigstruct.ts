/** SIGSTRUCT: the signed identity of an enclave (Intel SDM volume 3D, table 37-18), read and checked. */
import { createHash } from 'node:crypto';
import { ByteReader, concatBytes, constantTimeEqual, encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';
import { littleEndian, quotients, signs } from './rsa3.js';

export const SIGSTRUCT_BYTES = 1808;
const SUBJECT = 'SIGSTRUCT';
const SOURCE = 'Intel SDM volume 3D, table 37-18';
const HEADERS = {
  header: '06000000e10000000000010000000000',
  header2: '01010000600000006000000001000000',
} as const;

/** Fields as they are stored; numbers are little-endian there. */
export interface Sigstruct {
  /** 0, or 0x8086 for Intel's own enclaves. */
  readonly vendor: Uint8Array;
  /** `YYYY-MM-DD`, of BCD. */
  readonly date: string;
  readonly swDefined: Uint8Array;
  /** 384 bytes, as stored. */
  readonly modulus: Uint8Array;
  readonly exponent: number;
  readonly miscSelect: Uint8Array;
  readonly miscMask: Uint8Array;
  readonly isvFamilyId: Uint8Array;
  /** FLAGS, then XFRM. */
  readonly attributes: Uint8Array;
  readonly attributesMask: Uint8Array;
  /** MRENCLAVE of the enclave. */
  readonly enclaveHash: Uint8Array;
  readonly isvExtProdId: Uint8Array;
  readonly isvProdId: number;
  readonly isvSvn: number;
  /** SHA-256 of the modulus: MRSIGNER of the enclave. */
  readonly mrSigner: Uint8Array;
}

declare const authentic: unique symbol;
/** Signed by the key that MRSIGNER names, in the form that EINIT takes. */
export type AuthenticSigstruct = Sigstruct & { readonly [authentic]: true };

export interface SigstructReading {
  readonly findings: readonly FindingDraft[];
  /** Absent when the length is another. */
  readonly sigstruct: Sigstruct | undefined;
  /** Present when every check holds. */
  readonly authentic: AuthenticSigstruct | undefined;
}

/** Reads and checks all of it: what EINIT would refuse is refused here. Never throws for what bytes hold. */
export function readSigstruct(bytes: Uint8Array): SigstructReading {
  if (bytes.length !== SIGSTRUCT_BYTES) {
    const params = { actual: bytes.length, expected: SIGSTRUCT_BYTES };
    const finding = failed('sgx.sigstruct.length', { params, subject: SUBJECT, ...params, source: SOURCE });
    return { findings: [finding], sigstruct: undefined, authentic: undefined };
  }
  const raw = fieldsOf(bytes);
  const findings = [
    passed('sgx.sigstruct.length', SUBJECT, SIGSTRUCT_BYTES),
    ...headerFindings(raw),
    ...signatureFindings(bytes, raw),
  ];
  const sigstruct: Sigstruct = {
    ...raw,
    mrSigner: Uint8Array.from(createHash('sha256').update(raw.modulus).digest()),
  };
  const holds = findings.every(({ outcome }) => outcome === 'pass');
  return { findings, sigstruct, authentic: holds ? (sigstruct as AuthenticSigstruct) : undefined };
}

type Fields = Omit<Sigstruct, 'mrSigner'> & {
  readonly header: Uint8Array;
  readonly header2: Uint8Array;
  readonly reserved: Uint8Array;
  readonly signature: Uint8Array;
  readonly q1: Uint8Array;
  readonly q2: Uint8Array;
};

function fieldsOf(bytes: Uint8Array): Fields {
  const reader = new ByteReader(bytes, 'SIGSTRUCT');
  // Its length is right: nothing can be missing.
  const take = (length: number): Uint8Array => reader.bytes(length, 'field');
  const header = take(16);
  const vendor = take(4);
  const date = dateOf(take(4));
  const header2 = take(16);
  const swDefined = take(4);
  const reserved1 = take(84);
  const modulus = take(384);
  const exponent = reader.u32le('exponent');
  const signature = take(384);
  const miscSelect = take(4);
  const miscMask = take(4);
  const reserved2 = take(4);
  const isvFamilyId = take(16);
  const attributes = take(16);
  const attributesMask = take(16);
  const enclaveHash = take(32);
  const reserved3 = take(16);
  const isvExtProdId = take(16);
  const isvProdId = reader.u16le('ISVPRODID');
  const isvSvn = reader.u16le('ISVSVN');
  const reserved4 = take(12);
  const reserved = concatBytes(reserved1, reserved2, reserved3, reserved4);
  const signed = { header, vendor, date, header2, swDefined, modulus, exponent, signature, miscSelect, miscMask };
  const identity = { isvFamilyId, attributes, attributesMask, enclaveHash, isvExtProdId, isvProdId, isvSvn };
  return { ...signed, ...identity, reserved, q1: take(384), q2: take(384) };
}

/** BCD, year first when read as a little-endian number. */
function dateOf(bytes: Uint8Array): string {
  const digits = encodeHex(Uint8Array.from(bytes).reverse());
  return `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`;
}

function headerFindings(fields: Fields): FindingDraft[] {
  const headers = (['header', 'header2'] as const).map((field) => compared(field, fields[field], HEADERS[field]));
  return [
    ...headers,
    compared('reserved', fields.reserved, '00'.repeat(fields.reserved.length)),
    exponentFinding(fields),
  ];
}

function compared(field: string, bytes: Uint8Array, expected: string): FindingDraft {
  const actual = encodeHex(bytes);
  const subject = `${SUBJECT} ${field}`;
  if (actual === expected) return passed('sgx.sigstruct.header', subject);
  const params = { field, actual, expected };
  return failed('sgx.sigstruct.header', { params, subject, expected, actual, source: SOURCE });
}

function exponentFinding({ exponent }: Fields): FindingDraft {
  if (exponent === 3) return passed('sgx.sigstruct.exponent', SUBJECT, 3);
  const params = { actual: exponent };
  return failed('sgx.sigstruct.exponent', { params, subject: SUBJECT, expected: 3, actual: exponent, source: SOURCE });
}

/** The signature covers bytes 0 to 127 and 900 to 1027; the quotients are what processors verify it with. */
function signatureFindings(bytes: Uint8Array, { modulus, signature, q1, q2 }: Fields): FindingDraft[] {
  const n = littleEndian(modulus);
  const s = littleEndian(signature);
  const signed = concatBytes(bytes.subarray(0, 128), bytes.subarray(900, 1028));
  const due = quotients(n, s, modulus.length);
  const checks = [
    ['sgx.sigstruct.signature', signs(n, s, signed)],
    ['sgx.sigstruct.q1', due !== undefined && constantTimeEqual(due.q1, q1)],
    ['sgx.sigstruct.q2', due !== undefined && constantTimeEqual(due.q2, q2)],
  ] as const;
  return checks.map(([id, holds]) =>
    holds ? passed(id, SUBJECT) : failed(id, { subject: SUBJECT, expected: true, actual: false, source: SOURCE }),
  );
}
