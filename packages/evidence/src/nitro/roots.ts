/** Trust anchors of AWS Nitro Enclaves. */
import { createHash } from 'node:crypto';
import { type LinkCache, LruMap, type TrustAnchor } from '../x509/index.js';

/** Uncompressed P-384 point of the key of `aws.nitro-enclaves`, valid until 2049. */
const ROOT_POINT =
  '04fc0254eba608c1f36870e29ada90be46383292736e894bfff672d989444b5051e534a4b1f6dbe3c0bc581a32b7b176070ede12d69a3fea211b66e752cf7dd1dd095f6f1370f4170843d9dc100121e4cf63012809664487c9796284304dc53ff4';
/** SubjectPublicKeyInfo of a P-384 key, up to the point. */
const P384_PREFIX = '3076301006072a8648ce3d020106052b81040022036200';

/** Root of AWS Nitro Enclaves: pinned by key, so that a re-issued certificate of the same key stays trusted. */
export const AWS_NITRO_ROOT: TrustAnchor = {
  name: 'built-in pin of aws.nitro-enclaves',
  publicKey: Uint8Array.from(Buffer.from(P384_PREFIX + ROOT_POINT, 'hex')),
};

/** Root, regional and zonal certificates are shared by many documents; those below live for a day or three hours. */
const KEPT_LINKS = 256;

export interface NitroTrust {
  readonly anchors: readonly TrustAnchor[];
  /** Links between certificates that were checked, by their exact bytes: never a date or a document. */
  readonly links: LinkCache;
}

/** @param anchors never empty; what is built in is not added */
export function nitroTrustIn(anchors: readonly TrustAnchor[]): NitroTrust {
  if (anchors.length === 0) throw new RangeError('no trust anchor given');
  return { anchors: Object.freeze([...anchors]), links: new LruMap(KEPT_LINKS) };
}

/** The root of AWS, and the roots of emulated hardware that the owner added by name. */
export function nitroTrust(emulated: readonly TrustAnchor[] = []): NitroTrust {
  return nitroTrustIn([AWS_NITRO_ROOT, ...emulated.map((anchor) => ({ ...anchor, emulated: true as const }))]);
}

/** SHA-256 of a SubjectPublicKeyInfo, lower-case hex. */
export function keyDigest(publicKey: Uint8Array): string {
  return createHash('sha256').update(publicKey).digest('hex');
}
