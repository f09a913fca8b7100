import { concatBytes } from '@assay/bytes';
import { hmacSm3, sm3 } from '@assay/evidence/sm';
import { exactly, padded, u16, u32 } from '../fixed.js';
import { signature } from './certificate.js';
import type { Sm2Key } from './sm2-key.js';

/** Flags of the guest policy. */
export const CSV_POLICY = { nodbg: 1, noks: 2, es: 4, nosend: 8, domain: 16, csv: 32, csv3: 64 } as const;

export interface CsvReportFields {
  readonly version: 1 | 2;
  readonly userPubkeyDigest: Uint8Array;
  readonly vmId: Uint8Array;
  readonly vmVersion: Uint8Array;
  readonly reportData: Uint8Array;
  readonly mnonce: Uint8Array;
  readonly measure: Uint8Array;
  readonly policy: number;
  readonly sigUsage: number;
  readonly sigAlgo: number;
  /** Mask of version 1. */
  readonly anonce: Uint8Array;
  /** RTMR0 to RTMR4 of version 2. */
  readonly rtmrs: readonly Uint8Array[];
  readonly serial: Uint8Array;
  /** The firmware's own bytes between serial number and MAC. */
  readonly reserved: Uint8Array;
}

export interface CsvReportSigning {
  readonly key: Sm2Key;
  readonly pek: Uint8Array;
  /**
   * `masked`: as the firmware writes it; in version 2, which has no mask, with a MAC that holds. `restored`: as the guest's library
   * hands it on.
   */
  readonly form: 'masked' | 'restored';
  /** Changes the signed bytes before they are signed. */
  readonly alterBody?: (body: Uint8Array) => Uint8Array;
  readonly alterSignature?: (signature: Uint8Array) => Uint8Array;
}

export function defaultCsvReport(
  serial: Uint8Array,
  bytes: (label: string, length: number) => Uint8Array,
): CsvReportFields {
  const measure = sm3(new TextEncoder().encode('emulated CSV launch'));
  return {
    version: 1,
    userPubkeyDigest: new Uint8Array(32),
    vmId: new Uint8Array(16),
    vmVersion: new Uint8Array(16),
    reportData: new Uint8Array(64),
    mnonce: bytes('mnonce', 16),
    measure,
    policy: CSV_POLICY.nodbg | CSV_POLICY.es | CSV_POLICY.csv3,
    sigUsage: 0x1002,
    sigAlgo: 4,
    anonce: bytes('anonce', 4),
    rtmrs: [measure, ...Array.from({ length: 4 }, () => new Uint8Array(32))],
    serial,
    reserved: bytes('reserved', 32),
  };
}

/** The 4096 bytes of a report. */
export function encodeCsvReport(fields: CsvReportFields, signing: CsvReportSigning): Uint8Array {
  const head = concatBytes(
    exactly(fields.userPubkeyDigest, 32, 'user_pubkey_digest'),
    exactly(fields.vmId, 16, 'vm_id'),
    exactly(fields.vmVersion, 16, 'vm_version'),
    exactly(fields.reportData, 64, 'report_data'),
    exactly(fields.mnonce, 16, 'mnonce'),
    exactly(fields.measure, 32, 'measure'),
    u32(fields.policy),
    u32(fields.sigUsage),
    u32(fields.sigAlgo),
  );
  const whole = fields.version === 1 ? versionOne(fields, head, signing) : versionTwo(fields, head, signing);
  return padded(whole, 4096, 'report');
}

function versionOne(fields: CsvReportFields, head: Uint8Array, signing: CsvReportSigning): Uint8Array {
  const mask = (bytes: Uint8Array): Uint8Array => bytes.map((byte, index) => byte ^ (fields.anonce[index % 4] ?? 0));
  const body = edited(mask(head), signing.alterBody);
  // Everything up to the policy is signed, masked as it is.
  return concatBytes(
    body,
    exactly(fields.anonce, 4, 'anonce'),
    sign(body.subarray(0, 180), signing),
    signer(fields, signing, mask),
  );
}

function versionTwo(fields: CsvReportFields, head: Uint8Array, signing: CsvReportSigning): Uint8Array {
  const body = edited(
    concatBytes(
      head,
      u32(2000),
      u16(1),
      new Uint8Array(14),
      ...fields.rtmrs.map((rtmr, index) => exactly(rtmr, 32, `RTMR${index}`)),
      new Uint8Array(656),
    ),
    signing.alterBody,
  );
  return concatBytes(
    body,
    sign(body, signing),
    signer(fields, signing, (bytes) => bytes),
  );
}

/** PEK, serial number, reserved bytes and MAC; the library takes the mask off and wipes the reserved bytes. */
function signer(
  { mnonce, reserved, serial }: CsvReportFields,
  { form, pek }: CsvReportSigning,
  mask: (bytes: Uint8Array) => Uint8Array,
): Uint8Array {
  const clear = concatBytes(pek, exactly(serial, 64, 'serial number'));
  const sent = concatBytes(mask(clear), exactly(reserved, 32, 'reserved'));
  const mac = hmacSm3(mnonce, sent);
  return form === 'masked' ? concatBytes(sent, mac) : concatBytes(clear, new Uint8Array(32), mac);
}

function sign(signed: Uint8Array, { alterSignature, key }: CsvReportSigning): Uint8Array {
  return edited(signature(key, signed), alterSignature);
}

function edited(bytes: Uint8Array, edit: ((bytes: Uint8Array) => Uint8Array) | undefined): Uint8Array {
  return edit?.(bytes) ?? bytes;
}
