/** Reads quotes of versions 3, 4 and 5 (Intel SGX and TDX DCAP Quoting Library API, quote formats). */
import { encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, passed, reported, unmet } from '@assay/bytes/findings';
import { QuoteCursor, QuoteFault } from './cursor.js';
import type { CertificationData, ParsedQuote, QuoteHeader, Tee } from './model.js';
import { teeName } from './model.js';
import {
  allZero,
  readSgxReport,
  readTdReport,
  SGX_REPORT_SIZE,
  sameBytes,
  TD_REPORT_10_SIZE,
  TD_REPORT_15_SIZE,
} from './report.js';

export interface QuoteParse<Q extends ParsedQuote = ParsedQuote> {
  /** In the order of the checks; a `fail` among them refuses the quote even where it could be read. */
  readonly findings: readonly FindingDraft[];
  /** Undefined when the structure could not be followed. */
  readonly quote: Q | undefined;
}

const SUBJECT = 'quote';
const SOURCE = 'Intel DCAP quote format';
const HEADER_SIZE = 48;
const ECDSA_P256 = 2;
const TEE_TYPES: Readonly<Record<number, Tee>> = { 0: 'sgx', 129: 'tdx' };
const INTEL_VENDOR_ID = Uint8Array.from(Buffer.from('939a7233f79c4ca9940a0db3957f0607', 'hex'));
const QE_REPORT_CERTIFICATION = 6;
const PLATFORM_MANIFEST = 7;
const MANIFEST_GUID = Uint8Array.from(Buffer.from('178e874b49e44aa599bb3057170925b4', 'hex'));
const MANIFEST_HEADER = 32;
/** The header has 16 bits for the size of what follows. */
const LARGEST_MANIFEST = MANIFEST_HEADER + 0xffff;
/** Sizes of the certification data types 2 and 3: PPID encrypted, CPUSVN, PCESVN, PCE id. Type 1 has no agreed size, and nothing reads it. */
const PPID_SIZES: Readonly<Record<number, number>> = { 2: 276, 3: 404 };
const BODY_TYPES: Readonly<Record<number, { readonly tee: Tee; readonly size: number }>> = {
  1: { tee: 'sgx', size: SGX_REPORT_SIZE },
  2: { tee: 'tdx', size: TD_REPORT_10_SIZE },
  3: { tee: 'tdx', size: TD_REPORT_15_SIZE },
};

const PASSED = {
  length: passed('dcap.quote.length', SUBJECT),
  keyType: passed('dcap.quote.key-type', SUBJECT),
  teeType: passed('dcap.quote.tee-type', SUBJECT),
  vendor: passed('dcap.quote.vendor', SUBJECT),
  body: passed('dcap.quote.body', SUBJECT),
  nesting: passed('dcap.quote.nesting', SUBJECT),
  trailing: passed('dcap.quote.trailing', SUBJECT),
};

/**
 * Reads a quote. Never throws: what does not hold is among the findings.
 *
 * @param expected the TEE that the caller takes it for; undefined: whichever it says
 */
export function parseQuote(bytes: Uint8Array, expected?: Tee): QuoteParse {
  const findings: FindingDraft[] = [];
  try {
    const quote = readQuote(bytes, expected, findings);
    return { findings, quote };
  } catch (error) {
    if (!(error instanceof QuoteFault)) throw error;
    return { findings: [...findings, error.finding], quote: undefined };
  }
}

function readQuote(bytes: Uint8Array, expected: Tee | undefined, findings: FindingDraft[]): ParsedQuote {
  const cursor = new QuoteCursor(bytes, 0, bytes.length, undefined);
  const header = readHeader(cursor.take(HEADER_SIZE, 'the header'));
  checkHeader(header, findings);
  const { tee, body, bodyWords } = readBody(cursor, header, findings);
  checkTee(header, tee, expected, findings);
  const signed = bytes.subarray(0, cursor.at);
  const signatureData = cursor.region(cursor.u32('the length of the signature data'), 'the signature data');
  findings.push(PASSED.length);
  const frame = readSignatureData(signatureData, header.version);
  findings.push(PASSED.nesting, trailing(bytes, cursor.at));
  const shared = { bytes, header, bodyWords, signed, ...frame, end: cursor.at, findings };
  // The one place where a ParsedQuote comes into being.
  const quote =
    tee === 'sgx' ? { tee, body: readSgxReport(body), ...shared } : { tee, body: readTdReport(body), ...shared };
  return quote as unknown as ParsedQuote;
}

function readHeader(bytes: Uint8Array): QuoteHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    bytes,
    version: view.getUint16(0, true),
    attestationKeyType: view.getUint16(2, true),
    teeType: view.getUint32(4, true),
    reserved: bytes.subarray(8, 12),
    vendorId: bytes.subarray(12, 28),
    userData: bytes.subarray(28, 48),
  };
}

function checkHeader(header: QuoteHeader, findings: FindingDraft[]): void {
  const { version, attestationKeyType, vendorId } = header;
  if (version < 3 || version > 5) {
    const finding = failed('dcap.quote.version', {
      subject: SUBJECT,
      params: { actual: version },
      expected: [3, 4, 5],
      actual: version,
      compare: { relation: 'one-of', type: 'version' },
      source: SOURCE,
    });
    throw new QuoteFault(finding);
  }
  findings.push(passed('dcap.quote.version', SUBJECT, version));
  if (attestationKeyType === ECDSA_P256) findings.push(PASSED.keyType);
  else {
    findings.push(
      failed('dcap.quote.key-type', {
        subject: SUBJECT,
        params: { actual: attestationKeyType },
        expected: ECDSA_P256,
        actual: attestationKeyType,
        compare: { relation: 'equal', type: 'integer' },
        source: SOURCE,
      }),
    );
  }
  if (sameBytes(vendorId, INTEL_VENDOR_ID)) findings.push(PASSED.vendor);
  else {
    const [wanted, actual] = [encodeHex(INTEL_VENDOR_ID), encodeHex(vendorId)];
    findings.push(
      failed('dcap.quote.vendor', {
        subject: SUBJECT,
        params: { actual, expected: wanted },
        expected: wanted,
        actual,
        compare: { relation: 'equal', type: 'bytes' },
        source: SOURCE,
      }),
    );
  }
}

function readBody(
  cursor: QuoteCursor,
  header: QuoteHeader,
  findings: FindingDraft[],
): { tee: Tee; body: Uint8Array; bodyWords: Uint8Array | undefined } {
  if (header.version < 5) {
    // Version 3 knows only SGX; in version 4 the TEE type says how long the body is.
    const tee = header.version === 3 ? 'sgx' : TEE_TYPES[header.teeType];
    if (tee === undefined) throw new QuoteFault(unknownTee(header, 'SGX or TDX'));
    const body = cursor.take(tee === 'sgx' ? SGX_REPORT_SIZE : TD_REPORT_10_SIZE, 'the report body');
    findings.push(PASSED.body);
    return { tee, body, bodyWords: undefined };
  }
  const bodyWords = cursor.bytes.subarray(cursor.at, cursor.at + 6);
  const type = cursor.u16('the body type');
  const size = cursor.u32('the body size');
  const known = BODY_TYPES[type];
  if (known === undefined || size !== known.size) {
    const wanted = known === undefined ? 'types 1 to 3 are known' : `${known.size} are right`;
    const finding = failed('dcap.quote.body', {
      subject: SUBJECT,
      params: { type, actual: size, expected: wanted },
      expected: known === undefined ? [1, 2, 3] : known.size,
      actual: known === undefined ? type : size,
      compare: { relation: known === undefined ? 'one-of' : 'equal', type: 'integer', unit: 'bytes' },
      source: SOURCE,
    });
    throw new QuoteFault(finding);
  }
  const body = cursor.take(size, 'the report body');
  findings.push(PASSED.body);
  return { tee: known.tee, body, bodyWords };
}

/** The TEE type of the header, the body, and what the caller asked for must be one. */
function checkTee(header: QuoteHeader, body: Tee, expected: Tee | undefined, findings: FindingDraft[]): void {
  const said = TEE_TYPES[header.teeType];
  if (said === body && (expected ?? body) === body) findings.push(PASSED.teeType);
  else if (said !== body) findings.push(unknownTee(header, teeName(body)));
  else findings.push(unknownTee(header, teeName(expected ?? body)));
}

function unknownTee(header: QuoteHeader, expected: string): FindingDraft {
  const known = TEE_TYPES[header.teeType];
  const actual = known === undefined ? `tee_type 0x${header.teeType.toString(16)}` : teeName(known);
  return failed('dcap.quote.tee-type', {
    subject: SUBJECT,
    params: { actual, expected },
    expected,
    actual,
    compare: { relation: 'equal', type: 'text' },
    source: SOURCE,
  });
}

interface SignatureData {
  readonly signature: Uint8Array;
  readonly attestationKey: Uint8Array;
  readonly qeReport: ReturnType<typeof readSgxReport>;
  readonly qeReportSignature: Uint8Array;
  readonly qeAuthData: Uint8Array;
  readonly certification: CertificationData;
}

function readSignatureData(region: QuoteCursor, version: number): SignatureData {
  const signature = region.take(64, 'the quote signature');
  const attestationKey = region.take(64, 'the attestation key');
  let inner = region;
  if (version > 3) {
    const type = region.u16('the outer certification type');
    if (type !== QE_REPORT_CERTIFICATION) throw wrongType('outer certification data', type, '6');
    inner = region.region(region.u32('the outer certification size'), 'the QE report certification data');
    region.end('signature data');
  }
  const qeReport = readSgxReport(inner.take(SGX_REPORT_SIZE, 'the QE report'));
  const qeReportSignature = inner.take(64, 'the QE report signature');
  const qeAuthData = inner.take(inner.u16('the size of the QE authentication data'), 'the QE authentication data');
  const type = inner.u16('the certification type');
  const data = inner.take(inner.u32('the certification size'), 'the certification data');
  inner.end('signature data');
  checkCertification(type, data);
  return { signature, attestationKey, qeReport, qeReportSignature, qeAuthData, certification: { type, data } };
}

function checkCertification(type: number, data: Uint8Array): void {
  if (type === PLATFORM_MANIFEST) {
    checkManifest(data);
    return;
  }
  if (type < 1 || type > 5) throw wrongType('certification data', type, '1 to 5, or 7');
  const size = PPID_SIZES[type];
  if (size === undefined || size === data.length) return;
  const finding = failed('dcap.quote.nesting', {
    subject: SUBJECT,
    params: { part: `certification data of type ${type}`, actual: data.length, expected: size },
    expected: size,
    actual: data.length,
    compare: { relation: 'equal', type: 'integer', unit: 'bytes' },
    source: SOURCE,
  });
  throw new QuoteFault({
    ...finding,
    title: `certification data of type ${type} has ${data.length} bytes; it has ${size}`,
  });
}

/**
 * Firmware's request to register a platform with Intel: a header of 32 bytes and encrypted parts that Intel alone can read
 * (Intel SGX platform registration, `StructureHeader`). What follows the header is opaque here; its length is that of the region.
 */
function checkManifest(data: Uint8Array): void {
  const part = `certification data of type ${PLATFORM_MANIFEST}`;
  const { length } = data;
  const inside = length > MANIFEST_HEADER && length <= LARGEST_MANIFEST;
  if (inside && sameBytes(data.subarray(0, MANIFEST_GUID.length), MANIFEST_GUID)) return;
  const expected = inside
    ? `the identifier ${encodeHex(MANIFEST_GUID)}`
    : `more than ${MANIFEST_HEADER}, at most ${LARGEST_MANIFEST} bytes`;
  const actual = inside ? encodeHex(data.subarray(0, MANIFEST_GUID.length)) : length;
  throw new QuoteFault({
    ...failed('dcap.quote.nesting', {
      subject: SUBJECT,
      params: { part, actual: length, expected },
      expected,
      actual,
      compare: { relation: 'well-formed', type: 'bytes' },
      source: 'Intel SGX platform registration: platform manifest',
    }),
    title: inside
      ? `${part} is no platform manifest`
      : `${part} has ${length} bytes; a platform manifest has another size`,
  });
}

function wrongType(part: string, type: number, wanted: string): QuoteFault {
  const finding = reported('dcap.quote.nesting', `${part} is of type ${type}; ${wanted} can stand there`, {
    subject: SUBJECT,
    expected: wanted,
    actual: type,
    compare: { relation: 'one-of', type: 'integer' },
    source: SOURCE,
  });
  return new QuoteFault(finding);
}

function trailing(bytes: Uint8Array, end: number): FindingDraft {
  const rest = bytes.subarray(end);
  if (rest.length === 0) return PASSED.trailing;
  const content = allZero(rest) ? 'all zero' : 'not all zero';
  return unmet('dcap.quote.trailing', {
    subject: SUBJECT,
    params: { n: rest.length, content },
    expected: 0,
    actual: rest.length,
    compare: { relation: 'equal', type: 'integer', unit: 'bytes', also: [`the quote ends at byte ${end}`] },
    source: SOURCE,
  });
}
