import { randomBytes } from 'node:crypto';
import { type CopyProgress, type CopyResult, copyImage, type ImageSource } from '@assay/oci';
import { type CommonFlags, outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { columns, styled } from '../terminal/style.js';
import { unwrappersOf, wrappersOf } from './keys.js';
import { type RegistryFlags, sourceOf, targetOf } from './locations.js';
import { type SignatureFlags, verifySignatures } from './verify.js';

export type EncryptFlags = CommonFlags &
  RegistryFlags & { encryptionKey?: readonly string[]; pgpKeyring?: string; layer?: readonly string[] };
export type DecryptFlags = CommonFlags & RegistryFlags & { decryptionKey?: readonly string[] };

export type PullFlags = DecryptFlags & SignatureFlags;

export async function encryptImage(source: string, target: string, flags: EncryptFlags): Promise<void> {
  const keys = flags.encryptionKey ?? [];
  if (keys.length === 0) {
    throw new CliError('nobody to encrypt for: --encryption-key is missing', EXIT.usage, {
      hint: '--encryption-key jwe:PUBLIC-KEY.pem',
    });
  }
  const layers = flags.layer?.map(layerOf);
  await copy(source, target, flags, {
    encrypt: {
      wrappers: await wrappersOf(keys, flags.pgpKeyring),
      random: (length) => randomBytes(length),
      ...(layers === undefined ? {} : { layers }),
    },
  });
}

export async function decryptImage(source: string, target: string, flags: DecryptFlags): Promise<void> {
  const keys = flags.decryptionKey ?? [];
  if (keys.length === 0) {
    throw new CliError('nothing to decrypt with: --decryption-key is missing', EXIT.usage, {
      hint: '--decryption-key PRIVATE-KEY.pem',
    });
  }
  await copy(source, target, flags, { decrypt: { unwrappers: await unwrappersOf(keys) } });
}

/** `assay image pull`: signatures first, then the copy; layers are decrypted where keys are given. */
export async function pullImage(source: string, target: string, flags: PullFlags): Promise<void> {
  const output = outputOf(flags);
  const from = await sourceOf(source, flags);
  try {
    const { line } = await verifySignatures(source, from, flags);
    if (!output.json) output.err.write(`${line}\n`);
    const keys = flags.decryptionKey ?? [];
    const unwrappers = await unwrappersOf(keys);
    await copyFrom(from, target, flags, keys.length === 0 ? {} : { decrypt: { unwrappers } });
  } finally {
    await from.close?.();
  }
}

async function copy(
  source: string,
  target: string,
  flags: CommonFlags & RegistryFlags,
  action: Pick<Parameters<typeof copyImage>[0], 'encrypt' | 'decrypt'>,
): Promise<void> {
  const from = await sourceOf(source, flags);
  await copyFrom(from, target, flags, action).finally(() => from.close?.());
}

async function copyFrom(
  from: ImageSource,
  target: string,
  flags: CommonFlags & RegistryFlags,
  action: Pick<Parameters<typeof copyImage>[0], 'encrypt' | 'decrypt'>,
): Promise<void> {
  const output = outputOf(flags);
  const to = await targetOf(target, flags);
  const result = await copyImage({
    source: from,
    target: to,
    ...action,
    ...(output.json ? {} : { onProgress: progressTo(output.err) }),
  }).finally(() => to.close?.());
  output.result(asJson(result), (out) => {
    out.write(
      columns(
        result.layers.map(({ action: done, mediaType, digest, size }, index) => [
          `layer ${index}`,
          done === 'keep' ? 'as it was' : styled(out, 'green', `${done}ed`),
          `${size} bytes`,
          digest.slice(0, 19),
          mediaType,
        ]),
      ),
    );
    out.write(`${target}  ${result.digest}\n`);
  });
}

function asJson({ digest, mediaType, layers }: CopyResult): unknown {
  return {
    digest,
    media_type: mediaType,
    layers: layers.map(({ action, mediaType: type, digest: layer, size }) => ({
      action,
      media_type: type,
      digest: layer,
      size,
    })),
  };
}

/** One line for each layer of some size: at its start, and every second until its end. */
function progressTo(out: { write(text: string): void }): (progress: CopyProgress) => void {
  const told = new Map<string, number>();
  return ({ layer, action, bytes, total }) => {
    const now = Date.now();
    if (total < LARGE || bytes === total || now - (told.get(layer) ?? 0) < 1000) return;
    told.set(layer, now);
    out.write(`${layer}: ${action} ${Math.floor((bytes / total) * 100)} % of ${(total / 2 ** 20).toFixed(1)} MiB\n`);
  };
}

const LARGE = 16 * 2 ** 20;

function layerOf(text: string): number {
  if (/^-?\d{1,4}$/.test(text)) return Number(text);
  throw new CliError(`--layer ${text}: not the number of a layer`, EXIT.usage, {
    hint: '0 is the lowest, -1 the last',
  });
}
