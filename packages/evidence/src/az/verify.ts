/** Evidence of an Azure confidential VM: hardware, then the paravisor's runtime data, then the vTPM's quote. */
import { constantTimeEqual, encodeHex } from '@assay/bytes';
import {
  type CollateralUse,
  type FindingDraft,
  failed,
  notChecked,
  passed,
  refuses,
  stageOf,
  warned,
} from '@assay/bytes/findings';
import type { AkRoots } from '../tpm/key/certificate.js';
import type { PcrValues } from '../tpm/quote/pcrs.js';
import { rawRsassa, readQuoteSignature, type SignatureReading } from '../tpm/quote/signature.js';
import { type AuthenticTpmQuote, type PcrUse, type TpmQuoteVerification, verifyTpmQuote } from '../tpm/quote/verify.js';
import { type AzAkCertificate, checkAkCertificate } from './ak-certificate.js';
import type { AuthenticHardware, HardwareExamination } from './hardware/hardware.js';
import { checkBinding, embeddedTdReportData, examineHcl, type HclExamination } from './hcl/examine.js';
import type { AzKind, HclReport } from './hcl/report.js';

declare const authentic: unique symbol;

/** Hardware that vouches for runtime data, whose key signed the quote. Only `verifyAz` makes one. */
export interface AuthenticAz {
  readonly [authentic]: true;
  readonly hardware: AuthenticHardware;
  readonly quote: AuthenticTpmQuote;
}

export interface TpmPart {
  readonly message: Uint8Array;
  /** RSASSA with SHA-256 as long as the modulus, or a TPMT_SIGNATURE. */
  readonly signature: Uint8Array;
  readonly pcrs: PcrValues;
}

export interface AzInput {
  readonly kind: AzKind;
  readonly hclReport: Uint8Array;
  /** Undefined: only a part of the evidence is at hand. */
  readonly tpm: TpmPart | undefined;
  /** Verifies the hardware report inside, or what comes with it; undefined when that is missing. */
  readonly hardware: (report: HclReport) => HardwareExamination | undefined;
  readonly akCertificate: Uint8Array | undefined;
  readonly akRoots: AkRoots;
  /** 2: the guest writes the nonce into the HCL report as well. */
  readonly version: 0 | 1 | 2;
  readonly uses: readonly PcrUse[];
  readonly now: Date;
}

export interface AzVerification {
  readonly findings: readonly FindingDraft[];
  readonly collateral: readonly CollateralUse[];
  readonly hcl: HclExamination;
  readonly quote: TpmQuoteVerification | undefined;
  readonly akCertificate: AzAkCertificate;
  readonly bindingHolds: boolean | undefined;
  readonly authentic: AuthenticAz | undefined;
}

const WHAT = { snp: 'SNP report', tdx: 'TD quote' } as const;

/** Verifies evidence. Pure, and without exceptions for what it may hold. */
export function verifyAz(input: AzInput): AzVerification {
  const { kind, now, tpm } = input;
  const hcl = examineHcl(input.hclReport, kind);
  const hardware = hcl.report === undefined ? undefined : input.hardware(hcl.report);
  const bindings = hcl.report === undefined ? [] : bindingsOf(kind, hcl.report, hardware);
  const quote =
    tpm === undefined
      ? undefined
      : verifyTpmQuote({ ...tpm, signature: readEitherSignature(tpm, hcl), ak: hcl.ak, uses: input.uses });
  const akCertificate = checkAkCertificate(input.akCertificate, hcl.ak, input.akRoots, now);
  const findings: FindingDraft[] = [
    ...hcl.findings,
    ...(hcl.report === undefined
      ? [unread('az.hcl.hardware', WHAT[kind])]
      : (hardware?.findings ?? [missing(WHAT[kind])])),
    ...(hcl.report === undefined ? [unread('az.hcl.binding', WHAT[kind])] : bindings),
    ...(quote?.findings ?? [missing('TPM quote')]),
    akCertificate.finding,
    sameBoot(hcl, quote, input.version),
  ];
  const proof = { hardware: hardware?.authentic, quote: quote?.authentic };
  const refused = findings.some((finding) => refuses(finding) && stageOf(finding) !== 'appraise');
  const complete = proof.hardware !== undefined && proof.quote !== undefined && !refused;
  return {
    findings,
    collateral: hardware?.collateral ?? [],
    hcl,
    quote,
    akCertificate,
    bindingHolds: bindings.length === 0 ? undefined : bindings.every(({ outcome }) => outcome === 'pass'),
    // The one place where an AuthenticAz comes into being.
    authentic: complete ? (proof as unknown as AuthenticAz) : undefined,
  };
}

/** SNP: the report inside. TDX: the TDREPORT inside, which the local processor alone can check, and the quote. */
function bindingsOf(kind: AzKind, report: HclReport, hardware: HardwareExamination | undefined): FindingDraft[] {
  const reportData = hardware?.reportData;
  const proven = reportData === undefined ? [] : [[WHAT[kind], reportData] as const];
  if (kind === 'snp') return checkBinding(report, proven);
  const embedded = embeddedTdReportData(report);
  if (!(embedded instanceof Uint8Array)) return [embedded, ...checkBinding(report, proven)];
  return checkBinding(report, [['TDREPORT', embedded], ...proven]);
}

/** A signature without its frame is as long as the modulus of the key; one with a frame is longer. */
function readEitherSignature({ signature }: TpmPart, { ak }: HclExamination): SignatureReading {
  if (ak === undefined) {
    const why = 'not read: without the key there is no telling its form';
    return { signature: undefined, findings: [notChecked('tpm.signature.form', why, { subject: 'TPM quote' })] };
  }
  const raw = 8 * signature.length === ak.key.asymmetricKeyDetails?.modulusLength;
  return raw ? rawRsassa(signature) : readQuoteSignature(signature);
}

function unread(id: 'az.hcl.hardware' | 'az.hcl.binding', subject: string): FindingDraft {
  return notChecked(id, 'not checked: the HCL report was not read', { subject });
}

function missing(part: string): FindingDraft {
  return failed('az.evidence.complete', {
    subject: part,
    params: { part, why: 'the verdict rests on it' },
    expected: part,
    actual: null,
    compare: { relation: 'present', type: 'bytes' },
    source: 'evidence of an Azure confidential VM',
    origin: { kind: 'spec', document: 'evidence of the Azure attesters' },
  });
}

/**
 * The nonce of the quote stands in the HCL report too, if the guest wrote it there: then both are of one exchange. Before
 * version 2 of the evidence nobody had to, so there a difference only warns.
 */
function sameBoot(
  { runtime }: HclExamination,
  verification: TpmQuoteVerification | undefined,
  version: number,
): FindingDraft {
  const subject = 'HCL report';
  const userData = runtime?.userData;
  const nonce = verification?.quote?.extraData;
  if (userData === undefined || nonce === undefined) {
    return notChecked('az.boot.same', 'not compared: user-data or nonce is missing', { subject });
  }
  if (version < 2 && userData.every((byte) => byte === 0)) {
    return notChecked('az.boot.same', 'not compared: the guest wrote no user-data', { subject });
  }
  if (nonce.length > 0 && constantTimeEqual(userData.subarray(0, nonce.length), nonce)) {
    return passed('az.boot.same', subject);
  }
  const [actual, expected] = [encodeHex(nonce), encodeHex(userData)];
  return (version < 2 ? warned : failed)('az.boot.same', {
    subject,
    params: { actual, expected },
    expected,
    actual,
    compare: { relation: 'prefix', type: 'bytes' },
    source: 'user-data of the runtime data',
    origin: { kind: 'spec', document: 'evidence of the Azure attesters', clause: 'version 2' },
  });
}
