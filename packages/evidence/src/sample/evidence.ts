import { decodeBase64, isJsonObject, type JsonValue } from '@assay/bytes';
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';

/** Longest texts that sample evidence may hold, in characters. */
const LONGEST_SVN = 256;
const LONGEST_REPORT_DATA = 1024;

/** Evidence of the `sample` and `sampledevice` attesters: `{"svn":"1","report_data":"<base64>"}`. */
export interface SampleEvidence {
  readonly svn: string;
  /** As received; the empty text when absent. */
  readonly reportDataText: string;
  readonly reportData: Uint8Array;
}

export type ParsedSample =
  | { readonly evidence: SampleEvidence; readonly finding: FindingDraft }
  | { readonly evidence: undefined; readonly finding: FindingDraft };

/** Reads sample evidence; unknown members are ignored, as attesters of other releases may add some. */
export function parseSampleEvidence(evidence: JsonValue, subject: string): ParsedSample {
  if (!isJsonObject(evidence)) return malformed(subject, 'evidence', describe(evidence), 'an object');
  const svn = own(evidence, 'svn');
  if (typeof svn !== 'string') return malformed(subject, 'svn', describe(svn), 'a text is due');
  if (svn.length > LONGEST_SVN) {
    return malformed(subject, 'svn', `${svn.length} characters long`, `at most ${LONGEST_SVN} are read`);
  }
  const reportDataText = own(evidence, 'report_data') ?? '';
  if (typeof reportDataText !== 'string') {
    return malformed(subject, 'report_data', describe(reportDataText), 'base64 text is due');
  }
  if (reportDataText.length > LONGEST_REPORT_DATA) {
    return malformed(
      subject,
      'report_data',
      `${reportDataText.length} characters long`,
      `at most ${LONGEST_REPORT_DATA} are read`,
    );
  }
  const reportData = tryDecode(reportDataText);
  if (reportData === undefined)
    return malformed(subject, 'report_data', 'not base64', 'the standard alphabet with padding is due');
  return { evidence: { svn, reportDataText, reportData }, finding: passed('evidence.json.form', subject) };
}

function own(object: { readonly [key: string]: JsonValue }, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function tryDecode(text: string): Uint8Array | undefined {
  try {
    return decodeBase64(text);
  } catch {
    return undefined;
  }
}

function malformed(subject: string, member: string, actual: string, expected: string): ParsedSample {
  return {
    evidence: undefined,
    finding: failed('evidence.json.form', {
      subject,
      params: { member, actual, expected },
      expected,
      actual,
      compare: { relation: 'well-formed', type: 'json' },
      source: 'evidence format of the sample attester',
    }),
  };
}

function describe(value: JsonValue | undefined): string {
  if (value === undefined) return 'absent';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
