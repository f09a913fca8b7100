/** Whether a report is laid out as its version says: findings, and the report where it could be read. */
import { constantTimeEqual, DecodeError } from '@assay/bytes';
import { cut, type FindingDraft, failed, passed, visible } from '@assay/bytes/findings';
import { SM2_SA, USAGE } from '../certificate/certificate.js';
import { type CsvReport, isSerial, readReport } from './report.js';

const FORMAT = 'Hygon CSV attestation report';

export interface CsvForm {
  readonly findings: readonly FindingDraft[];
  readonly report?: CsvReport;
}

export function checkForm(bytes: Uint8Array, version: 1 | 2): CsvForm {
  let report: CsvReport;
  try {
    report = readReport(bytes, version);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const place = error.offset === undefined ? 'layout' : `layout at ${error.offset}`;
    return { findings: [fault(place, cut(visible(error.reason), 60), `a report of version ${version}`)] };
  }
  const faults = [
    ...word('sig_usage', report.sigUsage, USAGE.pek),
    ...word('sig_algo', report.sigAlgo, SM2_SA),
    ...(isSerial(report.serial)
      ? []
      : [fault('serial number', cut(visible(report.serial), 40), 'letters and digits, then NULs')]),
    ...launchRegister(report),
  ];
  return { report, findings: faults.length === 0 ? [passed('csv.report.form', 'report', report.version)] : faults };
}

function word(field: string, actual: number, expected: number): FindingDraft[] {
  return actual === expected ? [] : [fault(field, `0x${actual.toString(16)}`, `0x${expected.toString(16)}`)];
}

/** RTMR0 repeats the measurement of the launch. */
function launchRegister({ extension, measure }: CsvReport): FindingDraft[] {
  const [first] = extension?.rtmrs ?? [];
  return first === undefined || constantTimeEqual(first, measure)
    ? []
    : [fault('RTMR0', 'another value than measure', 'the same')];
}

function fault(field: string, actual: string, expected: string): FindingDraft {
  return failed('csv.report.form', {
    subject: 'report',
    params: { field, actual, expected },
    expected,
    actual,
    compare: { relation: 'well-formed', type: 'bytes' },
    source: FORMAT,
    origin: { kind: 'spec', document: FORMAT },
  });
}
