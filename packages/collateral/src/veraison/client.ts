/** Client of a Veraison service: its challenge-response interface, one session for each token. Decides nothing, keeps nothing but the address of the interface. */
import { DecodeError, decodeUtf8, encodeUtf8, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import { type FindingDraft, failed } from '@assay/bytes/findings';
import type { Fetcher, FetchOutcome } from '../http/fetcher.js';
import type { TransportAnswer } from '../http/transport.js';
import type { Timing } from '../timing.js';

export interface VeraisonOptions {
  /** Base address: `https://veraison.example:8080`. */
  readonly url: string;
  readonly fetcher: Fetcher;
  readonly timing: Timing;
}

/** The attestation result as the service signed it, or why there is none. */
export type VeraisonAnswer = { readonly result: Uint8Array } | { readonly finding: FindingDraft };

const DISCOVERY = '/.well-known/veraison/verification';
const SESSION_TYPE = 'application/vnd.veraison.challenge-response-session+json';
/** Media type of a CCA token, as the services register it. */
const CCA_TOKEN = 'application/eat-collection; profile="http://arm.com/CCA-SSD/1.0.0"';
const POLLS = 10;
const POLL_MS = 500;

/** An answer that cannot be used; the text is for the owner. */
class Unusable extends Error {}

export class VeraisonClient {
  readonly #options: VeraisonOptions;
  readonly #base: URL;
  #newSession: URL | undefined;

  constructor(options: VeraisonOptions) {
    this.#options = options;
    this.#base = new URL(options.url);
  }

  /** Asks for a result on a CCA token. Never rejects for what the service does. @param nonce 64 bytes: the realm's challenge */
  async verifyCca(token: Uint8Array, nonce: Uint8Array): Promise<VeraisonAnswer> {
    try {
      const session = await this.#open(nonce);
      return { result: encodeUtf8(await this.#submit(session, token)) };
    } catch (error) {
      if (error instanceof Unusable) return { finding: this.#failure(error.message) };
      throw error;
    }
  }

  async #open(nonce: Uint8Array): Promise<URL> {
    const url = new URL(await this.#endpoint());
    // With its padding, as Veraison's own clients send it.
    url.searchParams.set('nonce', Buffer.from(nonce).toString('base64').replaceAll('+', '-').replaceAll('/', '_'));
    const answer = this.#answerOf(
      await this.#options.fetcher.post(url, new Uint8Array(), { accept: SESSION_TYPE }),
      'session',
      [201],
    );
    const { location } = answer.headers;
    if (location === undefined) throw new Unusable('session: no Location');
    return this.#within(location, 'session');
  }

  async #endpoint(): Promise<URL> {
    if (this.#newSession !== undefined) return this.#newSession;
    const answer = this.#answerOf(await this.#options.fetcher.get(new URL(DISCOVERY, this.#base)), 'discovery', [200]);
    const endpoints = own(readJson(answer.body, 'discovery'), 'api-endpoints');
    const path =
      endpoints !== undefined && isJsonObject(endpoints) ? own(endpoints, 'newChallengeResponseSession') : undefined;
    if (typeof path !== 'string') throw new Unusable('discovery: no newChallengeResponseSession');
    this.#newSession = this.#within(path, 'discovery');
    return this.#newSession;
  }

  async #submit(session: URL, token: Uint8Array): Promise<string> {
    const { fetcher, timing } = this.#options;
    const headers = { accept: SESSION_TYPE, 'content-type': CCA_TOKEN };
    let answer = this.#answerOf(await fetcher.post(session, token, headers), 'result', [200, 202]);
    for (let polls = 0; ; polls += 1) {
      const state = readJson(answer.body, 'result');
      const [status, result] = [own(state, 'status'), own(state, 'result')];
      if (status === 'complete' && typeof result === 'string') return result;
      if (status !== 'processing' && status !== 'waiting') throw new Unusable('result: session ended without a result');
      if (polls === POLLS) throw new Unusable('result: session does not come to an end');
      await timing.sleep(POLL_MS);
      answer = this.#answerOf(await fetcher.get(session, { accept: SESSION_TYPE }), 'result', [200]);
    }
  }

  /** The service may point to places of its own, and to no other host. */
  #within(reference: string, what: string): URL {
    let url: URL;
    try {
      url = new URL(reference, this.#base);
    } catch {
      throw new Unusable(`${what}: an address that is none`);
    }
    if (url.origin !== this.#base.origin) throw new Unusable(`${what}: an address on another host`);
    return url;
  }

  #answerOf(outcome: FetchOutcome, what: string, statuses: readonly number[]): TransportAnswer {
    switch (outcome.kind) {
      case 'answer':
        if (!statuses.includes(outcome.answer.status)) throw new Unusable(`${what}: status ${outcome.answer.status}`);
        return outcome.answer;
      case 'fault':
        throw new Unusable(`${what}: ${outcome.error.message}`);
      case 'throttled':
        throw new Unusable(`${what}: asked for quiet`);
      case 'budget':
        throw new Unusable(`${what}: budget of requests is spent`);
    }
  }

  #failure(what: string): FindingDraft {
    const { host } = this.#base;
    return failed('collateral.answer.form', {
      subject: `Veraison at ${host}`,
      params: { host, item: 'verification', what },
      expected: 'an attestation result',
      actual: what,
      causes: [{ text: 'Veraison is down or has no Arm CCA plug-in' }, { text: 'platform is not provisioned there' }],
      remedy: 'Look at the Veraison service and at `cca.veraison`.',
    });
  }
}

function readJson(body: Uint8Array, what: string): JsonObject {
  try {
    const value = parseJsonStrict(decodeUtf8(body));
    if (isJsonObject(value)) return value;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  throw new Unusable(`${what}: no JSON object`);
}

function own(object: JsonObject, key: string): JsonObject[string] | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
