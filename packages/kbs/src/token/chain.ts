/**
 * Certification of a token's key (RFC 5280 path validation, as far as token chains need it): from a leaf through intermediates
 * to a self-signed certificate that the owner named.
 *
 * Stricter than needed for any chain seen: an unknown critical extension, a CA without basicConstraints, a weak signature
 * algorithm or a path longer than eight refuse.
 */
import { X509Certificate } from 'node:crypto';
import { contextTag, DecodeError, DerReader } from '@assay/bytes';

type ChainFault =
  | 'not-a-certificate'
  | 'no-path'
  | 'not-yet-valid'
  | 'ended'
  | 'not-a-ca'
  | 'path-length'
  | 'critical-extension'
  | 'weak-signature';

export type ChainResult =
  | { readonly ok: true; readonly anchor: X509Certificate; readonly length: number }
  | { readonly ok: false; readonly fault: ChainFault; readonly certificate: string };

const LONGEST_PATH = 8;
/** Signature checks of one validation: certificates that certify each other in circles end here. */
const MOST_STEPS = 64;
/** Signatures that may appear in a path: ECDSA, RSA and RSA-PSS with SHA-2, Ed25519. */
const SIGNATURES: ReadonlySet<string> = new Set([
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.2.840.113549.1.1.10',
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.3.101.112',
]);
const BASIC_CONSTRAINTS = '2.5.29.19';
/** Critical extensions whose meaning is kept: basicConstraints here, keyUsage by `checkIssued`, the others do not restrict signing. */
const UNDERSTOOD: ReadonlySet<string> = new Set([BASIC_CONSTRAINTS, '2.5.29.15', '2.5.29.17', '2.5.29.37']);

interface Facts {
  readonly signature: string;
  readonly criticalUnknown: boolean;
  readonly ca: boolean;
  /** pathLenConstraint; undefined: no limit. */
  readonly pathLength: number | undefined;
}

/**
 * Looks for a path from `leaf` to a self-signed certificate among `anchors`. Intermediates may come from the token or from the
 * anchors' files, in any order; only what the owner named can end the path.
 */
export function verifyChain(
  leaf: X509Certificate,
  untrusted: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
  now: Date,
): ChainResult {
  const facts = new Map<string, Facts>();
  const trusted = new Set(anchors.map((anchor) => anchor.fingerprint256));
  const pool = [...anchors, ...untrusted.filter((one) => !trusted.has(one.fingerprint256))];
  let best: ChainResult = failure('no-path', leaf);
  let steps = 0;

  /** Depth first; `below` is how many intermediate CAs stand under `certificate`. */
  function climb(certificate: X509Certificate, below: number, seen: ReadonlySet<string>): ChainResult {
    const own = checkOne(certificate, below, seen.size > 0);
    if (own !== undefined) return own;
    if (selfIssued(certificate) && trusted.has(certificate.fingerprint256))
      return { ok: true, anchor: certificate, length: seen.size + 1 };
    if (seen.size + 1 >= LONGEST_PATH) return failure('no-path', certificate);
    const path = new Set(seen).add(certificate.fingerprint256);
    for (const issuer of pool) {
      if (path.has(issuer.fingerprint256) || !certificate.checkIssued(issuer)) continue;
      steps += 1;
      if (steps > MOST_STEPS) return best;
      if (!certificate.verify(issuer.publicKey)) continue;
      const result = climb(issuer, seen.size === 0 ? 0 : below + 1, path);
      if (result.ok) return result;
      best = result;
    }
    return best;
  }

  function checkOne(certificate: X509Certificate, below: number, isIssuer: boolean): ChainResult | undefined {
    let known: Facts;
    try {
      known = facts.get(certificate.fingerprint256) ?? readFacts(certificate.raw);
    } catch (error) {
      if (error instanceof DecodeError) return failure('not-a-certificate', certificate);
      throw error;
    }
    facts.set(certificate.fingerprint256, known);
    if (now.getTime() < Date.parse(certificate.validFrom)) return failure('not-yet-valid', certificate);
    if (now.getTime() > Date.parse(certificate.validTo)) return failure('ended', certificate);
    if (known.criticalUnknown) return failure('critical-extension', certificate);
    // A self-signed anchor's own signature proves nothing; what it signed does.
    if (!(selfIssued(certificate) && trusted.has(certificate.fingerprint256)) && !SIGNATURES.has(known.signature))
      return failure('weak-signature', certificate);
    if (isIssuer && !known.ca) return failure('not-a-ca', certificate);
    if (isIssuer && known.pathLength !== undefined && below > known.pathLength)
      return failure('path-length', certificate);
    return undefined;
  }

  return climb(leaf, 0, new Set());
}

/** Certificate of DER bytes, or undefined where they are none. */
export function readCertificate(der: Uint8Array): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(Buffer.from(der));
    return Buffer.compare(certificate.raw, Buffer.from(der)) === 0 ? certificate : undefined;
  } catch {
    return undefined;
  }
}

function selfIssued(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);
}

function failure(fault: ChainFault, certificate: X509Certificate): ChainResult {
  return { ok: false, fault, certificate: commonName(certificate.subject) };
}

function commonName(subject: string): string {
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? subject.replaceAll('\n', ', ');
}

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue } (RFC 5280 section 4.1). */
function readFacts(der: Uint8Array): Facts {
  const outer = new DerReader(der);
  const certificate = outer.sequence();
  outer.end();
  const tbs = certificate.sequence();
  const signature = certificate.sequence().oid();
  tbs.optional(contextTag(0, true));
  tbs.any(); // serialNumber
  const inner = tbs.sequence().oid();
  if (inner !== signature) throw new DecodeError('certificate', 'two signature algorithms');
  for (let i = 0; i < 4; i++) tbs.any(); // issuer, validity, subject, subjectPublicKeyInfo
  let ca = false;
  let pathLength: number | undefined;
  let criticalUnknown = false;
  for (; !tbs.atEnd; ) {
    const extensions = tbs.explicit(3);
    if (extensions === undefined) {
      tbs.any(); // unique identifiers
      continue;
    }
    const list = extensions.sequence();
    const seen = new Set<string>();
    while (!list.atEnd) {
      const extension = list.sequence();
      const oid = extension.oid();
      if (seen.has(oid)) throw new DecodeError('certificate', 'an extension occurs twice');
      seen.add(oid);
      const critical = extension.peekTag() === 0x01 ? extension.boolean() : false;
      const value = extension.octetString();
      extension.end();
      if (oid === BASIC_CONSTRAINTS) {
        const reader = new DerReader(value);
        const constraints = reader.sequence();
        reader.end();
        ca = constraints.peekTag() === 0x01 ? constraints.boolean() : false;
        if (!constraints.atEnd) pathLength = constraints.smallInteger();
        constraints.end();
      } else if (critical && !UNDERSTOOD.has(oid)) {
        criticalUnknown = true;
      }
    }
  }
  return { signature, criticalUnknown, ca, pathLength };
}
