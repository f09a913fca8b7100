/**
 * Hygon's chain: HRK → HSK → CEK → PEK. It has no dates: once verified it stays so, and is kept per set of exact bytes.
 */
import { createHash } from 'node:crypto';
import { DecodeError } from '@assay/bytes';
import type { FindingDraft } from '@assay/bytes/findings';
import { type CsvCertificate, parseCaCertificate, parseCsvCertificate, signedBy } from './certificate/certificate.js';
import * as say from './chain-findings.js';
import type { CsvKeyName, CsvLinks } from './chain-keys.js';
import type { CsvRoot, CsvTrust } from './roots.js';

/** Certificates as they came. */
export interface CsvCertificates {
  /** Only from files: servers have their own. */
  readonly hrk?: Uint8Array | undefined;
  readonly hsk: Uint8Array;
  readonly cek: Uint8Array;
  /** Undefined for DCU reports, which the CEK signs. */
  readonly pek?: Uint8Array | undefined;
}

declare const verified: unique symbol;
/** Every check of the chain holds. Only `examineChain` makes one. */
export interface VerifiedCsvChain {
  readonly [verified]: true;
  readonly root: CsvRoot;
  readonly cek: CsvCertificate;
  readonly pek: CsvCertificate | undefined;
  readonly links: CsvLinks;
  readonly findings: readonly FindingDraft[];
}

/** What could be found out, good or not: a report is compared with it all the same. */
export interface CsvChainExamination {
  readonly findings: readonly FindingDraft[];
  readonly links: CsvLinks;
  readonly cek?: CsvCertificate | undefined;
  readonly pek?: CsvCertificate | undefined;
  readonly verified?: VerifiedCsvChain;
}

/** Examines a chain, or gives what is known of the same bytes. Never throws for what certificates may hold. */
export function examineChain(certificates: CsvCertificates, trust: CsvTrust): CsvChainExamination {
  const digest = digestOf(certificates);
  const known = trust.chains.get(digest);
  if (known !== undefined) return { ...known, verified: known };
  const examination = examine(certificates, trust);
  if (examination.verified !== undefined) trust.chains.set(digest, examination.verified);
  return examination;
}

/** Length-prefixed, so that no two inputs run together. */
function digestOf({ hrk, hsk, cek, pek }: CsvCertificates): string {
  const hash = createHash('sha256');
  for (const part of [hrk, hsk, cek, pek]) {
    hash.update(`${part?.length ?? 'none'}\n`);
    if (part !== undefined) hash.update(part);
  }
  return hash.digest('base64');
}

type Parsed = { readonly [name in CsvKeyName]?: CsvCertificate };

function examine(certificates: CsvCertificates, trust: CsvTrust): CsvChainExamination {
  const { hrk, hsk, cek, pek } = certificates;
  const faults: FindingDraft[] = [];
  const read = (name: CsvKeyName, bytes: Uint8Array | undefined): CsvCertificate | undefined => {
    if (bytes === undefined) return undefined;
    try {
      return (name === 'HRK' || name === 'HSK' ? parseCaCertificate : parseCsvCertificate)(bytes, name);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      faults.push(say.form(name, error.reason, error.offset));
      return undefined;
    }
  };
  const below = { HSK: read('HSK', hsk), CEK: read('CEK', cek), PEK: read('PEK', pek) };
  const given = read('HRK', hrk);
  const root =
    hrk === undefined ? rootOf(below.HSK, trust) : trust.roots.find(({ bytes }) => Buffer.compare(bytes, hrk) === 0);
  const parsed: Parsed = withoutAbsent({ HRK: hrk === undefined ? root?.certificate : given, ...below });
  const wanted: readonly CsvKeyName[] = pek === undefined ? ['HRK', 'HSK', 'CEK'] : ['HRK', 'HSK', 'CEK', 'PEK'];
  const links = linksOf(parsed);
  const findings = [
    ...(faults.length === 0 ? [say.formHolds()] : faults),
    say.pinned(hrk ?? below.HSK?.signerId, root, trust),
    ...say.links(links, wanted),
    ...say.usages(parsed, wanted),
  ];
  const examination = { findings, links, cek: parsed.CEK, pek: parsed.PEK };
  const good = findings.every(({ outcome }) => outcome === 'pass');
  if (!good || root === undefined || parsed.CEK === undefined) return examination;
  return { ...examination, verified: { ...examination, root } as unknown as VerifiedCsvChain };
}

/** The anchor that the HSK names; of several with one key id, the one whose key it is. */
function rootOf(hsk: CsvCertificate | undefined, trust: CsvTrust): CsvTrust['roots'][number] | undefined {
  if (hsk === undefined) return undefined;
  const named = trust.roots.filter(
    ({ certificate: { keyId } }) => Buffer.compare(keyId ?? new Uint8Array(), hsk.signerId) === 0,
  );
  return named.find(({ certificate }) => signedBy(hsk, certificate)) ?? named[0];
}

function linksOf({ HRK, HSK, CEK, PEK }: Parsed): CsvLinks {
  const link = (child: CsvCertificate | undefined, parent: CsvCertificate | undefined): boolean | undefined =>
    child === undefined || parent === undefined ? undefined : signedBy(child, parent);
  return withoutAbsent({
    hrk_self: link(HRK, HRK),
    hrk_hsk: link(HSK, HRK),
    hsk_cek: link(CEK, HSK),
    cek_pek: link(PEK, CEK),
  });
}

type Present<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

function withoutAbsent<T extends object>(members: T): Present<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Present<T>;
}
