/** A registry that speaks the OCI distribution API: requests with authentication, retries, and answers that are errors of the register. */
import { setTimeout as wait } from 'node:timers/promises';
import { DecodeError, isJsonObject, parseJsonStrict } from '@assay/bytes';
import { type AssayError, assayError } from '@assay/bytes/findings';
import { type BodyInit, fetch, type Response } from 'undici';
import type { ImageReference } from '../model/reference.js';
import { readChallenge } from './challenge.js';
import { type Credential, type Credentials, credentialFor } from './credentials.js';
import { answerFailure, type RegistryFailure, statusFailure, thrownFailure } from './failure.js';
import { type ConnectionOptions, type Ways, waysOf } from './proxy.js';

export interface RegistryOptions extends Omit<ConnectionOptions, 'timeout'> {
  readonly credentials?: Credentials;
  /** Attempts for what may be asked again; default 4. */
  readonly attempts?: number;
  /** Milliseconds without a byte; default 60,000. */
  readonly timeout?: number;
}

export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** Below `/v2/`, or a whole URL that the registry gave. */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyInit;
  /** Statuses that are answers; others are errors. */
  readonly accept: readonly number[];
  /** The body is a stream that cannot be sent twice. */
  readonly once?: boolean;
}

const ATTEMPTS = 4;
const TIMEOUT = 60_000;
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 20_000;
const LARGEST_TOKEN = 1024 * 1024;
const MOST_REDIRECTS = 5;

/** One repository of one registry. */
export class RegistryClient {
  readonly name: string;
  /** `HOST[:PORT]` that is asked. */
  readonly host: string;
  readonly #base: URL;
  readonly #image: ImageReference;
  readonly #credential: Credential | undefined;
  readonly #ways: Ways;
  readonly #attempts: number;
  #authorization: string | undefined;

  constructor(scheme: 'https' | 'http', image: ImageReference, options: RegistryOptions = {}) {
    this.name = `${image.registry}/${image.repository}`;
    const host = image.registry === 'docker.io' ? 'registry-1.docker.io' : image.registry;
    this.#base = new URL(`${scheme}://${host}/v2/`);
    this.host = host;
    this.#image = image;
    this.#credential = credentialFor(options.credentials ?? new Map(), image);
    this.#ways = waysOf({ timeout: TIMEOUT, ...options });
    this.#attempts = options.attempts ?? ATTEMPTS;
  }

  /** URL of something of this repository. */
  url(path: string): URL {
    return new URL(`${this.#image.repository}/${path}`, this.#base);
  }

  /** @throws AssayError `image.registry.answers` */
  async send(request: RegistryRequest): Promise<Response> {
    const url = typeof request.path === 'string' ? this.url(request.path) : request.path;
    if (url.protocol !== 'https:' && url.protocol !== this.#base.protocol) {
      throw this.#refused(url, answerFailure(`uploads go to ${url.protocol}, which is not encrypted`, url.host));
    }
    let answer = await this.#retrying(url, request);
    // Whoever holds the blobs of a registry has no say in where its credentials go.
    if (answer.status === 401 && this.#isOwn(new URL(answer.url))) {
      const challenge = answer.headers.get('www-authenticate');
      await discard(answer);
      const authorization = await this.#authorize(challenge);
      if (authorization !== undefined && request.once !== true) {
        this.#authorization = authorization;
        answer = await this.#retrying(url, request);
      }
    }
    if (request.accept.includes(answer.status)) return answer;
    const status = answer.status;
    await discard(answer);
    throw this.#refused(url, statusFailure(status, url.host));
  }

  async close(): Promise<void> {
    await this.#ways.close();
  }

  async #retrying(url: URL, request: RegistryRequest): Promise<Response> {
    const attempts = request.once === true || request.method === 'POST' ? 1 : this.#attempts;
    for (let attempt = 1; ; attempt += 1) {
      let failure: RegistryFailure;
      let pause = FIRST_PAUSE * 2 ** (attempt - 1);
      try {
        const answer = await this.#following(url, request);
        if (answer.status !== 429 && answer.status < 500) return answer;
        failure = statusFailure(answer.status, url.host);
        pause = Math.max(pause, retryAfter(answer.headers.get('retry-after')));
        await discard(answer);
      } catch (error) {
        failure = thrownFailure(error, url.host);
      }
      if (attempt >= attempts) throw this.#refused(url, failure);
      // Half of the pause is chance: replicas do not come back together.
      await wait(Math.min(LONGEST_PAUSE, pause) * (0.5 + Math.random() / 2));
    }
  }

  /** Blobs are often elsewhere: the registry's own authorization does not go there. */
  async #following(start: URL, request: RegistryRequest): Promise<Response> {
    let url = start;
    for (let redirects = 0; ; redirects += 1) {
      const own = this.#isOwn(url);
      const answer = await fetch(url, {
        method: request.method,
        redirect: 'manual',
        dispatcher: this.#ways.to(url),
        headers: {
          'user-agent': 'assay',
          // Digests, sizes and ranges are of what is stored.
          'accept-encoding': 'identity',
          ...request.headers,
          ...(own && this.#authorization !== undefined ? { authorization: this.#authorization } : {}),
        },
        ...(request.body === undefined ? {} : { body: request.body, duplex: 'half' as const }),
      });
      const location = answer.headers.get('location');
      const isRedirect = [301, 302, 303, 307, 308].includes(answer.status) && location !== null;
      if (!isRedirect || (request.method !== 'GET' && request.method !== 'HEAD')) return answer;
      await discard(answer);
      if (redirects >= MOST_REDIRECTS) throw new Error(`more than ${MOST_REDIRECTS} redirects`);
      const next = new URL(location, url);
      if (next.protocol !== 'https:' && url.protocol === 'https:') throw new Error(`redirected to ${next.protocol}`);
      url = next;
    }
  }

  #isOwn(url: URL): boolean {
    return url.origin === this.#base.origin;
  }

  /** @returns the header that the challenge asks for; undefined when there is nothing to answer it with */
  async #authorize(header: string | null): Promise<string | undefined> {
    const challenge = readChallenge(header);
    const basic =
      this.#credential === undefined
        ? undefined
        : `Basic ${Buffer.from(`${this.#credential.username}:${this.#credential.password}`).toString('base64')}`;
    if (challenge?.scheme === 'basic') return basic;
    const realm = challenge?.parameters.get('realm');
    if (challenge?.scheme !== 'bearer' || realm === undefined || !URL.canParse(realm)) return undefined;
    return this.#token(new URL(realm), challenge.parameters, basic);
  }

  async #token(realm: URL, parameters: ReadonlyMap<string, string>, basic: string | undefined): Promise<string> {
    // Credentials go in clear only to a registry that is itself asked in clear.
    if (realm.protocol !== 'https:' && !(realm.protocol === 'http:' && this.#base.protocol === 'http:')) {
      throw this.#refused(realm, answerFailure(`tokens are at ${realm.protocol}, which is not encrypted`, realm.host));
    }
    const service = parameters.get('service');
    if (service !== undefined) realm.searchParams.set('service', service);
    realm.searchParams.set('scope', parameters.get('scope') ?? `repository:${this.#image.repository}:pull`);
    let answer: Response;
    try {
      answer = await fetch(realm, {
        dispatcher: this.#ways.to(realm),
        redirect: 'error',
        headers: { 'user-agent': 'assay', ...(basic === undefined ? {} : { authorization: basic }) },
      });
    } catch (error) {
      throw this.#refused(realm, thrownFailure(error, realm.host));
    }
    if (answer.status !== 200) {
      await discard(answer);
      const failure = statusFailure(answer.status, realm.host);
      throw this.#refused(realm, { ...failure, reason: `no token: ${failure.reason}` });
    }
    const token = tokenOf(await readLimited(answer, LARGEST_TOKEN));
    if (token === undefined) throw this.#refused(realm, answerFailure('no token in its answer', realm.host));
    return `Bearer ${token}`;
  }

  #refused({ host }: URL, { reason, facts }: RegistryFailure): AssayError {
    const params = { host, reason };
    return assayError('image.registry.answers', { params, subject: this.name, actual: reason, ...facts });
  }
}

/** A body up to a size. @throws AssayError `image.manifest.form` for a longer one */
export async function readLimited(answer: Response, largest: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += (chunk as Uint8Array).length;
    if (size > largest) {
      throw assayError('image.manifest.form', {
        params: { document: 'answer', what: `it has more than ${largest} bytes` },
      });
    }
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks);
}

export async function discard(answer: Response): Promise<void> {
  await answer.body?.cancel().catch(() => undefined);
}

/** Milliseconds of `Retry-After` in seconds. */
function retryAfter(header: string | null): number {
  return header !== null && /^\d{1,5}$/.test(header) ? Number(header) * 1000 : 0;
}

function tokenOf(bytes: Uint8Array): string | undefined {
  try {
    const value = parseJsonStrict(bytes, { maxBytes: LARGEST_TOKEN });
    const token = isJsonObject(value) ? (value['token'] ?? value['access_token']) : undefined;
    return typeof token === 'string' && /^[\x21-\x7e]+$/.test(token) ? token : undefined;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
