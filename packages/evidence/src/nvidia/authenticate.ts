/** One report beside the chain that is to vouch for it: form, signature, firmware id, architecture. */
import { constantTimeEqual, DecodeError, encodeHex } from '@assay/bytes';
import { cut, type FindingDraft, failed, notChecked, passed, visible, warned } from '@assay/bytes/findings';
import { type Certificate, KeyCache, nameInWords, type TrustAnchor, verifyFixedWidth } from '../x509/index.js';
import { type ChainExamination, examineChain } from './chain/chain.js';
import { firmwareIds } from './chain/dice.js';
import { type Architecture, architectureOf } from './device.js';
import { OPAQUE } from './report/opaque.js';
import { type ParsedReport, parseReport } from './report/report.js';

const SPDM = 'DSP0274 1.1, GET_MEASUREMENTS';
const spec = { kind: 'spec', document: 'DSP0274', clause: 'GET_MEASUREMENTS' } as const;

declare const authentic: unique symbol;
/** A report whose form is right, signed by a current chain under a trusted root that fits it. Only `authenticateDevice` makes one. */
export interface AuthenticReport {
  readonly [authentic]: true;
  readonly report: ParsedReport;
  readonly certificates: readonly Certificate[];
  readonly arch: Architecture;
  readonly anchor: TrustAnchor;
}

export interface DeviceInput {
  readonly report: Uint8Array;
  readonly chain: Uint8Array;
  /** For findings: `gpu0`. */
  readonly name: string;
  /** What the evidence says the device is; undefined: it does not say. */
  readonly declared?: Architecture;
  readonly anchors: readonly TrustAnchor[];
  readonly now: Date;
  /** Whose time `now` is, for lines of text. */
  readonly clock: string;
}

export interface Authentication {
  readonly findings: readonly FindingDraft[];
  readonly chain: ChainExamination;
  readonly report?: ParsedReport;
  readonly arch?: Architecture;
  /** Undefined where it was not asked. */
  readonly signature?: boolean;
  /** Null where the report has no firmware id; undefined where it was not asked. */
  readonly fwid?: boolean | null;
  readonly authentic?: AuthenticReport;
}

/** Authenticates one report. Pure, and without exceptions for what report and chain may hold. */
export function authenticateDevice(input: DeviceInput): Authentication {
  const { name, declared, anchors, now, clock } = input;
  const chain = examineChain(input.chain, name, anchors, now, clock);
  const form = readForm(input.report, name);
  const [leaf] = chain.certificates;
  if (form.report === undefined || leaf === undefined) {
    const unread = ['nvidia.report.signature', 'nvidia.device.arch', 'nvidia.device.fwid'] as const;
    const why = form.report === undefined ? 'the report was not read' : 'the chain was not read';
    return {
      findings: [
        ...form.findings,
        ...chain.findings,
        ...unread.map((id) => notChecked(id, `not checked: ${why}`, { subject: name })),
      ],
      chain,
      ...(form.report === undefined ? {} : { report: form.report }),
    };
  }
  const { report } = form;
  const arch = architectureOf(leaf);
  const signature = checkSignature(report, leaf, name);
  const architecture = checkArchitecture(leaf, arch, declared, name);
  const fwid = checkFirmwareId(report, leaf, name);
  const findings = [...form.findings, ...chain.findings, signature, architecture, fwid.finding];
  const { anchor } = chain;
  const good = chain.trusted && findings.every(({ outcome }) => outcome !== 'fail');
  return {
    findings,
    chain,
    report,
    ...(arch === undefined ? {} : { arch }),
    signature: signature.outcome === 'pass',
    fwid: fwid.matches,
    ...(good && anchor !== undefined && arch !== undefined
      ? {
          authentic: { report, certificates: chain.certificates, arch, anchor } as unknown as AuthenticReport,
        }
      : {}),
  };
}

/** Reads a report and says how. */
export function readForm(
  bytes: Uint8Array,
  name: string,
): { readonly report?: ParsedReport; readonly findings: readonly FindingDraft[] } {
  let report: ParsedReport;
  try {
    report = parseReport(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { findings: [reportForm(name, error.message)] };
  }
  const form = passed('nvidia.report.form', name, report.numberOfBlocks);
  if (report.trailing === 0) return { report, findings: [form, passed('nvidia.report.trailing', name)] };
  const trailing = warned('nvidia.report.trailing', {
    subject: name,
    params: { gpu: name, actual: report.trailing },
    expected: 0,
    actual: report.trailing,
    compare: { relation: 'equal', type: 'integer' },
    source: SPDM,
    origin: spec,
  });
  return { report, findings: [form, trailing] };
}

export function reportForm(name: string, what: string): FindingDraft {
  const line = cut(visible(what.replace(/^NVIDIA report: /, '')), 80);
  return failed('nvidia.report.form', {
    subject: name,
    params: { gpu: name, what: line },
    actual: line,
    compare: { relation: 'well-formed', type: 'bytes' },
    source: SPDM,
    origin: spec,
  });
}

function checkSignature({ signed, signature }: ParsedReport, leaf: Certificate, name: string): FindingDraft {
  // A key that nothing vouches for yet goes into no shared cache.
  const key = leaf.publicKey.type === 'ec-p384' ? new KeyCache(0).key(leaf.publicKey) : undefined;
  if (key !== undefined && verifyFixedWidth('sha384', signed, signature, key)) {
    return passed('nvidia.report.signature', name);
  }
  return failed('nvidia.report.signature', {
    subject: name,
    params: { gpu: name, cn: cut(nameInWords(leaf.subject), 40) },
    expected: encodeHex(leaf.publicKey.key),
    actual: null,
    compare: { relation: 'signed-by', type: 'key' },
    source: `public key of ${cut(nameInWords(leaf.subject), 40)}`,
    origin: { kind: 'vendor', vendor: 'NVIDIA', document: 'device certificate' },
    // A chain without its leaf, or of another device, holds another key: that is what has to be put right.
    causedBy: ['nvidia.chain.form', 'nvidia.device.fwid'],
  });
}

function checkArchitecture(
  leaf: Certificate,
  arch: Architecture | undefined,
  declared: Architecture | undefined,
  name: string,
): FindingDraft {
  if (arch !== undefined && (declared === undefined || declared === arch)) {
    return passed('nvidia.device.arch', name, arch);
  }
  const actual = cut(visible(nameInWords(leaf.subject)), 40);
  return failed('nvidia.device.arch', {
    subject: name,
    params: { gpu: name, expected: declared ?? 'a known device', actual },
    expected: declared ?? null,
    actual,
    compare: { relation: 'equal', type: 'text' },
    source: 'common name of the leaf certificate',
    origin: { kind: 'vendor', vendor: 'NVIDIA', document: 'device certificate' },
    causedBy: ['nvidia.chain.form'],
  });
}

function checkFirmwareId(
  report: ParsedReport,
  leaf: Certificate,
  name: string,
): { readonly finding: FindingDraft; readonly matches: boolean | null } {
  const actual = report.opaque.get(OPAQUE.fwid);
  if (actual === undefined) {
    const finding = notChecked('nvidia.device.fwid', 'not compared: the report names no firmware id', {
      subject: name,
    });
    return { finding, matches: null };
  }
  const expected = leafFirmwareIds(leaf);
  const certified = typeof expected === 'string' ? undefined : expected[0];
  // Of several extensions every one must agree: what is certified twice is certified the same.
  const matches = typeof expected !== 'string' && certified !== undefined && sameInAll(expected, actual);
  if (matches) return { finding: passed('nvidia.device.fwid', name, encodeHex(actual)), matches };
  const words = certified === undefined ? (typeof expected === 'string' ? expected : 'none') : encodeHex(certified);
  const finding = failed('nvidia.device.fwid', {
    subject: name,
    params: { gpu: name, actual: encodeHex(actual), expected: cut(visible(words), 96) },
    expected: words,
    actual: encodeHex(actual),
    compare: { relation: 'equal', type: 'digest' },
    source: 'DICE extension of the leaf certificate',
    origin: { kind: 'vendor', vendor: 'NVIDIA', document: 'device certificate' },
    causedBy: ['nvidia.chain.form'],
  });
  return { finding, matches: false };
}

function leafFirmwareIds(leaf: Certificate): readonly Uint8Array[] | string {
  try {
    // A TcbInfo may list layers: the first one is the firmware that made the report.
    return firmwareIds(leaf).map(([first]) => first ?? new Uint8Array(0));
  } catch (error) {
    if (error instanceof DecodeError) return error.message;
    throw error;
  }
}

function sameInAll(ids: readonly Uint8Array[], actual: Uint8Array): boolean {
  return ids.every((id) => constantTimeEqual(id, actual));
}
