import { fileURLToPath } from 'node:url';
import {
  formatReference,
  type ImageReference,
  type ImageSource,
  judgeSignatures,
  lookasideBase,
  type MetRequirement,
  parseLocation,
  parseReference,
  readLookaside,
  readPolicy,
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
  const reference = referenceOf(location, flags);
  const { scope, requirements: met } = await judgeSignatures({
    policy,
    reference,
    manifestDigest: digest,
    source,
    readKey: fetch,
    lookaside: await lookasideBy(flags),
    now: new Date(),
    allowExpiredKey: flags.allowExpiredKey === true,
    allowSha1: flags.allowSha1 === true,
  });
  const how = met.map(inWords).join(', ');
  return { scope, digest, requirements: met, line: `${formatReference(reference)}: scope \`${scope}\`: ${how}` };
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
async function lookasideBy(flags: SignatureFlags): Promise<(reference: ImageReference) => string> {
  const { lookaside: name } = flags;
  if (name === undefined) {
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
