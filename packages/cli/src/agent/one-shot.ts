import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import {
  encodeBase64,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { KbcError } from '@assay/guest';
import type { DataHub } from '@assay/guest/services';
import { KmsError } from '@assay/kms/drivers';
import { CliError, EXIT } from '../exit.js';
import type { Output } from '../terminal/output.js';
import { makeDataHub } from './data-hub.js';
import { reasonOf, starting } from './report.js';

export type OneShot = 'get-resource' | 'unseal-secret' | 'unwrap-key' | 'secure-mount' | 'pull-image';

export interface OneShotFlags {
  readonly config?: string;
  readonly folder?: string;
  readonly retry?: string;
  readonly resourceUri?: string;
  readonly secretPath?: string;
  readonly annotationPath?: string;
  readonly storagePath?: string;
  readonly imageUrl?: string;
  readonly bundlePath?: string;
}

const RETRIES = 3;
const PAUSE_MS = 1000;

/** One call of the data hub by this process; what is asked for goes to standard output. */
export async function runOneShot(name: OneShot, flags: OneShotFlags, output: Output): Promise<void> {
  const retries = retriesOf(flags.retry);
  const call = callOf(name, flags);
  const { hub, close } = await starting(() => makeDataHub(flags, output));
  try {
    const result = await patiently(() => call(hub), retries, output);
    output.result(result, (out) => out.write(`${Object.values(result).join('\n')}\n`));
  } catch (error) {
    throw new CliError(`${name} failed: ${reasonOf(error)}`, unreachable(error) ? EXIT.unreachable : EXIT.refused, {
      cause: error,
    });
  } finally {
    close();
  }
}

type Call = (hub: DataHub) => Promise<Readonly<Record<string, string>>>;

/** Files are read before anything is asked. */
function callOf(name: OneShot, flags: OneShotFlags): Call {
  switch (name) {
    case 'get-resource':
      return async (hub) => ({ resource: encodeBase64(await hub.getResource(flags.resourceUri ?? '')) });
    case 'unseal-secret': {
      const secret = readFileSync(flags.secretPath ?? '');
      return async (hub) => ({ secret: encodeBase64(await hub.unseal(secret)) });
    }
    case 'unwrap-key': {
      const packet = readFileSync(flags.annotationPath ?? '');
      return async (hub) => ({ options: encodeBase64(await hub.unwrapKey(packet)) });
    }
    case 'secure-mount': {
      const request = storageOf(readFileSync(flags.storagePath ?? ''));
      return async (hub) => {
        await hub.secureMount(request);
        return { mount_path: request.mountPoint };
      };
    }
    case 'pull-image': {
      const { bundlePath: bundle = '', imageUrl: image = '' } = flags;
      return async (hub) => ({ manifest_digest: await hub.pullImage({ image, bundle }) });
    }
  }
}

/** `{"volume_type", "options", "flags", "mount_point"}`; flags are not looked at, as by every data hub. */
function storageOf(bytes: Uint8Array): Parameters<DataHub['secureMount']>[0] {
  const value: JsonValue = parseJsonStrict(bytes);
  const { flags = [], mount_point: mountPoint, options, volume_type: volumeType } = isJsonObject(value) ? value : {};
  if (
    typeof volumeType !== 'string' ||
    typeof mountPoint !== 'string' ||
    options === undefined ||
    !isTexts(options) ||
    !isJsonArray(flags)
  )
    throw new CliError('the storage file must be {"volume_type", "options", "flags", "mount_point"}', EXIT.malformed);
  return { volumeType, mountPoint, options };
}

function isTexts(value: JsonValue): value is JsonObject & Readonly<Record<string, string>> {
  return isJsonObject(value) && Object.values(value).every((text) => typeof text === 'string');
}

function retriesOf(text: string | undefined): number {
  if (text === undefined) return RETRIES;
  if (!/^\d{1,3}$/.test(text)) throw new CliError('--retry takes a whole number', EXIT.usage);
  return Number(text);
}

/** A refusal stays one; only who did not answer is asked again. */
async function patiently<T>(ask: () => Promise<T>, retries: number, output: Output): Promise<T> {
  for (let n = 0; ; n += 1) {
    try {
      return await ask();
    } catch (error) {
      if (n >= retries || !unreachable(error)) throw error;
      output.note(`cdh-oneshot: ${reasonOf(error)}; asked again`);
      await wait(PAUSE_MS);
    }
  }
}

function unreachable(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at instanceof KbcError && at.reason === 'unavailable') return true;
    if (at instanceof KmsError && at.fault === 'unreachable') return true;
  }
  return false;
}
