import { createHash, type KeyObject, sign } from 'node:crypto';
import { concatBytes, decodeHex } from '@assay/bytes';
import { exactly, u16, u32 } from '../fixed.js';
import { publicPoint } from '../keys/key-store.js';
import { encodeSgxReport, type SgxReportFields } from './sgx-report.js';
import { encodeTdReport, type TdReportFields } from './td-report.js';

const INTEL_QE_VENDOR = decodeHex('939a7233f79c4ca9940a0db3957f0607');

/** What the quote is about. */
type QuoteBody =
  | { readonly kind: 'sgx'; readonly report: SgxReportFields }
  | { readonly kind: 'td-1.0' | 'td-1.5'; readonly report: TdReportFields };

/** Certification data by its number (1 to 7) and content. */
export interface CertificationData {
  readonly type: number;
  readonly data: Uint8Array;
}

/** Header fields that differ from what the body asks for. */
export interface QuoteHeaderEdit {
  readonly version?: number;
  readonly keyType?: number;
  readonly teeType?: number;
  /** Bytes 8 to 11: QE and PCE SVN in version 3, reserved later. */
  readonly svns?: Uint8Array;
  readonly vendorId?: Uint8Array;
  readonly userData?: Uint8Array;
  /** Body type and size of version 5, where they shall not tell the truth. */
  readonly bodyType?: number;
  readonly bodySize?: number;
}

export interface QuoteFields {
  /** 3: SGX only. 4: SGX or TD 1.0. 5: any body. */
  readonly version: 3 | 4 | 5;
  readonly body: QuoteBody;
  /** The attestation key that the quote carries. */
  readonly attestationKey: KeyObject;
  /** Key that signs the quote; differs from {@link attestationKey} only in a quote that must be refused. */
  readonly quoteSigner?: KeyObject;
  /** The quoting enclave's report; its report data is computed unless {@link qeReportData} is given. */
  readonly qeReport: SgxReportFields;
  readonly qeReportData?: Uint8Array;
  readonly qeAuthData: Uint8Array;
  /** The PCK key. */
  readonly qeSigner: KeyObject;
  readonly certification: CertificationData;
  readonly header?: QuoteHeaderEdit;
  /** Changes a signature (64 bytes) after it is made. */
  readonly alterQuoteSignature?: (signature: Uint8Array) => Uint8Array;
  readonly alterQeSignature?: (signature: Uint8Array) => Uint8Array;
  /** Bytes after the quote, as TSM paths pad it. */
  readonly trailing?: Uint8Array;
}

const BODY_TYPE = { sgx: 1, 'td-1.0': 2, 'td-1.5': 3 } as const;

/** Writes and signs a quote (Intel TDX and SGX DCAP quoting library API, appendix A.3 and A.4). */
export function encodeQuote(fields: QuoteFields): Uint8Array {
  if (fields.version === 3 && fields.body.kind !== 'sgx') throw new RangeError('version 3 quotes are of SGX only');
  if (fields.version === 4 && fields.body.kind === 'td-1.5') throw new RangeError('TD 1.5 bodies need version 5');
  const signed = concatBytes(encodeHeader(fields), encodeBody(fields));
  const signer = fields.quoteSigner ?? fields.attestationKey;
  const signature = alter(signFixed(signed, signer), fields.alterQuoteSignature);
  const key = publicPoint(fields.attestationKey);
  const qe = encodeQeCertification(fields, key);
  const data =
    fields.version === 3 ? concatBytes(signature, key, qe) : concatBytes(signature, key, u16(6), u32(qe.length), qe);
  return concatBytes(signed, u32(data.length), data, fields.trailing ?? new Uint8Array(0));
}

/** The report data that ties an attestation key to its quoting enclave. */
export function qeBinding(attestationKey: Uint8Array, authData: Uint8Array): Uint8Array {
  const digest = createHash('sha256').update(attestationKey).update(authData).digest();
  return concatBytes(digest, new Uint8Array(32));
}

/** r||s, 32 bytes each, big-endian. */
export function signFixed(message: Uint8Array, key: KeyObject): Uint8Array {
  return Uint8Array.from(sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }));
}

function encodeHeader({ version, body, header = {} }: QuoteFields): Uint8Array {
  return concatBytes(
    u16(header.version ?? version),
    u16(header.keyType ?? 2),
    u32(header.teeType ?? (body.kind === 'sgx' ? 0 : 0x81)),
    exactly(header.svns ?? (version === 3 ? concatBytes(u16(8), u16(13)) : new Uint8Array(4)), 4, 'header SVNs'),
    exactly(header.vendorId ?? INTEL_QE_VENDOR, 16, 'QE vendor id'),
    exactly(header.userData ?? new Uint8Array(20), 20, 'header user data'),
  );
}

function encodeBody({ version, body, header = {} }: QuoteFields): Uint8Array {
  const bytes =
    body.kind === 'sgx'
      ? encodeSgxReport(body.report)
      : encodeTdReport(body.report, body.kind === 'td-1.0' ? '1.0' : '1.5');
  if (version !== 5) return bytes;
  return concatBytes(u16(header.bodyType ?? BODY_TYPE[body.kind]), u32(header.bodySize ?? bytes.length), bytes);
}

function encodeQeCertification(fields: QuoteFields, attestationKey: Uint8Array): Uint8Array {
  const reportData = fields.qeReportData ?? qeBinding(attestationKey, fields.qeAuthData);
  const report = encodeSgxReport({ ...fields.qeReport, reportData });
  const signature = alter(signFixed(report, fields.qeSigner), fields.alterQeSignature);
  const { type, data } = fields.certification;
  return concatBytes(
    report,
    signature,
    u16(fields.qeAuthData.length),
    fields.qeAuthData,
    u16(type),
    u32(data.length),
    data,
  );
}

function alter(signature: Uint8Array, change: ((signature: Uint8Array) => Uint8Array) | undefined): Uint8Array {
  return change === undefined ? signature : exactly(change(signature), 64, 'signature');
}
