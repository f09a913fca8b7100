import { concatBytes, encodeBase64, type JsonObject } from '@assay/bytes';
import { sm3 } from '@assay/evidence/sm';
import { signature } from '../csv/certificate.js';
import { type HygonChip, type HygonOrders, nulPadded } from '../csv/hygon.js';
import { caCertificateJson, csvCertificateJson, dcuReportJson } from '../csv/json.js';
import { type CsvReportFields, type CsvReportSigning, defaultCsvReport, encodeCsvReport } from '../csv/report.js';
import { padded, u32 } from '../fixed.js';
import type { EmulatedEventLog, LogBank } from '../intel/event-log.js';
import type { TestWorld } from '../world.js';

/** What differs from an ordinary guest on an emulated Hygon machine. */
export interface CsvOverrides {
  readonly chip?: HygonChip;
  /** Default 1. */
  readonly version?: 1 | 2;
  readonly report?: Partial<Omit<CsvReportFields, 'version'>>;
  readonly signing?: Partial<CsvReportSigning>;
  readonly orders?: HygonOrders;
  /** HSK and CEK in the evidence. Default: none, the server looks them up. */
  readonly certificates?: 'none' | 'evidence';
  /** CC event log with SM3 ({@link CSV_BANK}); the registers of version 2 follow it. */
  readonly eventLog?: EmulatedEventLog;
  /** Changes the finished report. */
  readonly alter?: (report: Uint8Array) => Uint8Array;
  /** Changes the finished evidence. */
  readonly alterEvidence?: (evidence: JsonObject) => JsonObject;
}

/** Bank of the event logs of CSV guests, for `emulatedEventLog`. */
export const CSV_BANK: LogBank = { id: 0x0012, size: 32, digest: sm3 };

const EXTENDED = new TextEncoder().encode('ATTESTATION_EXT\0');

/** The 4096 bytes of a report. `reportData` is what the report binds, at most 64 bytes. */
export function csvReport(world: TestWorld, reportData: Uint8Array, overrides: CsvOverrides = {}): Uint8Array {
  const { hygon } = world;
  const chip = overrides.chip ?? hygon.chip();
  const defaults = defaultCsvReport(nulPadded(chip.serial, 64), (label, length) => hygon.bytes(label, length));
  const [launch = defaults.measure] = [overrides.report?.measure];
  const report = encodeCsvReport(
    {
      ...defaults,
      version: overrides.version ?? 1,
      reportData: padded(reportData, 64, 'report data'),
      ...(overrides.eventLog === undefined ? {} : { rtmrs: [launch, ...overrides.eventLog.rtmrs] }),
      ...overrides.report,
    },
    { key: hygon.pekKey(chip), pek: hygon.pek(chip, overrides.orders), form: 'restored', ...overrides.signing },
  );
  return overrides.alter?.(report) ?? report;
}

/** Evidence as guests send it (guest-components, `csv` attester). */
export function csvEvidence(world: TestWorld, reportData: Uint8Array, overrides: CsvOverrides = {}): JsonObject {
  const { hygon } = world;
  const chip = overrides.chip ?? hygon.chip();
  const { certificates = 'none', eventLog, orders, version = 1 } = overrides;
  const evidence: JsonObject = {
    attestation_report: {
      data: [...csvReport(world, reportData, overrides)],
      flags: version === 2 ? 1 : 0,
      magic: [...(version === 2 ? EXTENDED : new Uint8Array(16))],
    },
    cert_chain: {
      ...(certificates === 'none'
        ? {}
        : { hsk_cek: { hsk: caCertificateJson(hygon.hsk(orders)), cek: csvCertificateJson(hygon.cek(chip, orders)) } }),
      pek: csvCertificateJson(hygon.pek(chip, orders)),
    },
    serial_number: [...nulPadded(chip.serial, 64)],
    cc_eventlog: eventLog === undefined ? null : encodeBase64(eventLog.log),
  };
  return overrides.alterEvidence?.(evidence) ?? evidence;
}

/** What differs from an ordinary accelerator. */
export interface DcuOverrides {
  readonly chips?: readonly HygonChip[];
  readonly sigUsage?: number;
  readonly sigAlgo?: number;
  readonly userData?: Uint8Array;
  /** Changes a finished report: 252 signed bytes and the signature. */
  readonly alter?: (report: Uint8Array) => Uint8Array;
}

/** Evidence of accelerators (guest-components, `hygondcu` attester). */
export function dcuEvidence(world: TestWorld, reportData: Uint8Array, overrides: DcuOverrides = {}): JsonObject {
  const { hygon } = world;
  const chips = overrides.chips ?? [hygon.chip('dcu-1')];
  const reports = chips.map((chip) => {
    const body = concatBytes(
      u32(1),
      nulPadded(chip.serial, 16),
      overrides.userData ?? padded(reportData, 64, 'report data'),
      sm3(new TextEncoder().encode('emulated DCU firmware')),
      new Uint8Array(128),
      u32(overrides.sigUsage ?? 0x1004),
      u32(overrides.sigAlgo ?? 4),
    );
    const report = concatBytes(body, signature(hygon.cekKey(chip), body));
    return dcuReportJson(overrides.alter?.(report) ?? report);
  });
  return { attestation_reports: reports };
}
