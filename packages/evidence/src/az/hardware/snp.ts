/** The SNP report inside an HCL report. */
import { type FindingDraft, failed } from '@assay/bytes/findings';
import type { SnpRules } from '../../snp/appraise/rules.js';
import type { SuppliedCertificates } from '../../snp/endorsement/certificate-table.js';
import type { AmdTrust } from '../../snp/endorsement/roots.js';
import type { ReportFields } from '../../snp/report/report.js';
import { type SnpVerification, verifySnpReport } from '../../snp/verify.js';
import { type HardwareExamination, summariseHardware } from './hardware.js';

const WHAT = 'SNP report';
/** The paravisor runs at the highest privilege of the guest; what it hosts does not. */
const PARAVISOR_VMPL = 0;

export interface SnpHardwareInput {
  readonly report: Uint8Array;
  readonly certificates: SuppliedCertificates;
  readonly trust: AmdTrust;
  readonly rules: SnpRules;
  readonly now: Date;
  readonly clock: string;
}

/** Verifies the report in full; it must be the paravisor's own, as only the paravisor vouches for the vTPM. */
export function examineSnp(input: SnpHardwareInput): HardwareExamination & { readonly verification: SnpVerification } {
  const verification = verifySnpReport({ ...input, rules: { ...input.rules, maximumVmpl: PARAVISOR_VMPL } });
  const { authentic, collateral, fields, findings } = verification;
  const paravisor = fields === undefined || fields.vmpl === PARAVISOR_VMPL;
  const whole = paravisor
    ? summariseHardware(WHAT, findings, input.now, authentic !== undefined)
    : otherRequester(fields);
  return {
    verification,
    findings: [...findings, whole],
    collateral,
    reportData: fields?.reportData,
    authentic: authentic === undefined || !paravisor ? undefined : { kind: 'snp', report: authentic },
  };
}

/** What a guest system asks for, it may fill as it likes: the keys of the vTPM are then its own word. */
function otherRequester({ vmpl }: ReportFields): FindingDraft {
  return failed('az.hcl.hardware', {
    subject: WHAT,
    params: { what: WHAT, cause: `it is from VMPL ${vmpl}` },
    expected: PARAVISOR_VMPL,
    actual: vmpl,
    compare: { relation: 'equal', type: 'integer' },
    source: 'AMD 56860, ATTESTATION_REPORT: VMPL; the paravisor has 0',
    origin: { kind: 'spec', document: 'AMD 56860', clause: 'VMPL' },
  });
}
