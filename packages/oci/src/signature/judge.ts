/** Asks a signature policy about an image: fetches what its requirements want, and verifies. */
import { readFile } from 'node:fs/promises';
import { assayError } from '@assay/bytes/findings';
import type { ImageSource, StoredManifest } from '../location/location.js';
import type { Digest } from '../model/digest.js';
import type { Descriptor } from '../model/manifest.js';
import { formatReference, type ImageReference } from '../model/reference.js';
import type { VerifiedSigner } from '../sigstore/verify.js';
import { absent } from './absent.js';
import { bySigstore } from './by-sigstore.js';
import { DEFAULT_IDENTITY, type SignedIdentity } from './identity.js';
import type { KeySource } from './key-source.js';
import { lookUpScope, type Requirement, type SignaturePolicy } from './policy.js';
import { readKeyring, verifySimpleSignature } from './simple-signing.js';

export interface JudgeOptions {
  readonly policy: SignaturePolicy;
  /** What was asked for: never where a mirror had it. */
  readonly reference: ImageReference;
  /** Of the manifest, or of the index that names it. */
  readonly manifestDigest: Digest;
  /** Where the image was found; cosign's signatures are beside it. */
  readonly source: ImageSource & {
    tagged?(tag: string): Promise<StoredManifest | undefined>;
    referrers?(digest: Digest, artifactType: string): Promise<readonly Descriptor[]>;
  };
  /** Bytes of a key that the policy names by path, `file:///…` or `kbs:///…`. */
  readonly readKey: (path: string) => Promise<Uint8Array>;
  /** Folder of a namespace's OpenPGP signatures, without a slash at its end. Throws where there is none. */
  readonly lookaside: (reference: ImageReference) => string;
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
  /** Key of the policy that decided. */
  readonly scope: string;
  readonly requirements: readonly MetRequirement[];
}

const MOST_SIGNATURES = 128;

/**
 * @throws AssayError `signature.*` for the first requirement that does not hold; what `readKey` and `lookaside` throw
 */
export async function judgeSignatures(options: JudgeOptions): Promise<Judgement> {
  const { scope, requirements } = lookUpScope(options.policy, options.reference);
  const met: MetRequirement[] = [];
  for (const requirement of requirements) met.push(await meets(requirement, scope, options));
  return { scope, requirements: met };
}

async function meets(requirement: Requirement, scope: string, options: JudgeOptions): Promise<MetRequirement> {
  const { type } = requirement;
  switch (type) {
    case 'insecureAcceptAnything':
      return { type };
    case 'reject': {
      const ref = formatReference(options.reference);
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

/** Signatures lie in a folder, numbered from 1 to the first gap. Any good one is enough; of several bad ones the first is told. */
async function bySimpleSigning(
  keys: KeySource,
  identity: SignedIdentity = DEFAULT_IDENTITY,
  options: JudgeOptions,
): Promise<string> {
  const { reference, manifestDigest, now, allowExpiredKey = false, allowSha1 = false } = options;
  const folder = `${options.lookaside(reference)}/${reference.repository}@${manifestDigest.replace(':', '=')}`;
  const files = await Promise.all(keys.paths.map(async (name) => ({ name, bytes: await options.readKey(name) })));
  const rings = [
    ...files,
    ...keys.data.map((text) => ({ name: 'keyData', bytes: new Uint8Array(Buffer.from(text, 'base64')) })),
  ];
  const keyrings = (await Promise.all(rings.map(({ bytes, name }) => readKeyring(bytes, name)))).flat();
  const image = { reference, manifestDigest };
  let reason: unknown;
  for (let number = 1; number <= MOST_SIGNATURES; number += 1) {
    const signature = await readIfThere(`${folder}/signature-${number}`);
    if (signature === undefined) break;
    try {
      const settings = { now, allowExpiredKey, allowSha1 };
      return (await verifySimpleSignature(signature, keyrings, image, identity, settings)).fingerprint;
    } catch (error) {
      reason ??= error;
    }
  }
  throw reason ?? absent(reference, 'OpenPGP', folder);
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
