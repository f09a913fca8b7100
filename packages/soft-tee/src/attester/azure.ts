import { encodeBase64url, encodeHex, type JsonObject } from '@assay/bytes';
import { parseSignature } from '@assay/evidence/tpm';
import {
  DEFAULT_HCL,
  encodeHclReport,
  type HclFields,
  type RuntimeJson,
  runtimeData,
  runtimeHash,
  tdReportStructure,
} from '../azure/hcl.js';
import type { EmulatedTpm } from '../tpm/tpm.js';
import type { TestWorld } from '../world.js';
import { type SnpOverrides, snpReport } from './snp.js';
import { type TdxOverrides, tdxQuote } from './tdx.js';
import { type TpmOverrides, tpmQuote } from './tpm.js';

/** What differs from an ordinary confidential VM of Azure. */
interface AzOverrides {
  /** Evidence version; 0 is the form without the member. Default 2. */
  readonly version?: 0 | 1 | 2;
  /** The vTPM: its boot, its quote. Its key is RSA, as Azure's. */
  readonly tpm?: Omit<TpmOverrides, 'form' | 'certificate' | 'orders' | 'area' | 'log'>;
  readonly header?: Partial<HclFields>;
  /** Changes the runtime data before their hash is bound. */
  readonly runtime?: (json: RuntimeJson) => RuntimeJson;
  /** What the guest wrote to NV 0x01400002. Default: the report data. */
  readonly userData?: Uint8Array;
  /** What the hardware binds instead of the hash of the runtime data. */
  readonly bound?: Uint8Array;
  /** Changes the finished HCL report. */
  readonly alterHcl?: (report: Uint8Array) => Uint8Array;
  /** Signature with its TPMT_SIGNATURE frame. Default: raw, as Azure's guests send it. */
  readonly framed?: boolean;
  /** AK certificate, PEM or DER. */
  readonly akCertificate?: Uint8Array;
}

export interface AzSnpOverrides extends AzOverrides {
  readonly snp?: SnpOverrides;
  /** `none`: the verifier has to fetch it. Default `evidence`. */
  readonly vcek?: 'evidence' | 'none';
}

export interface AzTdxOverrides extends AzOverrides {
  readonly tdx?: TdxOverrides;
  /** What the TDREPORT in the HCL report binds, where it differs from the quote. */
  readonly tdReportData?: Uint8Array;
}

/** The vTPM of the emulated VM. */
export function azureTpm(world: TestWorld): EmulatedTpm {
  return world.tpm.machine('azure-vtpm', 'rsa');
}

/** Evidence as guests send it (guest-components, `az-snp-vtpm` attester). */
export function azSnpEvidence(world: TestWorld, reportData: Uint8Array, overrides: AzSnpOverrides = {}): JsonObject {
  const { snp = {}, vcek = 'evidence' } = overrides;
  const chip = snp.chip ?? world.amd.chip();
  const { data, parts } = common(world, reportData, overrides);
  const report = snpReport(world, overrides.bound ?? runtimeHash(data), { ...snp, chip });
  const hcl = hclReport({ ...DEFAULT_HCL, version: 1, reportType: 2 }, report, data, overrides);
  const leaf = world.amd.vcek(chip, chip.tcb, snp.orders);
  if (overrides.version === 0) {
    const pem = vcek === 'none' ? {} : { vcek: leaf.pem };
    return { quote: parts.octets, report: [...hcl], ...pem, ...parts.certificate };
  }
  return {
    version: overrides.version ?? 2,
    tpm_quote: parts.texts,
    hcl_report: padded64(hcl),
    ...(vcek === 'none' ? {} : { vcek: padded64(leaf.der) }),
    ...parts.certificate,
  };
}

/** Evidence as guests send it (guest-components, `az-tdx-vtpm` attester). */
export function azTdxEvidence(world: TestWorld, reportData: Uint8Array, overrides: AzTdxOverrides = {}): JsonObject {
  const { data, parts } = common(world, reportData, overrides);
  const bound = overrides.bound ?? runtimeHash(data);
  const quote = tdxQuote(world, bound, overrides.tdx);
  const structure = tdReportStructure(overrides.tdReportData ?? bound);
  const hcl = hclReport({ ...DEFAULT_HCL, reportType: 4 }, structure, data, overrides);
  if (overrides.version === 0) {
    return { tpm_quote: parts.octets, hcl_report: [...hcl], td_quote: [...quote], ...parts.certificate };
  }
  return {
    version: overrides.version ?? 2,
    tpm_quote: parts.texts,
    hcl_report: padded64(hcl),
    td_quote: padded64(quote),
    ...parts.certificate,
  };
}

interface Parts {
  readonly texts: JsonObject;
  readonly octets: JsonObject;
  readonly certificate: JsonObject;
}

function common(world: TestWorld, reportData: Uint8Array, overrides: AzOverrides): { data: Uint8Array; parts: Parts } {
  const tpm = overrides.tpm?.tpm ?? azureTpm(world);
  const ak = world.tpm.ak(tpm);
  // Before version 2 nobody wrote user-data: the index holds zeros.
  const written = overrides.version === undefined || overrides.version === 2 ? reportData : new Uint8Array();
  const data = runtimeData(ak, overrides.userData ?? written, overrides.runtime);
  const quote = tpmQuote(world, reportData, { ...overrides.tpm, tpm });
  const signature = overrides.framed === true ? quote.signature : rawSignature(quote.signature);
  const { akCertificate } = overrides;
  return {
    data,
    parts: {
      texts: {
        signature: encodeHex(signature),
        message: encodeHex(quote.message),
        pcrs: quote.pcrs.map((value) => encodeHex(value)),
      },
      octets: {
        signature: [...signature],
        message: [...quote.message],
        pcrs: quote.pcrs.map((value) => [...value]),
      },
      certificate: {
        ...(akCertificate === undefined ? {} : { ak_cert: padded64(akCertificate) }),
        ...(quote.agentLog === undefined ? {} : { agent_event_log: padded64(quote.agentLog) }),
      },
    },
  };
}

function hclReport(
  fields: HclFields,
  hardware: Uint8Array,
  data: Uint8Array,
  { alterHcl, header }: AzOverrides,
): Uint8Array {
  const report = encodeHclReport({ ...fields, ...header }, hardware, data);
  return alterHcl?.(report) ?? report;
}

function rawSignature(framed: Uint8Array): Uint8Array {
  const signature = parseSignature(framed);
  return signature.scheme === 'ecdsa' ? framed : signature.signature;
}

/** base64url with padding, as these attesters write it. */
function padded64(bytes: Uint8Array): string {
  const text = encodeBase64url(bytes);
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}
