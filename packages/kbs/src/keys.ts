import { createHash } from 'node:crypto';
import { canonicalJson } from '@assay/bytes';
import type { TeePubkey } from '@assay/protocol';

/**
 * Thumbprint of a guest's key (RFC 7638 with SHA-256, base64url), over the texts as the guest sent them. RSA keys of 0.1.0
 * clients without `kty` are named as if they were JWKs: the same texts give the same thumbprint.
 */
export function keyThumbprint(key: TeePubkey): string {
  return createHash('sha256')
    .update(canonicalJson(required(key)))
    .digest('base64url');
}

function required(key: TeePubkey): { readonly [member: string]: string } {
  switch (key.kind) {
    case 'RSA':
      return { e: key.e, kty: 'RSA', n: key.n };
    case 'EC':
      return { crv: key.crv, kty: 'EC', x: key.x, y: key.y };
    case 'AKP':
      return { alg: key.alg, kty: 'AKP', pub: key.pub };
  }
}
