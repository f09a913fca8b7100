import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DecodeError } from '@assay/bytes';
import { bootImage, bootRole, IMAGE_FILE, isContainerId, KEY_FILE, KeyTextError } from '@assay/guest/enclave-cc';
import { defaultWorldFile, emulatedEnclaveGuest } from '../client/emulated.js';
import { type CommonFlags, outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';

export interface BootFlags extends CommonFlags {
  readonly rootfs: string;
  readonly out: string;
  readonly enclave?: string;
  readonly world?: string;
}

/** `assay enclave-cc boot`: `init` of a boot instance, for images of simulated agents. */
export async function bootContainer(containerId: string, flags: BootFlags): Promise<void> {
  if (bootRole(process.env) === 'agent')
    throw new CliError('ENCLAVE_AGENT is set: this enclave is an agent, and mounts no image', EXIT.usage, {
      hint: 'unset ENCLAVE_AGENT',
    });
  if (!isContainerId(containerId)) throw new CliError(`${containerId}: no container id`, EXIT.usage);
  if (existsSync(flags.out)) throw new CliError(`${flags.out} is there already`, EXIT.usage);
  const folder = join(flags.rootfs, 'images', containerId);
  for (const name of [join('keys/sefs/lower', KEY_FILE), join('sefs/lower', IMAGE_FILE)])
    if (!existsSync(join(folder, name)))
      throw new CliError(`${join(folder, name)}: there is no such file`, EXIT.unreachable, {
        hint: 'pull the image with an agent that has `--store sealed`',
      });
  const { sealingKey } = emulatedEnclaveGuest(flags.world ?? defaultWorldFile(), flags.enclave);
  try {
    await bootImage({ folder, containerId, sealingKey, target: flags.out });
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof KeyTextError)) throw error;
    throw new CliError(error.message, EXIT.refused, {
      hint: 'only the enclave whose agent put the image away opens it, on the same machine',
      cause: error,
    });
  }
  outputOf(flags).result({ container_id: containerId, rootfs: join(flags.out, 'rootfs') }, (out) =>
    out.write(`opened ${containerId} at ${join(flags.out, 'rootfs')}\n`),
  );
}
