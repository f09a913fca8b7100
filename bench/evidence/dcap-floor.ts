import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { ParsedQuote, RawCollateral } from '@assay/evidence/dcap';
import { type Certificate, normaliseCrl, orderChain, parseCertificates, parseCrl } from '@assay/evidence/x509';

/** One signature of a verification: who signed what. */
interface Signature {
  readonly signer: string;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  readonly encoding: 'der' | 'ieee-p1363';
}

/**
 * What a verification with nothing cached cannot avoid, by `node:crypto` alone: the import of each key, and each signature once, on
 * bytes that were taken apart before: three links of the PCK chain, the TCB signer, two CRLs, TCB info, QE identity, QE report, quote.
 *
 * @returns a function that does it all and says whether everything verified
 */
export function coldSignatures(quote: ParsedQuote, raw: RawCollateral): () => boolean {
  const [leaf, ca, root] = path(quote.certification.data);
  const [signer] = path(raw.tcbInfoIssuerChain);
  if (leaf === undefined || ca === undefined || root === undefined || signer === undefined)
    throw new Error('a chain is short');
  const keys: Readonly<Record<string, Uint8Array>> = {
    ...Object.fromEntries(
      Object.entries({ leaf, ca, root, signer }).map(([name, one]) => [name, one.publicKey.key.subarray(1)]),
    ),
    attestation: quote.attestationKey,
  };
  const signatures: readonly Signature[] = [
    link('ca', leaf),
    link('root', ca),
    link('root', root),
    link('root', signer),
    list('root', raw.rootCaCrl),
    list('ca', raw.pckCrl),
    document(raw.tcbInfo, raw.tcbInfoSignature),
    document(raw.qeIdentity, raw.qeIdentitySignature),
    { signer: 'leaf', signed: quote.qeReport.bytes, signature: quote.qeReportSignature, encoding: 'ieee-p1363' },
    { signer: 'attestation', signed: quote.signed, signature: quote.signature, encoding: 'ieee-p1363' },
  ];
  return () => {
    const imported = new Map<string, KeyObject>(
      Object.entries(keys).map(([name, point]) => [name, importPoint(point)]),
    );
    return signatures.every(({ encoding, signature, signed, signer: name }) => {
      const key = imported.get(name);
      return key !== undefined && verify('sha256', signed, { key, dsaEncoding: encoding }, signature);
    });
  };
}

/** @param point x ‖ y */
export function importPoint(point: Uint8Array): KeyObject {
  const half = (from: number): string => Buffer.from(point.subarray(from, from + 32)).toString('base64url');
  return createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x: half(0), y: half(32) } });
}

function path(chain: Uint8Array | undefined): readonly Certificate[] {
  const ordered = orderChain(parseCertificates(chain ?? new Uint8Array()));
  if (typeof ordered === 'string') throw new Error(ordered);
  return ordered;
}

function link(signer: string, { signature, tbs }: Certificate): Signature {
  return { signer, signed: tbs, signature, encoding: 'der' };
}

function list(signer: string, crl: Uint8Array | undefined): Signature {
  const { signature, tbs } = parseCrl(normaliseCrl(crl ?? new Uint8Array()));
  return { signer, signed: tbs, signature, encoding: 'der' };
}

function document(text: Uint8Array | undefined, signature: Uint8Array | undefined): Signature {
  const bytes = Buffer.from(Buffer.from(signature ?? []).toString('latin1'), 'hex');
  return { signer: 'signer', signed: text ?? new Uint8Array(), signature: bytes, encoding: 'ieee-p1363' };
}
