import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { decodeHex } from '@assay/bytes';
import { BUNDLE_GUID, CONNECTION_GUID, sevLaunchDigest } from '@assay/evidence/sev';
import { launchWithSecrets } from '@assay/soft-tee';
import { writePrivately } from '../client/config-home.js';
import { defaultWorldFile, keepWorld, openWorld } from '../client/emulated.js';
import { asCliError, readSevCa, sevClient } from '../client/sev.js';
import { type CommonFlags, outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { type ArtifactFlags, artifactsOf } from './measure.js';

export interface LaunchFlags extends CommonFlags, Partial<ArtifactFlags> {
  readonly kbs: string;
  readonly tls?: string;
  readonly policy: string;
  readonly digest?: string;
  readonly keyset: string;
  readonly online?: boolean;
  readonly out?: string;
  readonly world?: string;
}

export interface ArkFlags extends CommonFlags {
  readonly out: string;
  readonly world?: string;
}

/** `assay sev emulated-ark`: the root that a server for development names. */
export function writeEmulatedArk(flags: ArkFlags): void {
  const file = flags.world ?? defaultWorldFile();
  const world = openWorld(file);
  writeFileSync(flags.out, world.sev.ark());
  keepWorld(file, world);
  outputOf(flags).result({ ark: flags.out }, (out) =>
    out.write(`${flags.out}: root of emulated platforms; what it vouches for proves nothing\n`),
  );
}

/** `assay sev launch`: an emulated shim and firmware against a real key broker. */
export async function launchEmulated(flags: LaunchFlags): Promise<void> {
  const policy = Number(flags.policy);
  if (!/^\d{1,10}$/.test(flags.policy))
    throw new CliError(`--policy ${flags.policy}: a decimal number is due`, EXIT.usage);
  const file = flags.world ?? defaultWorldFile();
  const world = openWorld(file);
  const platform = world.sev.platform();
  keepWorld(file, world);
  const online = flags.online === true;
  const client = sevClient(flags.kbs, readSevCa(flags.tls));
  try {
    const secrets = await launchWithSecrets(
      { platform, broker: client, random: (length) => randomBytes(length), policy, digest: digestOf(flags) },
      [
        {
          guid: online ? CONNECTION_GUID : BUNDLE_GUID,
          format: 'JSON',
          secretType: online ? 'connection' : 'bundle',
          id: flags.keyset,
        },
      ],
    );
    for (const [guid, bytes] of secrets)
      if (flags.out !== undefined) writePrivately(flags.out, guid, Buffer.from(bytes).toString('utf8'));
    const injected = [...secrets].map(([guid, bytes]) => ({ guid, bytes: bytes.length }));
    outputOf(flags).result({ injected, ...(flags.out === undefined ? {} : { folder: flags.out }) }, (out) => {
      for (const { guid, bytes } of injected) out.write(`injected ${guid}, ${bytes} bytes\n`);
      if (flags.out !== undefined) out.write(`as files in ${flags.out}; they are secret\n`);
    });
  } catch (error) {
    throw asCliError(error);
  } finally {
    client.close();
  }
}

function digestOf(flags: LaunchFlags): Uint8Array {
  if (flags.digest !== undefined) {
    const digest = /^[0-9a-f]{64}$/.test(flags.digest) ? decodeHex(flags.digest) : undefined;
    if (digest === undefined) throw new CliError(`--digest: 64 lower-case hex digits are due`, EXIT.usage);
    return digest;
  }
  const { firmware } = flags;
  if (firmware === undefined) throw new CliError('--digest or --firmware is missing', EXIT.usage);
  return sevLaunchDigest(artifactsOf({ ...flags, firmware }, (path) => new Uint8Array(readFileSync(path))));
}
