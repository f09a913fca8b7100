import type { FindingDraft } from '@assay/bytes/findings';
import type { SgxReport, TdReport } from './report.js';

export type Tee = 'sgx' | 'tdx';

/** Header, 48 bytes, the same place in every version. */
export interface QuoteHeader {
  readonly bytes: Uint8Array;
  readonly version: number;
  readonly attestationKeyType: number;
  readonly teeType: number;
  /** Bytes 8 to 12: QE and PCE SVN in version 3, reserved later. Never decided upon. */
  readonly reserved: Uint8Array;
  readonly vendorId: Uint8Array;
  readonly userData: Uint8Array;
}

/** What certifies the key of the quoting enclave: types 1 to 5; or type 7, with which its platform would be registered. */
export interface CertificationData {
  readonly type: number;
  readonly data: Uint8Array;
}

declare const parsed: unique symbol;

interface QuoteFrame {
  readonly [parsed]: true;
  readonly bytes: Uint8Array;
  readonly header: QuoteHeader;
  /** Version 5 only: the type and size words, 6 bytes, signed with the rest. */
  readonly bodyWords: Uint8Array | undefined;
  /** What the attestation key signs: header and body, with the type and size words of version 5. */
  readonly signed: Uint8Array;
  /** r ‖ s, big-endian. */
  readonly signature: Uint8Array;
  /** x ‖ y, big-endian. */
  readonly attestationKey: Uint8Array;
  readonly qeReport: SgxReport;
  readonly qeReportSignature: Uint8Array;
  readonly qeAuthData: Uint8Array;
  readonly certification: CertificationData;
  /** Offset of the first byte behind the quote. */
  readonly end: number;
  /** Checks of the envelope. A quote that one of them refuses can be read, and is never authentic. */
  readonly findings: readonly FindingDraft[];
}

export interface SgxQuote extends QuoteFrame {
  readonly tee: 'sgx';
  readonly body: SgxReport;
}

export interface TdxQuote extends QuoteFrame {
  readonly tee: 'tdx';
  readonly body: TdReport;
}

/** A quote that was read to its end, every part where its lengths say; nothing about it is proven yet. */
export type ParsedQuote = SgxQuote | TdxQuote;

/** Name as titles have it. */
export function teeName(tee: Tee): string {
  return tee === 'sgx' ? 'SGX' : 'TDX';
}
