/** What an HCL report says, and whether its header fits the evidence. */
import { createHash } from 'node:crypto';
import { constantTimeEqual, DecodeError, encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed } from '@assay/bytes/findings';
import { type AttestationKey, akName } from '../../tpm/key/ak.js';
import { type AzKind, type HclReport, parseHclReport, RUNTIME_DATA_OFFSET, tdReportData } from './report.js';
import { type RuntimeData, readRuntimeData, vtpmAk } from './runtime-data.js';

export interface HclExamination {
  readonly findings: readonly FindingDraft[];
  readonly report: HclReport | undefined;
  readonly runtime: RuntimeData | undefined;
  readonly ak: AttestationKey | undefined;
}

const SUBJECT = 'HCL report';
const SOURCE = 'Azure confidential VM: guest attestation report';
const REPORT_TYPES: Readonly<Record<AzKind, number>> = { snp: 2, tdx: 4 };

/** The kind that the header names, which is not signed; undefined for an unknown one. */
export function kindOf({ reportType }: HclReport): AzKind | undefined {
  return reportType === REPORT_TYPES.snp ? 'snp' : reportType === REPORT_TYPES.tdx ? 'tdx' : undefined;
}

/** Reads a report. Pure, and without exceptions for what it may hold. */
export function examineHcl(bytes: Uint8Array, kind: AzKind): HclExamination {
  let report: HclReport;
  try {
    report = parseHclReport(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { findings: [malformed(error), ...unread()], report: undefined, runtime: undefined, ak: undefined };
  }
  const findings = [checkKind(report, kind)];
  let runtime: RuntimeData;
  try {
    runtime = readRuntimeData(report.runtimeData);
    findings.unshift(passed('az.hcl.form', SUBJECT));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const { reason } = error;
    findings.unshift(malformed(new DecodeError('runtime data', `runtime data: ${reason}`, RUNTIME_DATA_OFFSET)));
    return { findings: [...findings, ...unread()], report, runtime: undefined, ak: undefined };
  }
  try {
    const ak = vtpmAk(runtime);
    return { findings: [...findings, passed('az.hcl.key', SUBJECT, akName(ak))], report, runtime, ak };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { findings: [...findings, unusableKey(error.reason)], report, runtime, ak: undefined };
  }
}

function malformed({ offset = 0, reason }: DecodeError): FindingDraft {
  return failed('az.hcl.form', {
    subject: SUBJECT,
    params: { offset, what: reason },
    actual: reason,
    compare: { relation: 'well-formed', type: 'bytes' },
    source: SOURCE,
    origin: { kind: 'spec', document: SOURCE },
  });
}

function unread(): FindingDraft[] {
  return [notChecked('az.hcl.key', 'not read: the report has another form', { subject: SUBJECT })];
}

function unusableKey(what: string): FindingDraft {
  return failed('az.hcl.key', {
    subject: SUBJECT,
    params: { what },
    expected: 'one RSA key named HCLAkPub',
    actual: what,
    compare: { relation: 'present', type: 'key' },
    source: SOURCE,
    origin: { kind: 'spec', document: SOURCE, clause: 'runtime data' },
  });
}

function checkKind({ reportType }: HclReport, kind: AzKind): FindingDraft {
  const expected = REPORT_TYPES[kind];
  if (reportType === expected) return passed('az.hcl.kind', SUBJECT, reportType);
  return failed('az.hcl.kind', {
    subject: SUBJECT,
    params: { actual: reportType, expected: `${expected} (${kind.toUpperCase()})` },
    expected,
    actual: reportType,
    compare: { relation: 'equal', type: 'integer' },
    source: `evidence of az-${kind}-vtpm`,
    origin: { kind: 'spec', document: SOURCE, clause: 'report type' },
  });
}

/** Report data that the hardware report must have: the hash of the JSON as stored, zeros behind it. */
export function boundReportData({ hash, runtimeData }: HclReport): Uint8Array {
  const reportData = new Uint8Array(64);
  reportData.set(createHash(hash).update(runtimeData).digest());
  return reportData;
}

/**
 * Compares the runtime data with what hardware reports bind.
 *
 * @param bindings report data by the name of what holds it: `SNP report`, `TD quote`
 */
export function checkBinding(
  report: HclReport,
  bindings: readonly (readonly [what: string, reportData: Uint8Array])[],
): FindingDraft[] {
  const computed = boundReportData(report);
  return bindings.map(([what, reportData]) => {
    if (constantTimeEqual(computed, reportData)) return passed('az.hcl.binding', what, encodeHex(computed));
    return failed('az.hcl.binding', {
      subject: what,
      params: { actual: encodeHex(computed), what, expected: encodeHex(reportData) },
      expected: encodeHex(reportData),
      actual: encodeHex(computed),
      compare: { relation: 'equal', type: 'digest', also: [`hash type ${report.hashType}: ${report.hash}`] },
      source: `REPORT_DATA of the ${what}`,
      origin: { kind: 'spec', document: SOURCE, clause: 'runtime data hash' },
    });
  });
}

/** REPORTDATA of the TDREPORT inside, or the finding that says why there is none. */
export function embeddedTdReportData(report: HclReport): Uint8Array | FindingDraft {
  try {
    return tdReportData(report);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return malformed(error);
  }
}
