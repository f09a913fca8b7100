import { DecodeError, decodePem, encodeHex, isJsonObject, parseJsonStrict } from '@assay/bytes';
import { type AzKind, parseHclReport } from '@assay/evidence/az';
import { parseSignature } from '@assay/evidence/tpm';
import { defineNv, readNv, readNvPublic, writeNv } from '../tpm/commands/nv.js';
import { NV } from '../tpm/constants.js';
import { readEventLog } from '../tpm/event-log.js';
import { quotePcrs } from '../tpm/quoted.js';
import type { Tpm } from '../tpm/tpm.js';
import { TpmError } from '../tpm/tpm-error.js';
import type { Attester } from './attester.js';
import { AttesterError } from './attester-error.js';
import { type AzureMetadata, azureMetadata } from './azure-metadata.js';
import { bindInitDataToTpm, tpmRegisters, withTpm } from './tpm-registers.js';

/** NV indexes and key of Azure's vTPM. */
export const AZURE = { hclReport: 0x0140_0001, userData: 0x0140_0002, attestationKey: 0x8100_0003 } as const;

export interface AzureAttesterOptions {
  /** Default `/dev/tpmrm0`. */
  readonly address?: string;
  /** Default: that of the machine, at its link-local address. */
  readonly metadata?: AzureMetadata;
  /** Time that the paravisor may take to renew its report. Default 10 s. */
  readonly renewalMs?: number;
  readonly timeoutMs?: number;
  /** Path of the Attestation Agent's log. Default: none is sent. */
  readonly agentLog?: string;
}

const USER_DATA_SIZE = 64;
const TD_REPORT_SIZE = 1024;
const RENEWAL_MS = 10_000;
const POLL_MS = 250;
const REPORT_TYPES: ReadonlyMap<number, AzKind> = new Map([
  [2, 'snp'],
  [4, 'tdx'],
]);

/**
 * What is beneath the vTPM of an Azure confidential VM, by its HCL report.
 *
 * @returns undefined where there is no TPM, or one without such a report
 */
export async function azureKind(address: string, timeoutMs?: number): Promise<AzKind | undefined> {
  try {
    return await withTpm(address, timeoutMs, async (tpm) => {
      if ((await readNvPublic(tpm, AZURE.hclReport)) === undefined) return undefined;
      return REPORT_TYPES.get(parseHclReport(await readNv(tpm, AZURE.hclReport)).reportType);
    });
  } catch (error) {
    if (error instanceof TpmError || error instanceof DecodeError) return undefined;
    throw error;
  }
}

/**
 * Attester of TEE `az-snp-vtpm` or `az-tdx-vtpm`, evidence version 2: report data go into the vTPM's quote and, by way of
 * NV memory, into the HCL report; the VCEK or the TD quote comes from Azure's metadata service.
 */
export function azureAttester(kind: AzKind, options: AzureAttesterOptions = {}): Attester {
  const { address = '/dev/tpmrm0', metadata = azureMetadata(), renewalMs = RENEWAL_MS, timeoutMs } = options;
  return {
    tee: `az-${kind}-vtpm`,
    getEvidence: async (reportData) => {
      if (reportData.length > USER_DATA_SIZE)
        throw new AttesterError(`report data of ${reportData.length} bytes; 64 fit`);
      const agentLog = options.agentLog === undefined ? undefined : await readEventLog(options.agentLog);
      const { hclReport, quoted } = await withTpm(address, timeoutMs, async (tpm) => ({
        hclReport: await renewedReport(tpm, reportData, renewalMs),
        quoted: await quotePcrs(tpm, AZURE.attestationKey, reportData),
      }));
      const report = parsed(hclReport);
      if (REPORT_TYPES.get(report.reportType) !== kind) {
        throw new AttesterError(`the HCL report is of type ${report.reportType}; this attester is of az-${kind}-vtpm`);
      }
      const hardware =
        kind === 'snp'
          ? { vcek: padded(certificateOf(await metadata.vcek())) }
          : { td_quote: padded(await metadata.tdQuote(report.hardwareReport.subarray(0, TD_REPORT_SIZE))) };
      return {
        version: 2,
        tpm_quote: {
          signature: encodeHex(rawSignature(quoted.signature)),
          message: encodeHex(quoted.attest),
          pcrs: quoted.pcrs.map((value) => encodeHex(value)),
        },
        hcl_report: padded(hclReport),
        ...hardware,
        ...(agentLog === undefined || agentLog.length === 0 ? {} : { agent_event_log: padded(agentLog) }),
      };
    },
    bindInitData: (digest) => bindInitDataToTpm(address, timeoutMs, digest),
    registers: tpmRegisters(address, timeoutMs),
  };
}

/** Hands report data to the paravisor, and waits for a report that has them: it renews its report in its own time. */
async function renewedReport(tpm: Tpm, reportData: Uint8Array, renewalMs: number): Promise<Uint8Array> {
  const userData = new Uint8Array(USER_DATA_SIZE);
  userData.set(reportData);
  if ((await readNvPublic(tpm, AZURE.userData)) === undefined) {
    const attributes = NV.ownerRead | NV.ownerWrite | NV.authRead | NV.authWrite;
    await defineNv(tpm, AZURE.userData, USER_DATA_SIZE, attributes);
  }
  await writeNv(tpm, AZURE.userData, userData);
  for (const end = Date.now() + renewalMs; ; ) {
    const report = await readNv(tpm, AZURE.hclReport);
    if (userDataOf(report) === encodeHex(userData)) return report;
    if (Date.now() >= end)
      throw new AttesterError(`the HCL report does not have the report data after ${renewalMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Member `user-data` of the runtime data, lower case; undefined where there is none. */
function userDataOf(report: Uint8Array): string | undefined {
  try {
    const runtime = parseJsonStrict(parseHclReport(report).runtimeData);
    const value = isJsonObject(runtime) ? runtime['user-data'] : undefined;
    return typeof value === 'string' ? value.toLowerCase() : undefined;
  } catch (error) {
    // Read while the paravisor was writing it.
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function parsed(report: Uint8Array): ReturnType<typeof parseHclReport> {
  try {
    return parseHclReport(report);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new AttesterError(`the HCL report is malformed: ${error.message}`, { cause: error });
  }
}

/** Upstream's evidence has the signature alone, without algorithms before it. */
function rawSignature(signature: Uint8Array): Uint8Array {
  const read = parseSignature(signature);
  if (read.scheme === 'rsassa') return read.signature;
  throw new AttesterError(`the attestation key of the vTPM signs with ${read.scheme}; RSASSA is wanted`);
}

/** DER of the first certificate of a PEM text. */
function certificateOf(pem: string): Uint8Array {
  const [first] = decodePem(pem);
  if (first?.label !== 'CERTIFICATE') throw new AttesterError('the metadata service gave no VCEK certificate');
  return first.bytes;
}

/** base64url with padding, as upstream writes it. */
function padded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}
