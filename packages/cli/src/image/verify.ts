import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  checkDigest,
  formatReference,
  type ImageReference,
  type ImageSource,
  judgeSignatures,
  lookasideBase,
  type MetRequirement,
  nameOf,
  parseLocation,
  parseReference,
  readLookaside,
  readPolicy,
  type SignedImage,
  sha256Digest,
} from '@assay/oci';
import { type CommonFlags, outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { styled } from '../terminal/style.js';
import { type DocumentFlags, documentsOf } from './documents.js';
import { type RegistryFlags, sourceOf } from './locations.js';

/** Flags of commands that look at signatures. */
export interface SignatureFlags extends DocumentFlags {
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
  readonly requirements: readonly MetRequirement[];
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
  const fetch = documentsOf(flags);
  const policy = readPolicy(await fetch(flags.signaturePolicy), flags.signaturePolicy);
  const image = { ...imageOf(location, flags), manifestDigest: digest };
  // A registry was asked by its digest; elsewhere nothing has compared it yet.
  if (image.reference?.digest !== undefined) checkDigest(bytes, image.reference.digest);
  const { scope, requirements: met } = await judgeSignatures({
    ...image,
    policy,
    source,
    readKey: fetch,
    lookaside: await lookasideBy(flags, image),
    now: new Date(),
    allowExpiredKey: flags.allowExpiredKey === true,
    allowSha1: flags.allowSha1 === true,
  });
  const how = met.map(inWords).join(', ');
  return { scope, digest, requirements: met, line: `${nameOf(image)}: scope \`${scope}\`: ${how}` };
}

/** `sigstoreSigned alice@example.com (of https://accounts.example, logged 2026-03-01T12:05:00.000Z)` */
function inWords({ type, signer, issuer, logged }: MetRequirement): string {
  const more = [
    ...(issuer === undefined ? [] : [`of ${issuer}`]),
    ...(logged === undefined ? [] : [`logged ${logged}`]),
  ];
  return `${type}${signer === undefined ? '' : ` ${signer}`}${more.length === 0 ? '' : ` (${more.join(', ')})`}`;
}

/** Read before it is known whether the policy needs it: what cannot be read is told in any case. */
async function lookasideBy(
  flags: SignatureFlags,
  { place }: Pick<SignedImage, 'place'>,
): Promise<((reference: ImageReference) => string) | undefined> {
  const { lookaside: name } = flags;
  if (name === undefined) {
    // A directory has its own, beside the manifest.
    if (place?.transport === 'dir') return undefined;
    return () => {
      throw new CliError('--lookaside is missing: nothing says where OpenPGP signatures lie', EXIT.usage);
    };
  }
  const text = Buffer.from(await documentsOf(flags)(name)).toString('utf8');
  const config = readLookaside([{ name, text }]);
  return (reference) => {
    const base = lookasideBase(config, reference);
    if (base?.startsWith('file:///')) return fileURLToPath(base).replace(/\/$/, '');
    throw new CliError(`${name}: no file:// place for ${formatReference(reference)}`, EXIT.malformed);
  };
}

/** A layout and a directory do not say under which name their image was signed: it has the one that it is given, or none. */
function imageOf(location: string, flags: SignatureFlags): Pick<SignedImage, 'reference' | 'place'> {
  const parsed = parseLocation(location);
  const reference = flags.reference === undefined ? undefined : parseReference(flags.reference);
  if (parsed.kind === 'registry') {
    if (reference === undefined) return { reference: parsed.reference };
    // Under the name of another registry it would have the scope and the signatures of that.
    throw new CliError(`--reference names an image in a folder; ${location} has its name`, EXIT.usage, {
      hint: 'for a mirror: --registries-conf, or remapIdentity in the policy',
    });
  }
  // As policies name folders: all links followed.
  const place = { transport: parsed.kind === 'layout' ? 'oci' : 'dir', folder: realpathSync(parsed.folder) } as const;
  return { reference, place };
}
