import type { JsonObject, JsonValue } from '@assay/bytes';
import type { AmdChip, AmdOrders } from '../amd/amd.js';
import type { AmdIntermediate } from '../amd/pki.js';
import { defaultSnpReport, encodeSnpReport, type SnpReportFields, type SnpReportSigning } from '../amd/report.js';
import { type SnpReportForm, snpReportJson } from '../amd/report-json.js';
import { padded } from '../fixed.js';
import type { TestWorld } from '../world.js';

/** What differs from an ordinary guest on an up-to-date machine. */
export interface SnpOverrides {
  readonly chip?: AmdChip;
  /** Which key signs. Default `vcek`. */
  readonly signer?: 'vcek' | 'vlek';
  readonly report?: Partial<SnpReportFields>;
  readonly signing?: Partial<SnpReportSigning>;
  /** Certificates that the host hands to the guest. Default: the leaf alone; `none`: the verifier has to fetch it. */
  readonly certificates?: 'none' | 'leaf' | 'chain';
  readonly orders?: AmdOrders;
  readonly form?: SnpReportForm;
  /** Changes the finished report. */
  readonly alter?: (report: Uint8Array) => Uint8Array;
}

/** KEY_INFO.SIGNING_KEY 1 is the VLEK. */
const VLEK_KEY_INFO = 1 << 2;

/** The 1184 bytes of a report. `reportData` is what the report binds, at most 64 bytes. */
export function snpReport(world: TestWorld, reportData: Uint8Array, overrides: SnpOverrides = {}): Uint8Array {
  const { amd } = world;
  const chip = overrides.chip ?? amd.chip();
  const vlek = overrides.signer === 'vlek';
  const fields = vlek ? amd.vlekFields(chip) : amd.vcekFields(chip);
  const report = encodeSnpReport(
    {
      ...defaultSnpReport(chip.product, chip.tcb, chip.chipId),
      keyInfo: vlek ? VLEK_KEY_INFO : 0,
      reportData: padded(reportData, 64, 'report data'),
      ...overrides.report,
    },
    { product: chip.product, key: amd.pki.leafKey(fields), ...overrides.signing },
  );
  return overrides.alter?.(report) ?? report;
}

/** Evidence as guests send it (guest-components, `snp` attester). */
export function snpEvidence(world: TestWorld, reportData: Uint8Array, overrides: SnpOverrides = {}): JsonObject {
  const chip = overrides.chip ?? world.amd.chip();
  const report = snpReport(world, reportData, overrides);
  return {
    attestation_report: snpReportJson(report, overrides.form ?? 'structured', chip.product),
    cert_chain: certificates(world, chip, overrides),
  };
}

function certificates(world: TestWorld, chip: AmdChip, overrides: SnpOverrides): JsonValue {
  const { amd } = world;
  const { certificates: which = 'leaf', orders, signer = 'vcek' } = overrides;
  if (which === 'none') return null;
  const leaf = signer === 'vlek' ? amd.vlek(chip, chip.tcb, orders) : amd.vcek(chip, chip.tcb, orders);
  const entries = [entry(signer === 'vlek' ? 'VLEK' : 'VCEK', leaf.der)];
  if (which === 'chain') {
    const kind: AmdIntermediate = signer === 'vlek' ? 'asvk' : 'ask';
    entries.push(
      entry('ASK', amd.intermediate(kind, chip.product, orders).der),
      entry('ARK', amd.ark(chip.product, orders).der),
    );
  }
  return entries;
}

function entry(type: string, der: Uint8Array): JsonObject {
  return { cert_type: type, data: [...der] };
}
