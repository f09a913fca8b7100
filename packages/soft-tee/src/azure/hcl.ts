import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { concatBytes, encodeUtf8 } from '@assay/bytes';
import { exactly, padded, u32 } from '../fixed.js';

/** Header of an HCL report, as the emulated paravisor writes it unless it is told otherwise. */
export interface HclFields {
  readonly magic: string;
  readonly version: number;
  /** Default: what the parts have. */
  readonly reportSize?: number;
  readonly requestType: number;
  readonly status: number;
  readonly runtimeVersion: number;
  /** 2: SNP, 4: TDX. */
  readonly reportType: number;
  /** 1: SHA-256, 2: SHA-384, 3: SHA-512. */
  readonly hashType: number;
  /** Default: that of the runtime data. */
  readonly variableSize?: number;
}

export const DEFAULT_HCL: Omit<HclFields, 'reportType'> = {
  magic: 'HCLA',
  version: 2,
  requestType: 2,
  status: 0,
  runtimeVersion: 1,
  hashType: 1,
};

const HARDWARE_REPORT_SIZE = 1184;
const RUNTIME_HEADER_SIZE = 20;
/** Size of NV index 0x01400001. */
const NV_SIZE = 2600;

/** The NV index: header, hardware report, runtime data, zeros. */
export function encodeHclReport(fields: HclFields, hardwareReport: Uint8Array, runtimeData: Uint8Array): Uint8Array {
  const runtimeSize = runtimeData.length + RUNTIME_HEADER_SIZE;
  const report = concatBytes(
    exactly(encodeUtf8(fields.magic), 4, 'magic'),
    u32(fields.version),
    u32(fields.reportSize ?? 32 + HARDWARE_REPORT_SIZE + runtimeSize),
    u32(fields.requestType),
    u32(fields.status),
    new Uint8Array(12),
    padded(hardwareReport, HARDWARE_REPORT_SIZE, 'hardware report'),
    u32(runtimeSize),
    u32(fields.runtimeVersion),
    u32(fields.reportType),
    u32(fields.hashType),
    u32(fields.variableSize ?? runtimeData.length),
    runtimeData,
  );
  return padded(report, NV_SIZE, 'HCL report');
}

/** Runtime data of a VM: its vTPM's key, its configuration, what the guest wrote to NV 0x01400002. */
export function runtimeData(
  ak: KeyObject,
  userData: Uint8Array,
  alter?: (json: RuntimeJson) => RuntimeJson,
): Uint8Array {
  const { e, n } = createPublicKey(ak).export({ format: 'jwk' });
  const json: RuntimeJson = {
    keys: [{ kid: 'HCLAkPub', key_ops: ['sign'], kty: 'RSA', e: e ?? '', n: n ?? '' }],
    'vm-configuration': { 'console-enabled': true, 'secure-boot': true, 'tpm-enabled': true, vmUniqueId: 'EMULATED' },
    'user-data': Buffer.from(padded(userData, 64, 'user-data'))
      .toString('hex')
      .toUpperCase(),
  };
  return encodeUtf8(JSON.stringify(alter?.(json) ?? json));
}

export interface RuntimeJson {
  readonly keys: readonly { readonly [member: string]: string | readonly string[] }[];
  readonly 'vm-configuration': { readonly [member: string]: string | boolean };
  readonly 'user-data'?: string;
}

/** Report data that binds runtime data: their hash, then zeros. */
export function runtimeHash(data: Uint8Array): Uint8Array {
  return padded(new Uint8Array(createHash('sha256').update(data).digest()), 64, 'hash');
}

/** A TDREPORT of 1024 bytes: only its REPORTDATA is read, for its MAC is good on one machine alone. */
export function tdReportStructure(reportData: Uint8Array): Uint8Array {
  const report = new Uint8Array(1024);
  report[0] = 0x81;
  report.set(exactly(reportData, 64, 'REPORTDATA'), 128);
  return report;
}
