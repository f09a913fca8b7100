/** Trust anchors of SEV-SNP, and what is kept per set of anchors. */

import { createHash } from 'node:crypto';
import { decodeBase64 } from '@assay/bytes';
import { type Certificate, KeyCache, LruMap, parseCertificate, type TrustAnchor } from '../../x509/index.js';
import { PRODUCTS, type Product } from '../product.js';
import { AMD_CERTIFICATES } from './amd-certificates.js';
import type { VerifiedAmdChain } from './chain.js';

/** SHA-256 of the SubjectPublicKeyInfo of each ARK. */
const PINS: { readonly [product in Product]: string } = {
  Milan: '9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9',
  Genoa: '429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831',
  Turin: '4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08',
};

/** About one leaf per host and TCB. */
const KEPT_CHAINS = 4096;
/** Keys of certificate authorities: nine of AMD's, and some of strangers. */
const KEPT_KEYS = 64;

/** A set of anchors, with the chains that were verified under it. */
export interface AmdTrust {
  readonly anchors: readonly TrustAnchor[];
  /** Certificates of authorities that may be used when the evidence brings none. */
  readonly authorities: readonly Certificate[];
  /** By digest of the exact bytes; holds checks that do not depend on time, never a date or a report. */
  readonly chains: LruMap<VerifiedAmdChain>;
  readonly keys: KeyCache;
}

/** Built-in certificates, read once. The pins decide; a table that does not agree with them is a defect. */
const BUILT_IN: readonly Certificate[] = PRODUCTS.flatMap((product) => {
  const { ask, ark, asvk } = AMD_CERTIFICATES[product];
  return [ark, ask, asvk].map((text) => parseCertificate(decodeBase64(text.replace(/\s/g, ''))));
});

const AMD_ROOTS: readonly TrustAnchor[] = PRODUCTS.map((product) => {
  const ark = BUILT_IN.find(({ publicKey }) => sha256(publicKey.der) === PINS[product]);
  if (ark === undefined) throw new Error(`no built-in certificate has the pinned key of ARK-${product}`);
  return { name: `built-in pin of ARK-${product}`, publicKey: ark.publicKey.der };
});

/** @param anchors never empty; what is built in is not added */
export function amdTrustIn(anchors: readonly TrustAnchor[], authorities: readonly Certificate[] = []): AmdTrust {
  if (anchors.length === 0) throw new RangeError('no trust anchor given');
  return {
    anchors: Object.freeze([...anchors]),
    authorities,
    chains: new LruMap(KEPT_CHAINS),
    keys: new KeyCache(KEPT_KEYS),
  };
}

/** AMD's roots, and the roots of emulated hardware that the owner added by name. */
export function amdTrust(emulated: readonly TrustAnchor[] = []): AmdTrust {
  return amdTrustIn([...AMD_ROOTS, ...emulated.map((anchor) => ({ ...anchor, emulated: true as const }))], BUILT_IN);
}

/** For findings: SHA-256 of the keys that would have been trusted. */
export function anchorDigests(trust: AmdTrust): string[] {
  return trust.anchors.map(({ publicKey }) => sha256(publicKey));
}

/** For findings: `ARK-Milan, ARK-Genoa`. */
export function anchorNames(trust: AmdTrust): string {
  return trust.anchors.map(({ name }) => name.replace('built-in pin of ', '')).join(', ');
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
