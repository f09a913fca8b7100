import { DecodeError } from '@assay/bytes';
import { AssayError } from '@assay/bytes/findings';
import { ProtocolError, type ResourceUri } from '@assay/protocol';
import type { Measured } from '../../agent/agent.js';
import type { MeasuredEvent } from '../../agent/event-log/entry.js';
import { ConfigError } from '../../config/config-error.js';
import type { ImageConfig } from '../../config/image-config.js';
import { KbcError } from '../../kbc/kbc-error.js';
import { documentsBy } from './documents.js';
import type { ImageClient } from './image-client.js';
import type { PullRequest } from './pull.js';
import { PullError, type PullPart } from './pull-error.js';

export interface ImagePullerOptions {
  readonly config: ImageConfig;
  readonly getResource: (uri: ResourceUri) => Promise<Uint8Array>;
  readonly unwrapKey: (annotation: Uint8Array) => Promise<Uint8Array>;
  /** Adds to the guest's event log. */
  readonly measure: (event: MeasuredEvent) => Promise<Measured>;
  readonly now: () => Date;
}

/** How long the Attestation Agent may take to measure an image, ms. */
const MEASURE_MS = 10_000;

/** Pulls images one after the other. Policy, credentials and registries are fetched at the first pull and kept. */
export class ImagePuller {
  readonly #options: ImagePullerOptions;
  #client: Promise<ImageClient> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ImagePullerOptions) {
    this.#options = options;
  }

  /** @returns `sha256:…` of the manifest for this machine. @throws PullError */
  pull(request: PullRequest): Promise<string> {
    const pulled = this.#last.then(() => this.#pull(request));
    this.#last = pulled.catch(() => undefined);
    return pulled;
  }

  async #pull(request: PullRequest): Promise<string> {
    const { config, getResource, unwrapKey, now } = this.#options;
    const fetch = documentsBy(getResource);
    const client = await telling('Image Client', () => this.#shared());
    // Loaded by the first pull: a guest that pulls nothing does not pay for it.
    const { pullImage } = await import('./pull.js');
    const measure = (image: string, digest: string) =>
      telling('Attestation Agent client', () => this.#measure(image, digest));
    return telling('Image Pull', () => pullImage(request, { config, client, fetch, unwrapKey, measure, now }));
  }

  /** What failed is tried again by the next pull. */
  #shared(): Promise<ImageClient> {
    const { config, getResource } = this.#options;
    this.#client ??= import('./image-client.js')
      .then(({ imageClient }) => imageClient(config, documentsBy(getResource)))
      .catch((error: unknown) => {
        this.#client = undefined;
        throw error;
      });
    return this.#client;
  }

  /** One space after the comma, as upstream writes it: the text is measured. An agent without an event log is no failure. */
  async #measure(image: string, digest: string): Promise<void> {
    const content = `{"image":${JSON.stringify(image)}, "digest":"${digest}"}`;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new PullError('Attestation Agent client', `no answer within ${MEASURE_MS / 1000} s`);
      timer = setTimeout(() => reject(error), MEASURE_MS);
    });
    const event = { domain: 'github.com/confidential-containers', operation: 'PullImage', content };
    await Promise.race([this.#options.measure(event), late]).finally(() => clearTimeout(timer));
  }
}

async function telling<T>(part: PullPart, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof PullError) throw error;
    throw new PullError(part, causeOf(error), { cause: error });
  }
}

/** What a caller may know: findings and our own errors hold no secrets; of others, the code alone. */
function causeOf(error: unknown): string {
  if (error instanceof AssayError) return error.title;
  const own = [KbcError, ConfigError, ProtocolError, DecodeError].some((kind) => error instanceof kind);
  if (own) return (error as Error).message;
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' || typeof code === 'number' ? `it failed with ${code}` : 'it failed';
}
