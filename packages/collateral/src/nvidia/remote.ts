import { DecodeError, decodeUtf8, isJsonObject, parseJsonStrict } from '@assay/bytes';
import { type FindingDraft, failed } from '@assay/bytes/findings';
import { NRAS_KEYS, type NrasQuestion } from '@assay/evidence/nvidia';
import type { Fetcher, FetchOutcome } from '../http/fetcher.js';
import { SingleFlight } from '../single-flight.js';
import type { Timing } from '../timing.js';

/** Base of NVIDIA's remote attestation service. */
export const NVIDIA_NRAS = 'https://nras.attestation.nvidia.com/v4/attest';

export interface NvidiaRemoteOptions {
  /** Default {@link NVIDIA_NRAS}. */
  readonly url?: string;
  readonly fetcher: Fetcher;
  readonly timing: Timing;
  readonly headers?: Readonly<Record<string, string>>;
  /** How long the key set is used before it is fetched again. Default one hour. */
  readonly keepKeysMs?: number;
}

export interface RemoteAnswers {
  readonly endorsements: Readonly<Record<string, Uint8Array>>;
  readonly findings: readonly FindingDraft[];
}

const KEEP_KEYS = 3_600_000;

/** Asks NVIDIA's Remote Attestation Service about devices, one question each; nothing of it is kept but the keys. */
export class NvidiaRemote {
  readonly #options: NvidiaRemoteOptions;
  readonly #base: URL;
  readonly #flights = new SingleFlight<Uint8Array | FindingDraft>();
  #keys: { readonly bytes: Uint8Array; readonly until: number } | undefined;

  constructor(options: NvidiaRemoteOptions) {
    this.#options = options;
    const base = options.url ?? NVIDIA_NRAS;
    this.#base = new URL(base.endsWith('/') ? base : `${base}/`);
  }

  /** Never rejects for what the service does. Answers stand under `nras:<place>`. */
  async ask(questions: readonly (NrasQuestion | undefined)[]): Promise<RemoteAnswers> {
    const [keys, ...answers] = await Promise.all([
      this.#flights.run('keys', () => this.#keySet()),
      ...questions.map((question) => (question === undefined ? undefined : this.#one(question))),
    ]);
    const endorsements: Record<string, Uint8Array> = {};
    const findings: FindingDraft[] = [];
    const put = (name: string, answer: Uint8Array | FindingDraft): void => {
      if (answer instanceof Uint8Array) endorsements[name] = answer;
      else findings.push(answer);
    };
    put(NRAS_KEYS, keys);
    answers.forEach((answer, place) => {
      if (answer !== undefined) put(`nras:${place}`, answer);
    });
    return { endorsements, findings };
  }

  async #one({ body, path }: NrasQuestion): Promise<Uint8Array | FindingDraft> {
    const { fetcher, headers } = this.#options;
    const url = new URL(path, this.#base);
    return this.#answer(await fetcher.post(url, body, { 'content-type': 'application/json', ...headers }), path);
  }

  async #keySet(): Promise<Uint8Array | FindingDraft> {
    const now = this.#options.timing.now();
    if (this.#keys !== undefined && this.#keys.until > now) return this.#keys.bytes;
    const answer = this.#answer(
      await this.#options.fetcher.get(new URL('/.well-known/jwks.json', this.#base)),
      'key set',
    );
    if (!(answer instanceof Uint8Array)) return answer;
    if (!isKeySet(answer)) return this.#failure('key set', 'is no JWK set');
    this.#keys = { bytes: answer, until: now + (this.#options.keepKeysMs ?? KEEP_KEYS) };
    return answer;
  }

  #answer(outcome: FetchOutcome, what: string): Uint8Array | FindingDraft {
    switch (outcome.kind) {
      case 'answer': {
        const { body, status } = outcome.answer;
        return status === 200 ? body : this.#failure(what, `status ${status}`);
      }
      case 'fault':
        return this.#failure(what, outcome.error.message);
      case 'throttled':
        return this.#failure(what, 'asked for quiet');
      case 'budget':
        return this.#failure(what, 'budget of requests is spent');
    }
  }

  #failure(item: string, what: string): FindingDraft {
    const { host } = this.#base;
    return failed('collateral.answer.form', {
      subject: `${item} from ${host}`,
      params: { host, item, what },
      expected: item,
      actual: what,
    });
  }
}

function isKeySet(bytes: Uint8Array): boolean {
  try {
    const whole = parseJsonStrict(decodeUtf8(bytes));
    return isJsonObject(whole) && Array.isArray(whole['keys']);
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}
