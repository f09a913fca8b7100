/** A report and its certificates: every question asked, every answer kept. */
import {
  type CollateralUse,
  ends,
  type FindingDraft,
  failed,
  notChecked,
  passed,
  unmet,
  utc,
  warned,
} from '@assay/bytes/findings';
import { appraise } from './appraise/appraise.js';
import type { SnpRules } from './appraise/rules.js';
import {
  type Authentication,
  type AuthenticReport,
  authenticate,
  type Comparisons,
  reportProduct,
} from './authenticate.js';
import type { SuppliedCertificates } from './endorsement/certificate-table.js';
import {
  type AmdCertificates,
  authoritiesFor,
  type ChainExamination,
  collateralUses,
  examineChain,
  judgeDates,
} from './endorsement/chain.js';
import type { AmdLeaf } from './endorsement/leaf.js';
import type { AmdTrust } from './endorsement/roots.js';
import type { Product } from './product.js';
import { checkForm } from './report/form.js';
import { keyInfo, type ReportFields } from './report/report.js';

export interface SnpInput {
  readonly report: Uint8Array;
  readonly certificates: SuppliedCertificates;
  readonly trust: AmdTrust;
  readonly rules: SnpRules;
  readonly now: Date;
  /** Whose time `now` is, for lines of text. */
  readonly clock: string;
}

export interface SnpVerification {
  readonly findings: readonly FindingDraft[];
  readonly collateral: readonly CollateralUse[];
  /** Of a report of right length and known version. */
  readonly fields?: ReportFields;
  readonly product?: Product;
  readonly leaf?: AmdLeaf;
  readonly comparisons?: Comparisons;
  readonly authentic?: AuthenticReport;
}

/** Verifies one report. Pure, and without exceptions for what report and certificates may hold. */
export function verifySnpReport(input: SnpInput): SnpVerification {
  const form = checkForm(input.report);
  const { fields } = form;
  if (fields === undefined) {
    const unread = notChecked('snp.signature.valid', 'not checked: the report was not read', { subject: 'report' });
    return { findings: [...form.findings, unread], collateral: [] };
  }
  const chain = chooseChain(fields, input);
  const dates = chain === undefined ? { findings: [] } : judgeDates(chain, input.now, input.clock);
  const examination = chain ?? { findings: [] };
  const authentication: Authentication = authenticate(fields, form.report, examination, dates.current);
  const product = reportProduct(fields, examination.leaf);
  const uses = collateralUses(examination);
  const findings = [
    ...form.findings,
    sourceOfLeaf(fields, input.certificates),
    ...examination.findings,
    ...crlDemanded(input),
    ...dates.findings,
    ...ending(uses, input),
    ...authentication.findings,
    ...appraise(fields, product, input.rules),
    ...hardware(authentication.authentic),
  ];
  const refused = findings.some(({ outcome, stage }) => outcome === 'fail' && stage !== 'appraise');
  return {
    findings,
    collateral: uses,
    fields,
    product: examination.product ?? product,
    ...(examination.leaf === undefined ? {} : { leaf: examination.leaf }),
    ...(authentication.comparisons === undefined ? {} : { comparisons: authentication.comparisons }),
    ...(authentication.authentic === undefined || refused ? {} : { authentic: authentication.authentic }),
  };
}

/** Hosts keep certificates of several TCBs: the first leaf that fits the report, or the first one, so that it is told why not. */
function chooseChain(fields: ReportFields, { certificates, trust }: SnpInput): ChainExamination | undefined {
  const [crl] = certificates.crls;
  const examinations = (function* () {
    const leaves = certificates.leaves.slice(0, MOST_LEAVES);
    for (const leaf of leaves) {
      const others = leaves.filter((other) => other !== leaf);
      const authorities = authoritiesFor(leaf, others, certificates.authorities);
      const chain: AmdCertificates = { leaf, authorities, crl };
      yield examineChain(chain, trust);
    }
  })();
  let first: ChainExamination | undefined;
  for (const examination of examinations) {
    first ??= examination;
    if (certificates.leaves.length === 1 || fits(fields, examination)) return examination;
  }
  return first;
}

const MOST_LEAVES = 4;

function fits(fields: ReportFields, chain: ChainExamination): boolean {
  // Of what cannot be read nothing differs.
  if (chain.leaf === undefined) return false;
  const { findings } = authenticate(fields, undefined, chain, undefined);
  return findings.every(({ outcome }) => outcome !== 'fail');
}

function sourceOfLeaf({ keyInfo: value }: ReportFields, { leaves }: SuppliedCertificates): FindingDraft {
  if (leaves.length > 0) return passed('snp.leaf.source', 'leaf certificate');
  const leaf = keyInfo(value).signingKey === 1 ? 'VLEK' : 'VCEK';
  return failed('snp.leaf.source', {
    subject: 'leaf certificate',
    params: { leaf, reason: 'neither in the evidence nor among the endorsements' },
    expected: leaf,
    actual: null,
    compare: { relation: 'present', type: 'certificate' },
    source: 'AMD 57230: the key that signs reports',
    origin: { kind: 'vendor', vendor: 'AMD', document: leaf },
    // AMD serves VCEKs to everybody, VLEKs to cloud providers under their own credentials.
    ...(leaf === 'VLEK' ? { remedy: VLEK_REMEDY, causes: VLEK_CAUSES } : {}),
  });
}

const VLEK_REMEDY =
  'Let the host hand its VLEK to the guest, or ask the provider for it and put it into the server’s `collateral.amd_folder`.';
const VLEK_CAUSES = [{ text: 'host gives its guests no certificates' }, { text: 'a VLEK cannot be fetched publicly' }];

/** A missing list says nothing against the platform: the verdict is incomplete, and may be another one later. */
function crlDemanded({ certificates, rules }: SnpInput): FindingDraft[] {
  if (rules.crlRequired !== true || certificates.crls.length > 0) return [];
  return [
    failed('collateral.item.missing', {
      subject: 'CRL',
      params: { item: 'CRL', why: 'revocation of ASK and ASVK' },
      expected: 'CRL',
      actual: null,
      compare: { relation: 'present', type: 'text' },
      remedy: 'Supply the CRL of the product line: `assay collateral refresh`.',
      source: 'rule of the owner: snp.crl_required',
      origin: { kind: 'setting', key: 'snp.crl_required' },
    }),
  ];
}

const DAY = 86_400_000;

/** Says in time what ends first: a VLEK lives for one year, and its provider has to be asked for the next one. */
function ending(uses: readonly CollateralUse[], { now, clock, rules }: SnpInput): FindingDraft[] {
  const [first] = uses
    .flatMap(({ item, next_update: end }) => (end === undefined ? [] : [{ item, end: new Date(end) }]))
    .sort((a, b) => a.end.getTime() - b.end.getTime());
  const left = first === undefined ? 0 : first.end.getTime() - now.getTime();
  if (first === undefined || left < 0 || left >= (rules.endingWithin ?? DAY)) return [];
  const { end, item } = first;
  return [
    unmet('collateral.item.ending', {
      subject: item,
      params: { item, relation: ends(end, now) },
      expected: utc(now),
      actual: utc(end),
      compare: { relation: 'at-least', type: 'time' },
      source: `dates of certificates and CRL, beside ${clock}`,
    }),
  ];
}

/** Evidence under the root of emulated hardware proves nothing, and says so. */
function hardware(report: AuthenticReport | undefined): FindingDraft[] {
  if (report === undefined) return [];
  if (report.chain.anchor.emulated !== true) return [passed('evidence.hardware.backed', 'snp')];
  return [
    warned('evidence.hardware.backed', {
      subject: 'snp',
      params: { tee: 'emulated snp' },
      source: `${report.chain.anchor.name}: root of an emulated TEE, added by name`,
      origin: { kind: 'setting', key: 'trust.emulated_roots' },
    }),
  ];
}
