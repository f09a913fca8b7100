/** Verifies collateral once per issue. What depends on the time or on a quote is asked later, per use. */
import type { FindingDraft } from '@assay/bytes/findings';
import type { Certificate, CertificateList, TrustAnchor } from '../../x509/index.js';
import type { DatedItem } from '../dates.js';
import type { Tee } from '../quote/model.js';
import type { DcapTrust } from '../roots.js';
import { checkPckCrl, checkRootCrl, revocationOfSigner } from './crls.js';
import { checkQeIdentity, checkTcbInfo } from './documents.js';
import { consistency, missing, needed } from './findings.js';
import type { QeIdentity } from './qe-identity.js';
import type { RawCollateral } from './raw.js';
import { chainReader, issuerChain } from './signer.js';
import type { TcbInfo } from './tcb-info.js';

declare const verified: unique symbol;

/**
 * Collateral whose signatures were checked: a member is there only if everything that vouches for it held.
 *
 * Dates are not part of it: they are checked at every use.
 */
export interface VerifiedCollateral {
  readonly [verified]: true;
  readonly trust: DcapTrust;
  /** The root that everything here hangs on; undefined when no chain was there. */
  readonly anchor: TrustAnchor | undefined;
  readonly tcbInfo: TcbInfo | undefined;
  /** What the TCB info says it is for, also when it cannot be used. */
  readonly tcbInfoTee: Tee | undefined;
  readonly qeIdentity: QeIdentity | undefined;
  readonly rootCrl: CertificateList | undefined;
  readonly pckCrl: CertificateList | undefined;
  /** Issuer certificate of the PCK CRL, by its own chain. */
  readonly pckCrlIssuer: Certificate | undefined;
  /** Certificates of all chains, each once. */
  readonly certificates: readonly Certificate[];
  readonly dated: readonly DatedItem[];
  readonly findings: readonly FindingDraft[];
}

/** Verifies all that does not depend on a quote or on the time. Never throws. */
export function verifyCollateral(raw: RawCollateral, trust: DcapTrust): VerifiedCollateral {
  const findings: FindingDraft[] = [];
  const certificates = new Map<string, Certificate>();
  const dated: DatedItem[] = [];
  let anchor: TrustAnchor | undefined;
  // TCB info and QE identity come with one and the same chain: it is read once.
  const read = chainReader(trust);
  const chain = (input: Uint8Array | undefined, kind: 'tcbInfo' | 'qeIdentity' | 'pckCrl') => {
    const result = input === undefined ? undefined : issuerChain(input, kind, trust, anchor, read);
    if (result === undefined) return undefined;
    anchor ??= result.anchor;
    for (const certificate of result.certificates) certificates.set(certificate.fingerprint, certificate);
    findings.push(...result.findings);
    return result;
  };

  findings.push(...missing(raw));
  const tcbChain = chain(raw.tcbInfoIssuerChain, 'tcbInfo');
  const tcb = checkTcbInfo(raw, tcbChain?.signer);
  findings.push(...tcb.findings);
  dated.push(...tcb.dated);
  const qeChain = chain(raw.qeIdentityIssuerChain, 'qeIdentity');
  const qe = checkQeIdentity(raw, qeChain?.signer);
  findings.push(...qe.findings);
  dated.push(...qe.dated);
  const crlChain = chain(raw.pckCrlIssuerChain, 'pckCrl');
  const root = [tcbChain, qeChain, crlChain].find((result) => result?.anchor !== undefined)?.root;
  const rootCrl = checkRootCrl(raw.rootCaCrl, root, trust);
  findings.push(...rootCrl.findings);
  dated.push(...rootCrl.dated);
  const pckCrl = checkPckCrl(raw.pckCrl, crlChain?.signer);
  findings.push(...pckCrl.findings);
  dated.push(...pckCrl.dated);
  const signers = new Map([tcbChain?.signer, qeChain?.signer].map((signer) => [signer?.fingerprint, signer]));
  for (const signer of signers.values()) {
    if (signer !== undefined) findings.push(...revocationOfSigner(signer, rootCrl.list, needed(raw, 'rootCaCrl')));
  }
  findings.push(...consistency(tcb.info, qe.identity));

  const collateral = {
    trust,
    anchor,
    tcbInfo: tcb.info,
    tcbInfoTee: tcb.tee,
    qeIdentity: qe.identity,
    rootCrl: rootCrl.list,
    pckCrl: pckCrl.list,
    pckCrlIssuer: crlChain?.signer,
    certificates: [...certificates.values()],
    dated,
    findings: Object.freeze(findings),
  };
  // The one place where VerifiedCollateral comes into being.
  return Object.freeze(collateral) as unknown as VerifiedCollateral;
}
