import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { assayError } from '@assay/bytes/findings';
import {
  DEFAULT_IDENTITY,
  formatReference,
  type ImageReference,
  type ImageSource,
  isDigest,
  type KeySource,
  lookasideBase,
  lookUpScope,
  parseLocation,
  parseReference,
  type RegistrySource,
  type Requirement,
  readBlob,
  readCosignKey,
  readKeyring,
  readLookaside,
  readManifest,
  readPolicy,
  sha256Digest,
  signatureTag,
  verifyCosign,
  verifySimpleSignature,
} from '@assay/oci';
import { type CommonFlags, outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { styled } from '../terminal/style.js';
import { type RegistryFlags, sourceOf } from './locations.js';

/** Flags of commands that look at signatures. */
export interface SignatureFlags {
  readonly signaturePolicy?: string;
  readonly lookaside?: string;
  /** Name under which an image of a layout was signed. */
  readonly reference?: string;
  readonly allowExpiredKey?: boolean;
  readonly allowSha1?: boolean;
}

export type VerifyFlags = CommonFlags & RegistryFlags & SignatureFlags;

/** What the policy said of an image. */
export interface SignatureVerdict {
  /** Scope that decided; null where no policy was given. */
  readonly scope: string | null;
  readonly digest: string;
  readonly requirements: readonly { readonly type: string; readonly signer?: string }[];
  /** For people. */
  readonly line: string;
}

/** `assay image verify`. */
export async function verifyImage(location: string, flags: VerifyFlags): Promise<void> {
  if (flags.signaturePolicy === undefined) {
    throw new CliError('--signature-policy is missing: nothing says which signatures are wanted', EXIT.usage, {
      hint: 'see containers-policy.json(5)',
    });
  }
  const source = await sourceOf(location, flags);
  try {
    const { line, ...verdict } = await verifySignatures(location, source, flags);
    outputOf(flags).result({ verdict: 'accept', ...verdict }, (out) =>
      out.write(`${styled(out, 'green', out.unicode ? '✓' : 'ok')} ${line}\n`),
    );
  } finally {
    await source.close?.();
  }
}

/**
 * Asks the signature policy about an image. Without one there is nothing to ask, and the verdict says so.
 *
 * @throws AssayError `signature.*` when a requirement does not hold
 */
export async function verifySignatures(
  location: string,
  source: ImageSource,
  flags: SignatureFlags,
): Promise<SignatureVerdict> {
  const { bytes } = await source.manifest();
  const digest = sha256Digest(bytes);
  if (flags.signaturePolicy === undefined) {
    return { scope: null, digest, requirements: [], line: `${digest}: no signature policy was given, none was asked` };
  }
  const policy = readPolicy(readFileSync(flags.signaturePolicy), flags.signaturePolicy);
  const reference = referenceOf(location, flags);
  const { scope, requirements } = lookUpScope(policy, reference);
  const met = [];
  for (const requirement of requirements)
    met.push(await meets(requirement, { reference, manifestDigest: digest }, source, scope, flags));
  const how = met.map(({ type, signer }) => (signer === undefined ? type : `${type} ${signer}`)).join(', ');
  return { scope, digest, requirements: met, line: `${formatReference(reference)}: scope \`${scope}\`: ${how}` };
}

interface Subject {
  readonly reference: ImageReference;
  readonly manifestDigest: string;
}

async function meets(
  requirement: Requirement,
  image: Subject,
  source: ImageSource,
  scope: string,
  flags: SignatureFlags,
): Promise<{ readonly type: string; readonly signer?: string }> {
  switch (requirement.type) {
    case 'insecureAcceptAnything':
      return { type: requirement.type };
    case 'reject':
      throw assayError('signature.policy.accepts', {
        params: { ref: formatReference(image.reference), scope, type: 'reject' },
        subject: formatReference(image.reference),
      });
    case 'signedBy': {
      const signer = await bySimpleSigning(requirement.keys, requirement.identity ?? DEFAULT_IDENTITY, image, flags);
      return { type: requirement.type, signer };
    }
    case 'sigstoreSigned': {
      const keys = textsOf(requirement.keys).map(({ text, name }) => readCosignKey(text, name));
      const tag = isDigest(image.manifestDigest) ? signatureTag(image.manifestDigest) : '';
      const stored = 'tagged' in source ? await (source as RegistrySource).tagged(tag) : undefined;
      if (stored === undefined) throw absent(image, 'cosign', `tag ${tag}`);
      const manifest = readManifest(stored.bytes, stored.mediaType);
      if (manifest.kind !== 'manifest') throw absent(image, 'cosign', `tag ${tag}, which is an index,`);
      await verifyCosign({
        manifest,
        payload: (layer) => readBlob(source, layer),
        keys,
        image,
        identity: requirement.identity ?? DEFAULT_IDENTITY,
      });
      return { type: requirement.type };
    }
  }
}

/** Signatures lie in a folder, numbered from 1 to the first gap. Any good one is enough; of several bad ones the first is told. */
async function bySimpleSigning(
  keys: KeySource,
  identity: Parameters<typeof verifySimpleSignature>[3],
  image: Subject,
  flags: SignatureFlags,
): Promise<string> {
  const base = lookasideOf(image.reference, flags);
  const keyrings = await Promise.all(bytesOf(keys).map(({ bytes, name }) => readKeyring(bytes, name)));
  const { reference, manifestDigest } = image;
  const folder = `${base}/${reference.repository}@${manifestDigest.replace(':', '=')}`;
  const options = {
    now: new Date(),
    allowExpiredKey: flags.allowExpiredKey === true,
    allowSha1: flags.allowSha1 === true,
  };
  let reason: unknown;
  for (let number = 1; number <= MOST_SIGNATURES; number += 1) {
    const signature = read(`${folder}/signature-${number}`);
    if (signature === undefined) break;
    try {
      return (await verifySimpleSignature(signature, keyrings.flat(), image, identity, options)).fingerprint;
    } catch (error) {
      reason ??= error;
    }
  }
  throw reason ?? absent(image, 'OpenPGP', folder);
}

const MOST_SIGNATURES = 128;

function lookasideOf(reference: ImageReference, { lookaside }: SignatureFlags): string {
  if (lookaside === undefined) {
    throw new CliError('--lookaside is missing: nothing says where OpenPGP signatures lie', EXIT.usage);
  }
  const config = readLookaside([{ name: lookaside, text: readFileSync(lookaside, 'utf8') }]);
  const base = lookasideBase(config, reference);
  if (base?.startsWith('file:///')) return fileURLToPath(base).replace(/\/$/, '');
  throw new CliError(`${lookaside}: no file:// place for ${formatReference(reference)}`, EXIT.malformed);
}

function read(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function referenceOf(location: string, flags: SignatureFlags): ImageReference {
  if (flags.reference !== undefined) return parseReference(flags.reference);
  const parsed = parseLocation(location);
  if (parsed.kind === 'registry') return parsed.reference;
  throw new CliError(
    '--reference is missing: a layout does not say under which name its image was signed',
    EXIT.usage,
    {
      hint: '--reference registry.example/team/app:v1',
    },
  );
}

/** Paths of files; keys that a broker keeps are fetched by a guest's image service. */
function bytesOf({ paths, data }: KeySource): readonly { readonly name: string; readonly bytes: Uint8Array }[] {
  const files = paths.map((path) => {
    if (/^kbs(\+\w+)?:/.test(path)) {
      throw new CliError(`${path}: keys of a broker are fetched in a guest alone`, EXIT.usage, {
        hint: 'assay client get-resource, and a policy with its file',
      });
    }
    const name = path.startsWith('file://') ? fileURLToPath(path) : path;
    return { name, bytes: new Uint8Array(readFileSync(name)) };
  });
  return [...files, ...data.map((text) => ({ name: 'keyData', bytes: new Uint8Array(Buffer.from(text, 'base64')) }))];
}

function textsOf(keys: KeySource): readonly { readonly name: string; readonly text: string }[] {
  const files = bytesOf({ paths: keys.paths, data: [] }).map(({ name, bytes }) => ({
    name,
    text: Buffer.from(bytes).toString('utf8'),
  }));
  return [...files, ...keys.data.map((text) => ({ name: 'keyData', text }))];
}

function absent({ reference }: Subject, kind: string, where: string): Error {
  const ref = formatReference(reference);
  return assayError('signature.object.present', { params: { ref, kind, where }, subject: ref });
}
