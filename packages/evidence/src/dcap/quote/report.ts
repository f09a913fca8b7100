/** Report bodies: fixed layouts, little-endian, every field a view of the quote. */

/** SGX report body, 384 bytes (Intel SDM, table "REPORT structure"; also the quoting enclave's own report). */
export interface SgxReport {
  readonly bytes: Uint8Array;
  readonly cpuSvn: Uint8Array;
  readonly miscSelect: Uint8Array;
  readonly reserved1: Uint8Array;
  readonly isvExtProdId: Uint8Array;
  /** 16 bytes: flags, XFRM. */
  readonly attributes: Uint8Array;
  readonly mrEnclave: Uint8Array;
  readonly reserved2: Uint8Array;
  readonly mrSigner: Uint8Array;
  readonly reserved3: Uint8Array;
  readonly configId: Uint8Array;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly configSvn: number;
  readonly reserved4: Uint8Array;
  readonly isvFamilyId: Uint8Array;
  readonly reportData: Uint8Array;
}

/** TD report body 1.0 (584 bytes) or 1.5 (648 bytes) (Intel TDX DCAP Quoting Library API, "TD Quote Body"). */
export interface TdReport {
  readonly bytes: Uint8Array;
  readonly teeTcbSvn: Uint8Array;
  readonly mrSeam: Uint8Array;
  readonly mrSignerSeam: Uint8Array;
  readonly seamAttributes: Uint8Array;
  readonly tdAttributes: Uint8Array;
  readonly xfam: Uint8Array;
  readonly mrTd: Uint8Array;
  readonly mrConfigId: Uint8Array;
  readonly mrOwner: Uint8Array;
  readonly mrOwnerConfig: Uint8Array;
  readonly rtmrs: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  readonly reportData: Uint8Array;
  /** TD report 1.5 only. */
  readonly teeTcbSvn2: Uint8Array | undefined;
  /** TD report 1.5 only. */
  readonly mrServiceTd: Uint8Array | undefined;
}

export const SGX_REPORT_SIZE = 384;
export const TD_REPORT_10_SIZE = 584;
export const TD_REPORT_15_SIZE = 648;

/** @param bytes exactly {@link SGX_REPORT_SIZE} bytes */
export function readSgxReport(bytes: Uint8Array): SgxReport {
  exactly(bytes, SGX_REPORT_SIZE);
  return {
    bytes,
    cpuSvn: bytes.subarray(0, 16),
    miscSelect: bytes.subarray(16, 20),
    reserved1: bytes.subarray(20, 32),
    isvExtProdId: bytes.subarray(32, 48),
    attributes: bytes.subarray(48, 64),
    mrEnclave: bytes.subarray(64, 96),
    reserved2: bytes.subarray(96, 128),
    mrSigner: bytes.subarray(128, 160),
    reserved3: bytes.subarray(160, 192),
    configId: bytes.subarray(192, 256),
    isvProdId: u16(bytes, 256),
    isvSvn: u16(bytes, 258),
    configSvn: u16(bytes, 260),
    reserved4: bytes.subarray(262, 304),
    isvFamilyId: bytes.subarray(304, 320),
    reportData: bytes.subarray(320, 384),
  };
}

/** @param bytes exactly {@link TD_REPORT_10_SIZE} or {@link TD_REPORT_15_SIZE} bytes */
export function readTdReport(bytes: Uint8Array): TdReport {
  const extended = bytes.length === TD_REPORT_15_SIZE;
  if (!extended) exactly(bytes, TD_REPORT_10_SIZE);
  return {
    bytes,
    teeTcbSvn: bytes.subarray(0, 16),
    mrSeam: bytes.subarray(16, 64),
    mrSignerSeam: bytes.subarray(64, 112),
    seamAttributes: bytes.subarray(112, 120),
    tdAttributes: bytes.subarray(120, 128),
    xfam: bytes.subarray(128, 136),
    mrTd: bytes.subarray(136, 184),
    mrConfigId: bytes.subarray(184, 232),
    mrOwner: bytes.subarray(232, 280),
    mrOwnerConfig: bytes.subarray(280, 328),
    rtmrs: [bytes.subarray(328, 376), bytes.subarray(376, 424), bytes.subarray(424, 472), bytes.subarray(472, 520)],
    reportData: bytes.subarray(520, 584),
    teeTcbSvn2: extended ? bytes.subarray(584, 600) : undefined,
    mrServiceTd: extended ? bytes.subarray(600, 648) : undefined,
  };
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

/** Little-endian flags as a number without loss. */
export function u64(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let at = 7; at >= 0; at -= 1) value = (value << 8n) | BigInt(bytes[at] ?? 0);
  return value;
}

export function allZero(bytes: Uint8Array): boolean {
  // By index: iterators cost more than the comparison, and padding runs to thousands of bytes.
  for (let at = 0; at < bytes.length; at += 1) if (bytes[at] !== 0) return false;
  return true;
}

export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

function exactly(bytes: Uint8Array, size: number): void {
  if (bytes.length !== size) throw new RangeError(`report body of ${bytes.length} bytes, ${size} are due`);
}
