import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { KmsDrivers } from '@assay/kms/drivers';
import { parseResourceUri, type ResourceUri } from '@assay/protocol';
import type { Measured } from '../agent/agent.js';
import type { MeasuredEvent } from '../agent/event-log/entry.js';
import type { CredentialFile } from '../config/data-hub-config.js';
import { DEFAULT_IMAGE_CONFIG, type ImageConfig } from '../config/image-config.js';
import type { Kbc } from '../kbc/kbc.js';
import type { PullRequest } from './image/pull.js';
import { ImagePuller } from './image/puller.js';
import { localKeysIn } from './local-keys.js';
import type { RunProgram } from './secure-mount/run-program.js';
import { type MountRequest, secureMount } from './secure-mount/secure-mount.js';
import { unseal } from './unseal.js';
import { unwrapKey } from './unwrap-key.js';

export interface DataHubOptions {
  readonly kbc: Kbc;
  readonly kms: KmsDrivers;
  readonly skipSealedSecretVerification: boolean;
  /** `/run/confidential-containers/cdh` on a real guest. */
  readonly folder: string;
  readonly run: RunProgram;
  /** Where the system's files are; `/` on a real guest. */
  readonly root: string;
  /** How images are pulled; default: without a signature policy, as nothing is configured. */
  readonly image?: ImageConfig;
  /** Adds to the guest's event log what was pulled; absent where there is no Attestation Agent. */
  readonly measure?: (event: MeasuredEvent) => Promise<Measured>;
  readonly now?: () => Date;
}

/** The Confidential Data Hub: what containers and the guest's own components get secrets from. */
export class DataHub {
  readonly #options: DataHubOptions;
  readonly #puller: ImagePuller;
  readonly #localKey: (kid: string) => Promise<Uint8Array | undefined>;

  constructor(options: DataHubOptions) {
    this.#options = options;
    this.#puller = new ImagePuller({
      config: options.image ?? DEFAULT_IMAGE_CONFIG,
      getResource: this.#resource,
      unwrapKey: (annotation) => this.unwrapKey(annotation),
      measure: options.measure ?? (async () => 'not-supported'),
      now: options.now ?? (() => new Date()),
    });
    this.#localKey = localKeysIn(join(options.folder, 'sealed-secret'));
  }

  /** @param uri KBS resource URI. @throws ProtocolError, KbcError */
  async getResource(uri: string): Promise<Uint8Array> {
    return this.#resource(parseResourceUri(uri));
  }

  /** @param secret text of a sealed secret, in UTF-8. @throws SealedSecretError */
  unseal(secret: Uint8Array): Promise<Uint8Array> {
    const { kms, skipSealedSecretVerification } = this.#options;
    return unseal(secret, {
      getResource: this.#resource,
      localKey: this.#localKey,
      kms,
      skipVerification: skipSealedSecretVerification,
    });
  }

  /** @param annotation annotation packet of a layer. @returns its private options. @throws DecodeError, KbcError … */
  unwrapKey(annotation: Uint8Array): Promise<Uint8Array> {
    return unwrapKey(annotation, { getResource: this.#resource, kms: this.#options.kms });
  }

  /** Pulls an image into a bundle. @returns digest of its manifest. @throws PullError; the bundle's folder is then as it was */
  pullImage(request: PullRequest): Promise<string> {
    return this.#puller.pull(request);
  }

  /** @throws MountError … */
  async secureMount(request: MountRequest): Promise<void> {
    const { run, folder, root } = this.#options;
    await secureMount(request, {
      run,
      unseal: (secret) => this.unseal(secret),
      getResource: this.#resource,
      headers: join(folder, 'luks-headers'),
      deviceEvent: (id) => readFile(join(root, 'sys/dev/block', id, 'uevent'), 'utf8'),
    });
  }

  /** Fetches what the configuration wants as files. All or nothing: a guest without its credentials does not start. @throws KbcError */
  async fetchCredentials(files: readonly CredentialFile[]): Promise<void> {
    for (const { uri, path } of files) {
      const bytes = await this.#resource(uri);
      const target = join(this.#options.root, path);
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      await writeFile(`${target}.tmp`, bytes, { mode: 0o600 });
      await rename(`${target}.tmp`, target);
    }
  }

  readonly #resource = (uri: ResourceUri): Promise<Uint8Array> => this.#options.kbc.getResource(uri);
}
