/** Comparison of a report with the chain that is to vouch for it: signature, key, product, TCB, chip. */
import { constantTimeEqual, encodeHex } from '@assay/bytes';
import {
  cut,
  type FindingDraft,
  failed,
  notChecked,
  passed,
  type ShortfallRow,
  shortened,
  visible,
} from '@assay/bytes/findings';
import { KeyCache, verifyFixedWidth } from '../x509/index.js';
import type { ChainExamination, CurrentAmdChain } from './endorsement/chain.js';
import { type AmdLeaf, leafInWords } from './endorsement/leaf.js';
import { type Product, productOfCpuid } from './product.js';
import { allZero, keyInfo, type ParsedReport, type ReportFields } from './report/report.js';
import { bigEndianReading, checkEncoding, fixedWidthSignature, signedPart } from './report/signature.js';
import { readTcb, type Tcb, tcbEntries, tcbLayout } from './tcb.js';

const ABI = 'AMD 56860, ATTESTATION_REPORT';

declare const authentic: unique symbol;
/** A report whose form is right, signed by a current chain of AMD's that fits it in every way. Only `authenticate` makes one. */
export interface AuthenticReport {
  readonly [authentic]: true;
  readonly report: ParsedReport;
  readonly chain: CurrentAmdChain;
}

/** Answers about a report beside a leaf, for those who list them. */
export interface Comparisons {
  readonly signature: boolean;
  readonly tcbMatches: boolean;
  /** Null where there is nothing to compare: a VLEK, or a masked chip id. */
  readonly chipMatches: boolean | null;
}

export interface Authentication {
  readonly findings: readonly FindingDraft[];
  readonly comparisons?: Comparisons;
  readonly authentic?: AuthenticReport;
}

/**
 * @param report undefined when its form is not right; the fields are compared all the same
 * @param current undefined when the chain was not accepted; its leaf is compared all the same
 */
export function authenticate(
  fields: ReportFields,
  report: ParsedReport | undefined,
  chain: ChainExamination,
  current: CurrentAmdChain | undefined,
): Authentication {
  const encoding = checkEncoding(fields);
  const { leaf } = chain;
  if (leaf === undefined) return { findings: [encoding, ...withoutLeaf()] };
  const product = reportProduct(fields, leaf);
  const signature = checkSignature(fields, leaf, chain);
  const tcb = checkTcb(fields, leaf, product);
  const chip = checkChip(fields, leaf);
  const findings = [
    encoding,
    checkSigner(fields, leaf),
    checkProduct(fields, leaf, chain),
    tcb,
    chip.finding,
    signature,
  ];
  const comparisons = {
    signature: signature.outcome === 'pass',
    tcbMatches: tcb.outcome === 'pass',
    chipMatches: chip.matches,
  };
  const good = findings.every(({ outcome }) => outcome !== 'fail');
  if (!good || report === undefined || current === undefined) return { findings, comparisons };
  return { findings, comparisons, authentic: { report, chain: current } as unknown as AuthenticReport };
}

/** The product whose TCB layout the report has: of its CPUID fields, or of the leaf where it has none. */
export function reportProduct({ cpuid }: ReportFields, leaf: AmdLeaf | undefined): Product {
  const own = cpuid === undefined ? undefined : productOfCpuid(cpuid.family, cpuid.model);
  return own ?? leaf?.product ?? 'Milan';
}

function withoutLeaf(): FindingDraft[] {
  const ids = ['snp.signer.kind', 'snp.product.agree', 'snp.tcb.equal', 'snp.chip.id', 'snp.signature.valid'] as const;
  return ids.map((id) =>
    notChecked(id, 'not checked: there is no leaf certificate to compare with', { subject: 'report' }),
  );
}

function checkSigner({ keyInfo: value }: ReportFields, leaf: AmdLeaf): FindingDraft {
  const { signingKey } = keyInfo(value);
  const named = signingKey === 0 ? 'VCEK' : signingKey === 1 ? 'VLEK' : `key ${signingKey}`;
  if (named === leaf.kind) return passed('snp.signer.kind', 'report', named);
  return failed('snp.signer.kind', {
    subject: 'report',
    params: { actual: named, expected: leaf.kind },
    expected: leaf.kind,
    actual: named,
    compare: { relation: 'equal', type: 'text' },
    source: `${ABI}: KEY_INFO, SIGNING_KEY`,
    origin: { kind: 'spec', document: 'AMD 56860', clause: 'KEY_INFO' },
  });
}

/** CPUID of the report, product name of the leaf, and name of the root: all three say the same. */
function checkProduct(
  { cpuid }: ReportFields,
  leaf: AmdLeaf,
  { product: rooted, root }: ChainExamination,
): FindingDraft {
  if (root === undefined)
    return notChecked('snp.product.agree', 'not checked: there is no root', { subject: 'report' });
  const own = cpuid === undefined ? undefined : productOfCpuid(cpuid.family, cpuid.model);
  const expected = rooted ?? 'no known product';
  const others: (readonly [string, Product | undefined])[] = [
    ['the leaf', leaf.product],
    ['the report', own],
  ];
  const [differing] = others.filter(([, product]) => product !== undefined && product !== rooted);
  if (differing === undefined) return passed('snp.product.agree', 'report', expected);
  const [who, actual = ''] = differing;
  return failed('snp.product.agree', {
    subject: 'report',
    params: { who, actual, expected },
    expected,
    actual,
    compare: { relation: 'equal', type: 'text' },
    source: 'product of the ARK',
    origin: { kind: 'vendor', vendor: 'AMD', document: 'ARK' },
  });
}

/** The leaf's key is derived from the reported TCB: every byte is the same, "at least" would be another key. */
function checkTcb({ reportedTcb }: ReportFields, leaf: AmdLeaf, product: Product): FindingDraft {
  const reported = readTcb(reportedTcb, product);
  const rows = [
    ...componentRows(reported, leaf.tcb),
    ...tcbLayout(product).reserved.flatMap(([spl, byte]): ShortfallRow[] => {
      const has = reportedTcb[byte] ?? 0;
      const wants = leaf.reservedSpl.get(spl) ?? 0;
      return has === wants ? [] : [{ component: `spl${spl}`, has, wants }];
    }),
  ];
  const [first] = rows;
  if (first === undefined) return passed('snp.tcb.equal', 'REPORTED_TCB', encodeHex(reportedTcb));
  return failed('snp.tcb.equal', {
    subject: 'REPORTED_TCB',
    params: { component: first.component, actual: first.has, expected: first.wants, leaf: leaf.kind },
    expected: { ...leaf.tcb },
    actual: { ...reported },
    compare: { relation: 'equal', type: 'tcb', rows },
    source: `${leafInWords(leaf)}: security patch levels`,
    origin: { kind: 'vendor', vendor: 'AMD', document: leafInWords(leaf) },
  });
}

/** Components that differ, a component that only one of the two has included. */
function componentRows(reported: Tcb, leaf: Tcb): ShortfallRow[] {
  const has = new Map(tcbEntries(reported));
  const wants = new Map(tcbEntries(leaf));
  return [...new Set([...has.keys(), ...wants.keys()])].flatMap((component): ShortfallRow[] => {
    const [left = null, right = null] = [has.get(component), wants.get(component)];
    return left === right ? [] : [{ component, has: left, wants: right }];
  });
}

function checkChip(
  { chipId, keyInfo: value }: ReportFields,
  leaf: AmdLeaf,
): { readonly finding: FindingDraft; readonly matches: boolean | null } {
  const subject = 'CHIP_ID';
  if (leaf.hardwareId === undefined) {
    return { finding: notChecked('snp.chip.id', 'not compared: a VLEK names no chip', { subject }), matches: null };
  }
  if (allZero(chipId) && keyInfo(value).chipKeyMasked) {
    return { finding: notChecked('snp.chip.id', 'not compared: the chip id is masked', { subject }), matches: null };
  }
  const expected = new Uint8Array(chipId.length);
  expected.set(leaf.hardwareId);
  if (constantTimeEqual(expected, chipId)) {
    return { finding: passed('snp.chip.id', subject, encodeHex(chipId)), matches: true };
  }
  const finding = failed('snp.chip.id', {
    subject,
    params: { actual: encodeHex(chipId), expected: encodeHex(leaf.hardwareId) },
    expected: encodeHex(expected),
    actual: encodeHex(chipId),
    compare: { relation: 'equal', type: 'bytes' },
    ...(allZero(chipId)
      ? { causes: [{ text: 'CHIP_ID is zero, MASK_CHIP_KEY is not set', confirmed: true as const }] }
      : {}),
    source: `${leafInWords(leaf)}: hwID`,
    origin: { kind: 'vendor', vendor: 'AMD', document: leafInWords(leaf) },
  });
  return { finding, matches: false };
}

function checkSignature(fields: ReportFields, leaf: AmdLeaf, chain: ChainExamination): FindingDraft {
  // A key that nothing vouches for goes into no shared cache.
  const key = chain.verified?.key ?? new KeyCache(0).key(leaf.certificate.publicKey);
  const verifies = (signature: Uint8Array): boolean =>
    key !== undefined && verifyFixedWidth('sha384', signedPart(fields), signature, key);
  if (verifies(fixedWidthSignature(fields))) return passed('snp.signature.valid', 'report', leafInWords(leaf));
  const reversed = verifies(bigEndianReading(fields));
  return failed('snp.signature.valid', {
    subject: 'report',
    params: { signer: signerInWords(leaf) },
    expected: encodeHex(leaf.certificate.publicKey.key),
    actual: null,
    compare: { relation: 'signed-by', type: 'key' },
    ...(reversed
      ? { causes: [{ text: 'R and S are big-endian; reports hold them little-endian', confirmed: true as const }] }
      : {}),
    source: `public key of ${leafInWords(leaf)}`,
    origin: { kind: 'vendor', vendor: 'AMD', document: leafInWords(leaf) },
    // The certificate of another chip or TCB holds another key: that is what has to be put right.
    causedBy: ['snp.chip.id', 'snp.tcb.equal', 'snp.signer.kind'],
  });
}

function signerInWords({ cspId, hardwareId, kind }: AmdLeaf): string {
  return hardwareId === undefined
    ? `${kind} of ${cut(visible(cspId ?? ''), 40)}`
    : `${kind} of chip ${shortened(encodeHex(hardwareId))}`;
}
