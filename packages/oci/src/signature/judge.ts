/** Asks a signature policy about an image: fetches what its requirements want, and verifies. */
import { assayError } from '@assay/bytes/findings';
import type { SignedSource } from '../location/location.js';
import type { Digest } from '../model/digest.js';
import type { ImageReference } from '../model/reference.js';
import type { VerifiedSigner } from '../sigstore/verify.js';
import { bySigstore } from './by-sigstore.js';
import { bySimpleSigning } from './by-simple-signing.js';
import { lookUpPlace, lookUpScope, type PolicyScope, type Requirement, type SignaturePolicy } from './policy.js';
import { nameOf, type SignedImage } from './subject.js';

export interface JudgeOptions extends SignedImage {
  readonly policy: SignaturePolicy;
  /** Of the manifest, or of the index that names it. */
  readonly manifestDigest: Digest;
  /** Where the image was found; signatures are beside it. */
  readonly source: SignedSource;
  /** Bytes of a key that the policy names by path, `file:///…` or `kbs:///…`. */
  readonly readKey: (path: string) => Promise<Uint8Array>;
  /** Folder of a namespace's OpenPGP signatures, without a slash at its end. Throws where there is none. Undefined: not looked for. */
  readonly lookaside?: ((reference: ImageReference) => string) | undefined;
  readonly now: Date;
  /** Default false, as {@link verifySimpleSignature} has them. */
  readonly allowExpiredKey?: boolean;
  readonly allowSha1?: boolean;
}

export interface MetRequirement {
  readonly type: Requirement['type'];
  /** Fingerprint of the OpenPGP key; names in the certificate of a signer. */
  readonly signer?: string;
  /** Who vouched for that signer. */
  readonly issuer?: string;
  /** When a transparency log took the signature, RFC 3339. */
  readonly logged?: string;
}

/** All requirements of a scope held. */
export interface Judgement {
  /** Key of the policy that decided; of two, with a comma between. */
  readonly scope: string;
  readonly requirements: readonly MetRequirement[];
}

/**
 * @throws AssayError `signature.*` for the first requirement that does not hold; what `readKey` and `lookaside` throw
 */
export async function judgeSignatures(options: JudgeOptions): Promise<Judgement> {
  const scopes = scopesOf(options);
  const met: MetRequirement[] = [];
  for (const { scope, requirements } of scopes) {
    for (const requirement of requirements) met.push(await meets(requirement, scope, options));
  }
  return { scope: scopes.map(({ scope }) => scope).join(', '), requirements: met };
}

/** Under a name the image is one of a registry; what the policy says of the folder it lies in must hold too. */
function scopesOf({ policy, reference, place }: JudgeOptions): readonly PolicyScope[] {
  const here = place === undefined ? undefined : lookUpPlace(policy, place);
  const named = reference === undefined ? undefined : lookUpScope(policy, reference);
  const found = [named, here].filter((scope) => scope !== undefined);
  return found.length === 0 ? [{ scope: 'default', requirements: policy.default }] : found;
}

async function meets(requirement: Requirement, scope: string, options: JudgeOptions): Promise<MetRequirement> {
  const { type } = requirement;
  switch (type) {
    case 'insecureAcceptAnything':
      return { type };
    case 'reject': {
      const ref = nameOf(options);
      throw assayError('signature.policy.accepts', { params: { ref, scope, type }, subject: ref });
    }
    case 'signedBy':
      return { type, signer: await bySimpleSigning(requirement.keys, requirement.identity, options) };
    case 'sigstoreSigned':
      return metBy(await bySigstore(requirement, options));
  }
}

function metBy({ subject, issuer, time }: VerifiedSigner): MetRequirement {
  return {
    type: 'sigstoreSigned',
    ...(subject === undefined ? {} : { signer: subject }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(time === undefined ? {} : { logged: time.toISOString() }),
  };
}
