/** A simulated agent enclave: it attests, judges, decrypts and unpacks as the real one, into files that everybody on the host can read. */
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { encodeHex } from '@assay/bytes';
import type { Credential } from '@assay/oci';
import type { ResourceUri } from '@assay/protocol';
import { ImagePuller } from '../../cdh/image/puller.js';
import { unwrapKey } from '../../cdh/unwrap-key.js';
import type { ImageConfig } from '../../config/image-config.js';
import type { Kbc } from '../../kbc/kbc.js';
import { KbcError } from '../../kbc/kbc-error.js';
import { isContainerId } from '../container-id.js';
import { BUNDLES } from '../names.js';
import { imageFolders } from '../shim/plan-sandbox.js';
import { PullRefusal } from './refusal.js';
import type { ImageStore } from './store/store.js';
import { completeRoot } from './surroundings.js';

export interface EnclaveAgentOptions {
  /** Root of the enclave: bundles, and the folders that the host made, lie below. */
  readonly rootfs: string;
  /** Client of the key broker; absent where the configuration names none. */
  readonly kbc: Kbc | undefined;
  /** Whether the agent unwraps keys of layers itself. */
  readonly unwraps: boolean;
  /** How images are pulled, with the signature policy in it. */
  readonly image: ImageConfig;
  readonly store: ImageStore;
  readonly now: () => Date;
  readonly random: (length: number) => Uint8Array;
}

export interface EnclavePull {
  readonly image: string;
  readonly containerId: string;
  /** `USER:PASSWORD` at the registry, or empty. */
  readonly sourceCreds: string;
}

/** Pulls images one after the other. Each container id belongs to one image for as long as the agent lives: that of its pod. */
export class EnclaveAgent {
  readonly #options: EnclaveAgentOptions;
  readonly #puller: ImagePuller;
  /** Images by container id. */
  readonly #images = new Map<string, string>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: EnclaveAgentOptions) {
    this.#options = options;
    this.#puller = new ImagePuller({
      config: options.image,
      getResource: (uri) => this.#resource(uri),
      unwrapKey: (annotation) => this.#unwrap(annotation),
      // Enclaves have no registers that could be extended at run time.
      measure: async () => 'not-supported',
      now: options.now,
    });
  }

  /** @returns reference of the image, as it was asked for. @throws PullRefusal, PullError; nothing of the pull is then left */
  pullImage(request: EnclavePull): Promise<string> {
    const pulled = this.#last.then(() => this.#pull(request));
    this.#last = pulled.catch(() => undefined);
    return pulled;
  }

  async #pull({ image, containerId, sourceCreds }: EnclavePull): Promise<string> {
    if (!isContainerId(containerId)) throw new PullRefusal(`invalid container ID ${containerId.slice(0, 300)}`);
    const holder = this.#images.get(containerId);
    if (holder !== undefined && holder !== image)
      throw new PullRefusal(`container ID ${containerId} belongs to ${holder}: give ${image} a tag of its own`);
    const credential = credentialOf(sourceCreds);
    const bundle = join(this.#options.rootfs, BUNDLES, containerId);
    await this.#replacing(bundle, containerId, async () => {
      await this.#puller.pull({ image, bundle, ...(credential === undefined ? {} : { credential }) });
      await this.#putAway(bundle, containerId);
    });
    this.#images.set(containerId, image);
    return image;
  }

  /** What an earlier pull of the same image left stands aside until the new one is whole. */
  async #replacing(bundle: string, containerId: string, pull: () => Promise<void>): Promise<void> {
    const aside = join(dirname(bundle), `.${encodeHex(this.#options.random(8))}`);
    const had = this.#images.has(containerId) && (await movedAside(bundle, aside));
    try {
      await pull();
    } catch (error) {
      if (had) await rename(aside, bundle);
      throw error;
    }
    if (had) await rm(aside, { recursive: true, force: true });
  }

  /** Here the real agent copies the tree into a SEFS and unmounts it. */
  async #putAway(bundle: string, containerId: string): Promise<void> {
    const { rootfs, store } = this.#options;
    const made: string[] = [];
    try {
      await completeRoot(join(bundle, 'rootfs'), rootfs);
      for (const folder of imageFolders(rootfs, containerId)) {
        const first = await mkdir(folder, { recursive: true });
        if (first !== undefined) made.push(first);
      }
      await store.put(bundle, join(rootfs, 'images', containerId), containerId);
    } catch (error) {
      for (const path of [bundle, ...made]) await rm(path, { recursive: true, force: true });
      throw error;
    }
  }

  async #resource(uri: ResourceUri): Promise<Uint8Array> {
    const { kbc } = this.#options;
    if (kbc === undefined)
      throw new KbcError('unavailable', 'key_provider of the decrypt configuration names no key broker');
    return kbc.getResource(uri);
  }

  async #unwrap(annotation: Uint8Array): Promise<Uint8Array> {
    if (!this.#options.unwraps)
      throw new KbcError('unavailable', 'the ocicrypt configuration has no native provider attestation-agent');
    return unwrapKey(annotation, { getResource: (uri) => this.#resource(uri), kms: {} });
  }
}

async function movedAside(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** @throws PullRefusal, whose text holds nothing of the credentials */
function credentialOf(text: string): Credential | undefined {
  if (text === '') return undefined;
  const colon = text.indexOf(':');
  if (colon < 1) throw new PullRefusal('source_creds must be USER:PASSWORD, or empty');
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
