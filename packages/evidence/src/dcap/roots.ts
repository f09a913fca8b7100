/** Trust anchors of DCAP, and what is kept per set of anchors. */
import { hash } from 'node:crypto';
import { decodeBase64, encodeHex } from '@assay/bytes';
import {
  type Certificate,
  type LinkCache,
  LruMap,
  linkName,
  parseCertificate,
  splitCertificates,
  type TrustAnchor,
  vendorKeys,
  verifySignature,
} from '../x509/index.js';
import { INTEL_ROOT_CERTIFICATE } from './intel-root.js';
import type { PckChain } from './pck/chain.js';

/** Uncompressed point of the Intel SGX Root CA key, the same in both certificates that Intel issued for it. */
const INTEL_ROOT_POINT =
  '040ba9c4c0c0c86193a3fe23d6b02cda10a8bbd4e88e48b4458561a36e705525f567918e2edc88e40d860bd0cc4ee26aacc988e505a953558c453f6b0904ae7394';
/** SubjectPublicKeyInfo of a P-256 key, up to the point. */
const P256_PREFIX = '3059301306072a8648ce3d020106082a8648ce3d030107034200';

/** Intel SGX Root CA: pinned by key, so that a re-issued certificate of the same key stays trusted. */
export const INTEL_SGX_ROOT: TrustAnchor = {
  name: 'built-in pin of Intel SGX Root CA',
  publicKey: Uint8Array.from(Buffer.from(P256_PREFIX + INTEL_ROOT_POINT, 'hex')),
};

/** The certificate that ships with Assay, read once, and whether it is signed by its own key. */
const BUILT_IN = readBuiltIn();

function readBuiltIn(): { readonly certificate: Certificate; readonly signed: boolean } {
  const certificate = parseCertificate(decodeBase64(INTEL_ROOT_CERTIFICATE.replace(/\s/g, '')));
  const { publicKey, signature, signatureAlgorithm, tbs } = certificate;
  vendorKeys.keep(publicKey);
  return { certificate, signed: verifySignature(signatureAlgorithm.name, tbs, signature, publicKey) };
}

/** PCK chains that are kept: about one per host. */
const KEPT_CHAINS = 512;

/** Certificates and links between them that are kept; a few are shared by all chains, the leaves are one per host. */
const KEPT_CERTIFICATES = 256;

/** A set of anchors, with what was read and verified under it. All of it bounded, and about endorsements alone. */
export interface DcapTrust {
  readonly anchors: readonly TrustAnchor[];
  /** By their fingerprints. */
  readonly certificates: LruMap<Certificate>;
  readonly links: LinkCache;
  /** By digest of the exact bytes; holds checks that do not depend on time, never a date or a quote. */
  readonly chains: LruMap<PckChain>;
}

/** @param anchors never empty; what is built in is not added */
export function dcapTrust(anchors: readonly TrustAnchor[]): DcapTrust {
  if (anchors.length === 0) throw new RangeError('no trust anchor given');
  const certificates = new LruMap<Certificate>(KEPT_CERTIFICATES);
  const links: LinkCache = new LruMap(KEPT_CERTIFICATES);
  if (anchors.includes(INTEL_SGX_ROOT)) {
    const { certificate, signed } = BUILT_IN;
    certificates.set(certificate.fingerprint, certificate);
    links.set(linkName(certificate, certificate), signed);
  }
  return { anchors: Object.freeze([...anchors]), certificates, links, chains: new LruMap(KEPT_CHAINS) };
}

/** Reads a chain; a certificate that was read before under the same anchors is not read again. @throws DecodeError */
export function readChain(input: Uint8Array, trust: DcapTrust): Certificate[] {
  return splitCertificates(input).map((der) => {
    const fingerprint = hash('sha256', der, 'hex');
    const known = trust.certificates.get(fingerprint);
    if (known !== undefined) return known;
    // What is kept must not be a view of a whole request.
    const certificate = parseCertificate(new Uint8Array(der), fingerprint);
    trust.certificates.set(fingerprint, certificate);
    return certificate;
  });
}

/** Intel's root, and the roots of emulated hardware that the owner added by name. */
export function intelTrust(emulated: readonly TrustAnchor[] = []): DcapTrust {
  return dcapTrust([INTEL_SGX_ROOT, ...emulated.map((anchor) => ({ ...anchor, emulated: true as const }))]);
}

/** For findings: which keys would have been trusted. */
export function anchorKeys(trust: DcapTrust): string[] {
  return trust.anchors.map(({ publicKey }) => encodeHex(publicKey.subarray(-65)));
}
