/** Which endorsements a report needs: what a collateral service is asked for before it is verified. */
import { encodeHex, type JsonValue } from '@assay/bytes';
import { reportProduct } from './authenticate.js';
import type { LeafKind } from './endorsement/leaf.js';
import { readSnpEvidence } from './evidence.js';
import { type Product, productOfCpuid } from './product.js';
import { checkForm } from './report/form.js';
import { allZero, keyInfo, type ReportFields } from './report/report.js';
import { readTcb, type Tcb } from './tcb.js';

export interface SnpNeeds {
  readonly kind: LeafKind;
  /** Undefined in version 2, which names no processor: every product line may be asked. */
  readonly product: Product | undefined;
  /** hwID as the key distribution service takes it, lower-case hex; undefined when masked. */
  readonly hardwareId: string | undefined;
  readonly tcb: Tcb;
  /** The evidence brings a leaf of its own. */
  readonly suppliesLeaf: boolean;
}

/** Nothing is believed here: the answer only says what to look for. @returns undefined for evidence without a readable report */
export function snpNeeds(evidence: JsonValue): SnpNeeds | undefined {
  const { report, certificates } = readSnpEvidence(evidence);
  const fields = report === undefined ? undefined : checkForm(report).fields;
  return fields === undefined ? undefined : reportNeeds(fields, certificates.leaves.length > 0);
}

export function reportNeeds(fields: ReportFields, suppliesLeaf: boolean): SnpNeeds {
  const { cpuid, chipId } = fields;
  const product = cpuid === undefined ? undefined : productOfCpuid(cpuid.family, cpuid.model);
  const size = product === 'Turin' ? 8 : chipId.length;
  return {
    kind: keyInfo(fields.keyInfo).signingKey === 1 ? 'VLEK' : 'VCEK',
    product,
    hardwareId: allZero(chipId) ? undefined : encodeHex(chipId.subarray(0, size)),
    tcb: readTcb(fields.reportedTcb, reportProduct(fields, undefined)),
    suppliesLeaf,
  };
}
