/** Which endorsements a report needs: what a collateral service is asked for before it is verified. */
import { DecodeError, encodeHex, type JsonValue } from '@assay/bytes';
import { parseCertificates } from '../x509/index.js';
import { reportProduct } from './authenticate.js';
import { type LeafKind, readLeaf } from './endorsement/leaf.js';
import { readSnpEvidence } from './evidence.js';
import { type Product, productOfCpuid } from './product.js';
import { checkForm } from './report/form.js';
import { allZero, keyInfo, type ReportFields } from './report/report.js';
import { readTcb, type Tcb, tcbEntries } from './tcb.js';

export interface SnpNeeds {
  readonly kind: LeafKind;
  /** Undefined in version 2, which names no processor: every product line may be asked. */
  readonly product: Product | undefined;
  /** hwID as the key distribution service takes it, lower-case hex; undefined when masked. */
  readonly hardwareId: string | undefined;
  readonly tcb: Tcb;
  /** The evidence brings a leaf of its own, of the report's chip and TCB: hosts leave those of an older TCB behind. */
  readonly suppliesLeaf: boolean;
}

/** Nothing is believed here: the answer only says what to look for. @returns undefined for evidence without a readable report */
export function snpNeeds(evidence: JsonValue): SnpNeeds | undefined {
  const { report, certificates } = readSnpEvidence(evidence);
  const fields = report === undefined ? undefined : checkForm(report).fields;
  return fields === undefined ? undefined : reportNeeds(fields, certificates.leaves);
}

/** @param leaves certificates that came with the report, DER or PEM */
export function reportNeeds(fields: ReportFields, leaves: readonly Uint8Array[]): SnpNeeds {
  const { cpuid, chipId } = fields;
  const product = cpuid === undefined ? undefined : productOfCpuid(cpuid.family, cpuid.model);
  const size = product === 'Turin' ? 8 : chipId.length;
  const needs = {
    kind: keyInfo(fields.keyInfo).signingKey === 1 ? ('VLEK' as const) : ('VCEK' as const),
    product,
    hardwareId: allZero(chipId) ? undefined : encodeHex(chipId.subarray(0, size)),
    tcb: readTcb(fields.reportedTcb, reportProduct(fields, undefined)),
  };
  return { ...needs, suppliesLeaf: leaves.some((leaf) => meets(leaf, needs)) };
}

/** Whether a certificate says that it is the one that is needed. */
function meets(bytes: Uint8Array, { hardwareId, kind, tcb }: Omit<SnpNeeds, 'suppliesLeaf'>): boolean {
  try {
    const [leaf] = parseCertificates(bytes).map(readLeaf);
    if (leaf?.kind !== kind) return false;
    const of = leaf.hardwareId === undefined ? undefined : encodeHex(leaf.hardwareId);
    const sameChip = of === undefined || hardwareId === undefined || of === hardwareId;
    return sameChip && tcbEntries(leaf.tcb).every(([component, svn]) => tcb[component] === svn);
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}
