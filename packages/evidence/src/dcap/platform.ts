/**
 * What collateral says about one PCK chain: revocation, fit, and the span of time in which all of it is good.
 *
 * Both sides are endorsements and neither changes, so the answer is kept with them; quote and time are not part of it.
 */
import { type FindingDraft, type FindingRef, failed, passed, reported, utc } from '@assay/bytes/findings';
import { type Certificate, nameInWords } from '../x509/index.js';
import { caRevocation } from './collateral/crls.js';
import { unchecked } from './collateral/findings.js';
import type { VerifiedCollateral } from './collateral/verify.js';
import type { PckChain } from './pck/chain.js';
import { named } from './pck/names.js';
import type { Tee } from './quote/model.js';
import { checkFit } from './tcb/fit.js';

/** Milliseconds since the epoch. */
export interface Span {
  readonly earliestIssue: number;
  readonly latestIssue: number;
  readonly earliestExpiration: number;
}

export interface EndorsedPlatform {
  /** Certificates of the chain and of the collateral, each once. */
  readonly certificates: readonly Certificate[];
  /** What is said of the certificates as long as the time is inside their span. */
  readonly validityFindings: readonly FindingDraft[];
  readonly certificateSpan: Span | undefined;
  /** Certificates and dated documents together. */
  readonly span: Span | undefined;
  /** The TCB info is for this TEE, FMSPC and PCE. */
  readonly fits: boolean;
  /** Chain, collateral, revocation, fit: in the order of the checks. */
  readonly beforeDates: readonly FindingDraft[];
  readonly afterDates: readonly FindingDraft[];
}

/** Checks without which nothing can be said of the TCB. */
export const TCB_CAUSES: readonly FindingRef[] = [
  'dcap.tcbinfo.signer',
  'dcap.tcbinfo.signature',
  'dcap.tcbinfo.form',
  'dcap.tcbinfo.kind',
  'dcap.tcbinfo.platform',
  'dcap.pck.form',
  'dcap.pck.chain',
  'dcap.pck.source',
  ...['TCB info', 'TCB info signature', 'TCB info issuer chain'].map((subject) => ({
    id: 'collateral.item.missing' as const,
    subject,
  })),
];

const kept: Readonly<Record<Tee, WeakMap<VerifiedCollateral, WeakMap<PckChain, EndorsedPlatform>>>> = {
  sgx: new WeakMap(),
  tdx: new WeakMap(),
};

export function endorsedPlatform(tee: Tee, chain: PckChain, collateral: VerifiedCollateral): EndorsedPlatform {
  let chains = kept[tee].get(collateral);
  if (chains === undefined) {
    chains = new WeakMap();
    kept[tee].set(collateral, chains);
  }
  const known = chains.get(chain);
  if (known !== undefined) return known;
  const platform = endorse(tee, chain, collateral);
  chains.set(chain, platform);
  return platform;
}

function endorse(tee: Tee, chain: PckChain, collateral: VerifiedCollateral): EndorsedPlatform {
  const certificates = [...chain.certificates];
  for (const certificate of collateral.certificates) {
    if (!certificates.some(({ fingerprint }) => fingerprint === certificate.fingerprint))
      certificates.push(certificate);
  }
  const spans = certificates.map(({ notAfter, notBefore }) => [notBefore.getTime(), notAfter.getTime()] as const);
  const dated = collateral.dated.map(({ from, to }) => [from.getTime(), to.getTime()] as const);
  const fit = checkFit(tee, collateral.tcbInfo, collateral.tcbInfoTee, chain.platform, TCB_CAUSES);
  return {
    certificates,
    validityFindings: certificates.map((certificate) => passed('dcap.pck.validity', named(certificate))),
    certificateSpan: spanOf(spans),
    span: spanOf([...spans, ...dated]),
    fits: fit.fits,
    beforeDates: [...chain.findings, ...sameRoot(chain, collateral), ...collateral.findings],
    afterDates: [...revocations(chain, collateral), ...fit.findings],
  };
}

function spanOf(spans: readonly (readonly [from: number, to: number])[]): Span | undefined {
  if (spans.length === 0) return undefined;
  const from = spans.map(([start]) => start);
  return {
    earliestIssue: Math.min(...from),
    latestIssue: Math.max(...from),
    earliestExpiration: Math.min(...spans.map(([, end]) => end)),
  };
}

/** One root vouches for the platform and for what is said about it. */
function sameRoot(chain: PckChain, collateral: VerifiedCollateral): FindingDraft[] {
  const { anchor: left } = chain;
  const { anchor: right } = collateral;
  if (left === undefined || right === undefined || left === right) return [];
  return [
    reported('dcap.pck.root', `quote is under the ${left.name}, its collateral under the ${right.name}`, {
      subject: 'collateral',
      expected: left.name,
      actual: right.name,
      compare: { relation: 'equal', type: 'key' },
      source: 'trust anchors of this verifier',
      remedy: 'Refuse. Give the collateral of the vendor that made the platform.',
    }),
  ];
}

function revocations(chain: PckChain, collateral: VerifiedCollateral): FindingDraft[] {
  const { leaf, intermediate } = chain;
  const crlCauses: FindingRef[] = [
    'dcap.crl.form',
    'dcap.crl.signature',
    'dcap.crl.chain',
    ...['PCK CRL', 'PCK CRL issuer chain'].map((subject) => ({ id: 'collateral.item.missing' as const, subject })),
  ];
  if (leaf === undefined || intermediate === undefined) {
    const ids = ['dcap.crl.issuer', 'dcap.pck.revoked'] as const;
    const causes: FindingRef[] = ['dcap.pck.form', 'dcap.pck.chain', 'dcap.pck.source'];
    return unchecked(ids, 'PCK certificate', 'there is no PCK certificate', causes);
  }
  const rootCauses: FindingRef[] = [
    { id: 'collateral.item.missing', subject: 'root CA CRL' },
    { id: 'dcap.crl.form', subject: 'root CA CRL' },
    { id: 'dcap.crl.signature', subject: 'root CA CRL' },
  ];
  const findings = [caRevocation(intermediate, collateral.rootCrl, rootCauses)];
  const { pckCrl, pckCrlIssuer } = collateral;
  if (pckCrl === undefined || pckCrlIssuer === undefined) {
    findings.push(
      ...unchecked(['dcap.crl.issuer', 'dcap.pck.revoked'], 'PCK CRL', 'the PCK CRL does not stand', crlCauses),
    );
    return findings;
  }
  // Name and key: a list of the other CA, or of another CA of this name, says nothing about this certificate.
  const sameIssuer = Buffer.compare(pckCrl.issuer.der, leaf.issuer.der) === 0;
  const sameKey = Buffer.compare(pckCrlIssuer.publicKey.der, intermediate.publicKey.der) === 0;
  if (!sameIssuer || !sameKey) {
    const expected = nameInWords(leaf.issuer);
    const actual = nameInWords(pckCrl.issuer) + (sameIssuer ? ' with another key' : '');
    const facts = {
      subject: 'PCK CRL',
      expected,
      actual,
      compare: { relation: 'equal', type: 'text', ...(sameKey ? {} : { also: ['the issuers have different keys'] }) },
      source: named(leaf),
      ...(sameIssuer ? { causedBy: ['dcap.pck.root', 'dcap.pck.chain'] as const } : {}),
    } as const;
    findings.push(failed('dcap.crl.issuer', { ...facts, params: { actual, expected } }));
    findings.push(
      ...unchecked(['dcap.pck.revoked'], named(leaf), 'the PCK CRL is of another issuer', ['dcap.crl.issuer']),
    );
    return findings;
  }
  findings.push(passed('dcap.crl.issuer', 'PCK CRL'));
  const date = pckCrl.revoked.get(leaf.serial);
  if (date === undefined) findings.push(passed('dcap.pck.revoked', named(leaf)));
  else {
    findings.push(
      failed('dcap.pck.revoked', {
        subject: named(leaf),
        params: { serial: leaf.serial, date: utc(date) },
        expected: null,
        actual: { serial: leaf.serial, revoked: utc(date) },
        compare: { relation: 'not-in', type: 'certificate' },
        source: 'PCK CRL',
      }),
    );
  }
  return findings;
}
