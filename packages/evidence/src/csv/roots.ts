/** Trust anchors of Hygon CSV and DCU evidence, and what is kept per set of anchors. */
import { createHash } from 'node:crypto';
import { decodeBase64 } from '@assay/bytes';
import { LruMap } from '../x509/index.js';
import { type CsvCertificate, parseCaCertificate } from './certificate/certificate.js';
import type { VerifiedCsvChain } from './chain.js';
import { HYGON_HRK } from './hrk.js';

/** SHA-256 of the certificate file: the whole of it is the anchor, as key ids and user id count too. */
const PIN = '296efa97580464aca0ab5eefe42199ee05862182508d1629f29cf4dc175b10cd';

/** About one chain per chip. */
const KEPT_CHAINS = 4096;

/** A root key that is trusted. */
export interface CsvRoot {
  /** For findings: `built-in pin of Hygon's HRK`. */
  readonly name: string;
  /** The certificate, 832 bytes. */
  readonly bytes: Uint8Array;
  /** Of emulated hardware, added by name; evidence under it proves nothing. */
  readonly emulated?: true;
}

export interface CsvTrust {
  readonly roots: readonly (CsvRoot & { readonly certificate: CsvCertificate })[];
  /** By digest of the exact bytes: checks that do not depend on any report. */
  readonly chains: LruMap<VerifiedCsvChain>;
}

/** @param roots never empty; what is built in is not added. @throws DecodeError for what is no certificate of a root key */
export function csvTrustIn(roots: readonly CsvRoot[]): CsvTrust {
  if (roots.length === 0) throw new RangeError('no trust anchor given');
  return {
    roots: roots.map((root) => ({ ...root, certificate: parseCaCertificate(root.bytes, 'HRK') })),
    chains: new LruMap(KEPT_CHAINS),
  };
}

const BUILT_IN: CsvRoot = { name: "built-in pin of Hygon's HRK", bytes: decodeBase64(HYGON_HRK.replace(/\s/g, '')) };
if (sha256(BUILT_IN.bytes) !== PIN) throw new Error("the built-in certificate is not Hygon's HRK");

/** Hygon's root, and the roots of emulated hardware that the owner added by name. */
export function csvTrust(emulated: readonly CsvRoot[] = []): CsvTrust {
  return csvTrustIn([BUILT_IN, ...emulated.map((root) => ({ ...root, emulated: true as const }))]);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
