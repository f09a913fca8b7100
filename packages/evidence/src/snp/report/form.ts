/** Checks of a report's form: whether it is what it claims to be, before anything is believed. */
import { encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';
import { productOfCpuid } from '../product.js';
import { hexNumber, policyFault } from './policy.js';
import {
  allZero,
  KNOWN_VERSIONS,
  keyInfo,
  type ParsedReport,
  REPORT_SIZE,
  type ReportFields,
  readReport,
} from './report.js';

const ABI = 'AMD 56860, ATTESTATION_REPORT';
const origin = { kind: 'spec', document: 'AMD 56860', clause: 'ATTESTATION_REPORT' } as const;
/** Size of the response header that the guest driver leaves in front of a report. */
const RESPONSE_HEADER = 32;

export interface ReportForm {
  readonly findings: readonly FindingDraft[];
  /** Length and version are right, so that the fields mean what they say. */
  readonly fields?: ReportFields;
  /** Everything about the form is right. */
  readonly report?: ParsedReport;
}

export function checkForm(bytes: Uint8Array): ReportForm {
  if (bytes.length !== REPORT_SIZE) return { findings: [wrongLength(bytes)] };
  const fields = readReport(bytes);
  const length = passed('snp.report.length', 'report');
  if (!KNOWN_VERSIONS.includes(fields.version)) return { findings: [length, unknownVersion(fields.version)] };
  const findings = [
    length,
    passed('snp.report.version', 'report', fields.version),
    checkAlgorithm(fields),
    checkReserved(fields),
    checkPolicy(fields),
    checkKeyInfo(fields),
    checkAuthorKey(fields),
    checkRequester(fields),
    checkCpuid(fields),
  ];
  const good = findings.every(({ outcome }) => outcome !== 'fail');
  return { findings, fields, ...(good ? { report: fields as ParsedReport } : {}) };
}

function wrongLength(bytes: Uint8Array): FindingDraft {
  const framed = bytes.length === REPORT_SIZE + RESPONSE_HEADER;
  return failed('snp.report.length', {
    subject: 'report',
    params: { actual: bytes.length },
    expected: REPORT_SIZE,
    actual: bytes.length,
    compare: { relation: 'equal', type: 'integer', unit: 'bytes' },
    ...(framed
      ? {
          causes: [{ text: '32-byte response header left in front', confirmed: true }] as const,
          remedy: `Send bytes ${RESPONSE_HEADER} to ${bytes.length} of it.`,
        }
      : {}),
    source: ABI,
    origin,
  });
}

function unknownVersion(version: number): FindingDraft {
  return failed('snp.report.version', {
    subject: 'report',
    params: { actual: version },
    expected: KNOWN_VERSIONS,
    actual: version,
    compare: { relation: 'one-of', type: 'version' },
    source: ABI,
    origin,
  });
}

function checkAlgorithm({ signatureAlgorithm }: ReportFields): FindingDraft {
  if (signatureAlgorithm === 1) return passed('snp.report.algorithm', 'report');
  return failed('snp.report.algorithm', {
    subject: 'report',
    params: { actual: signatureAlgorithm },
    expected: 1,
    actual: signatureAlgorithm,
    compare: { relation: 'equal', type: 'integer' },
    source: `${ABI}: SIGNATURE_ALGO`,
    origin,
  });
}

/** Ranges that are reserved, from (included) to (excluded), by version of the report. */
function reservedRanges(version: number): (readonly [number, number])[] {
  return [
    [0x04c, 0x050],
    [version >= 3 ? 0x18b : 0x188, 0x1a0],
    [0x1eb, 0x1ec],
    [0x1ef, 0x1f0],
    [version >= 5 ? 0x208 : 0x1f8, 0x2a0],
  ];
}

function checkReserved({ bytes, version }: ReportFields): FindingDraft {
  for (const [from, to] of reservedRanges(version)) {
    const within = bytes.subarray(from, to).findIndex((byte) => byte !== 0);
    if (within < 0) continue;
    const offset = hexNumber(from + within);
    const actual = encodeHex(bytes.subarray(from + within, from + within + 1));
    return failed('snp.report.reserved', {
      subject: 'report',
      params: { offset, actual },
      expected: '00',
      actual,
      compare: {
        relation: 'equal',
        type: 'bytes',
        first_difference: { offset: from + within, expected: '00', actual },
      },
      source: `${ABI}, version ${version}`,
      origin,
    });
  }
  return passed('snp.report.reserved', 'report');
}

function checkPolicy({ policy }: ReportFields): FindingDraft {
  const what = policyFault(policy);
  if (what === undefined) return passed('snp.policy.form', 'report', hexNumber(policy));
  return failed('snp.policy.form', {
    subject: 'report',
    params: { actual: hexNumber(policy), what },
    expected: what,
    actual: hexNumber(policy),
    compare: { relation: 'well-formed', type: 'flags' },
    source: `AMD 56860, guest policy: ${what}`,
    origin: { kind: 'spec', document: 'AMD 56860', clause: 'guest policy' },
  });
}

function checkKeyInfo({ keyInfo: value }: ReportFields): FindingDraft {
  const { signingKey, reserved } = keyInfo(value);
  if (signingKey <= 1 && reserved === 0) return passed('snp.key-info.form', 'report', hexNumber(value));
  const what = reserved !== 0 ? 'bits 5 to 31 must be 0' : `SIGNING_KEY is ${signingKey}; 0 is a VCEK, 1 is a VLEK`;
  return failed('snp.key-info.form', {
    subject: 'report',
    params: { actual: hexNumber(value), what },
    expected: [0, 1],
    actual: signingKey,
    compare: { relation: 'one-of', type: 'flags' },
    source: `${ABI}: KEY_INFO`,
    origin,
  });
}

/** AUTHOR_KEY_EN and a digest stand together or not at all: otherwise one of the two says something untrue. */
function checkAuthorKey({ keyInfo: value, authorKeyDigest }: ReportFields): FindingDraft {
  const { authorKeyEnabled } = keyInfo(value);
  const present = !allZero(authorKeyDigest);
  if (authorKeyEnabled === present) return passed('snp.guest.author', 'AUTHOR_KEY_EN');
  return failed('snp.guest.author', {
    subject: 'AUTHOR_KEY_EN',
    stage: 'parse',
    severity: 'critical',
    params: {
      field: 'AUTHOR_KEY_DIGEST',
      actual: encodeHex(authorKeyDigest),
      expected: authorKeyEnabled ? 'a digest (AUTHOR_KEY_EN is 1)' : 'all zero (AUTHOR_KEY_EN is 0)',
    },
    expected: authorKeyEnabled ? 'a digest' : encodeHex(new Uint8Array(48)),
    actual: encodeHex(authorKeyDigest),
    compare: { relation: 'well-formed', type: 'digest' },
    remedy: 'Ask for a fresh report.',
    causes: [{ text: 'damage on the way' }],
    source: `${ABI}: AUTHOR_KEY_EN`,
    origin,
  });
}

/** A report that the host asked for (VMPL 0xffffffff) says nothing about what the guest wants to bind. */
function checkRequester({ vmpl }: ReportFields): FindingDraft {
  if (vmpl <= 3) return passed('snp.guest.vmpl', 'requester', vmpl);
  return failed('snp.guest.vmpl', {
    subject: 'requester',
    stage: 'parse',
    severity: 'critical',
    params: { actual: hexNumber(vmpl), expected: 3 },
    expected: 3,
    actual: vmpl,
    compare: { relation: 'at-most', type: 'integer' },
    remedy: 'Ask for the report inside the guest.',
    causes: [{ text: 'asked for by the host' }],
    source: `${ABI}: VMPL`,
    origin,
  });
}

function checkCpuid({ cpuid }: ReportFields): FindingDraft {
  if (cpuid === undefined) {
    return passed('snp.product.known', 'report', 'version 2 names no processor');
  }
  const product = productOfCpuid(cpuid.family, cpuid.model);
  if (product !== undefined) return passed('snp.product.known', 'report', product);
  return failed('snp.product.known', {
    subject: 'report',
    params: { family: hexNumber(cpuid.family), model: hexNumber(cpuid.model) },
    expected: 'family 0x19 models 0x0 to 0x1f and 0xa0 to 0xaf; family 0x1a models 0x0 to 0x11',
    actual: `family ${hexNumber(cpuid.family)}, model ${hexNumber(cpuid.model)}`,
    compare: { relation: 'one-of', type: 'text' },
    source: `${ABI}: CPUID_FAM_ID, CPUID_MOD_ID`,
    origin,
  });
}
