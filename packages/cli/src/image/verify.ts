import { readFileSync } from 'node:fs';
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
  const policy = readPolicy(readFileSync(flags.signaturePolicy), flags.signaturePolicy);
  const reference = referenceOf(location, flags);
  const { scope, requirements: met } = await judgeSignatures({
    policy,
    reference,
    manifestDigest: digest,
    source,
    readKey,
    lookaside: (image) => lookasideOf(image, flags),
    now: new Date(),
    allowExpiredKey: flags.allowExpiredKey === true,
    allowSha1: flags.allowSha1 === true,
  });
  const how = met.map(({ type, signer }) => (signer === undefined ? type : `${type} ${signer}`)).join(', ');
  return { scope, digest, requirements: met, line: `${formatReference(reference)}: scope \`${scope}\`: ${how}` };
}

function lookasideOf(reference: ImageReference, { lookaside }: SignatureFlags): string {
  if (lookaside === undefined) {
    throw new CliError('--lookaside is missing: nothing says where OpenPGP signatures lie', EXIT.usage);
  }
  const config = readLookaside([{ name: lookaside, text: readFileSync(lookaside, 'utf8') }]);
  const base = lookasideBase(config, reference);
  if (base?.startsWith('file:///')) return fileURLToPath(base).replace(/\/$/, '');
  throw new CliError(`${lookaside}: no file:// place for ${formatReference(reference)}`, EXIT.malformed);
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

/** A key in a file; keys that a broker keeps are fetched by a guest's image service. */
async function readKey(path: string): Promise<Uint8Array> {
  if (/^kbs(\+\w+)?:/.test(path)) {
    throw new CliError(`${path}: keys of a broker are fetched in a guest alone`, EXIT.usage, {
      hint: 'assay client get-resource, and a policy with its file',
    });
  }
  return readFileSync(path.startsWith('file://') ? fileURLToPath(path) : path);
}
