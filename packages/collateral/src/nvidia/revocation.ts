import { randomBytes } from 'node:crypto';
import type { CollateralUse, FindingDraft } from '@assay/bytes/findings';
import { failed, utc } from '@assay/bytes/findings';
import { ocspNames, type RevocationQuestion } from '@assay/evidence/nvidia';
import { encodeOcspRequest, verifyOcsp } from '@assay/evidence/ocsp';
import { LruMap, nameInWords } from '@assay/evidence/x509';
import type { Fetcher, FetchOutcome } from '../http/fetcher.js';
import { SingleFlight } from '../single-flight.js';
import type { Timing } from '../timing.js';

/** NVIDIA's OCSP responder. */
export const NVIDIA_OCSP = 'https://ocsp.ndis.nvidia.com';

export interface NvidiaRevocationOptions {
  /** Default {@link NVIDIA_OCSP}. */
  readonly url?: string;
  readonly fetcher: Fetcher;
  readonly timing: Timing;
  readonly headers?: Readonly<Record<string, string>>;
  /** Nonces of requests. Default: the operating system's random bytes. */
  readonly random?: (bytes: number) => Uint8Array;
  /** How long an answer is handed out before another is asked for, within its own dates. Default one hour. */
  readonly keepMs?: number;
}

/** What the responder said, or why it said nothing. */
interface Kept {
  readonly until: number;
  readonly response?: Uint8Array;
  readonly nonce?: Uint8Array;
  readonly use?: CollateralUse;
  readonly finding?: FindingDraft;
}

export interface RevocationAnswers {
  readonly endorsements: Readonly<Record<string, Uint8Array>>;
  readonly findings: readonly FindingDraft[];
  readonly uses: readonly CollateralUse[];
}

const MOST_KEPT = 8192;
const KEEP = 3_600_000;
/** A responder that is out is not asked again at once: handshakes would queue up behind its timeouts. */
const FORGET_FAILURE = 60_000;
const NONCE_SIZE = 32;

/** Asks about the revocation of certificates (RFC 6960), with a nonce each; answers are verified before they are kept. */
export class NvidiaRevocation {
  readonly #options: NvidiaRevocationOptions;
  readonly #url: URL;
  readonly #kept = new LruMap<Kept>(MOST_KEPT);
  readonly #flights = new SingleFlight<Kept>();

  constructor(options: NvidiaRevocationOptions) {
    this.#options = options;
    this.#url = new URL(options.url ?? NVIDIA_OCSP);
  }

  /** Never rejects for what the responder does. */
  async get(questions: readonly RevocationQuestion[]): Promise<RevocationAnswers> {
    const answers = await Promise.all(
      questions.map(async (question) => ({ question, kept: await this.#one(question) })),
    );
    const endorsements: Record<string, Uint8Array> = {};
    for (const { kept, question } of answers) {
      const [issuer] = question.issuers;
      if (issuer === undefined || kept.response === undefined || kept.nonce === undefined) continue;
      const names = ocspNames(question.certificate, issuer);
      endorsements[names.response] = kept.response;
      endorsements[names.nonce] = kept.nonce;
    }
    return {
      endorsements,
      findings: answers.flatMap(({ kept }) => (kept.finding === undefined ? [] : [kept.finding])),
      uses: answers.flatMap(({ kept }) => (kept.use === undefined ? [] : [kept.use])),
    };
  }

  async #one(question: RevocationQuestion): Promise<Kept> {
    const [issuer] = question.issuers;
    if (issuer === undefined) return { until: 0 };
    const { response: key } = ocspNames(question.certificate, issuer);
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.until > this.#options.timing.now()) return kept;
    return this.#flights.run(key, async () => {
      const asked = await this.#ask(question);
      this.#kept.set(key, asked);
      return asked;
    });
  }

  async #ask({ certificate, issuers }: RevocationQuestion): Promise<Kept> {
    const { fetcher, headers, random = randomBytes, timing } = this.#options;
    const nonce = Uint8Array.from(random(NONCE_SIZE));
    const body = encodeOcspRequest(certificate, issuers[0] ?? certificate, nonce);
    const outcome = await fetcher.post(this.#url, body, { 'content-type': 'application/ocsp-request', ...headers });
    const now = new Date(timing.now());
    const cn = nameInWords(certificate.subject);
    const until = now.getTime() + FORGET_FAILURE;
    const response = answerOf(outcome);
    if (typeof response === 'string') return { until, finding: this.#failure(cn, response) };
    const result = verifyOcsp({ response, certificate, issuers, nonce, now, clock: "this server's clock" });
    if ('problem' in result) return { until, finding: this.#failure(cn, result.problem) };
    const end = result.nextUpdate?.getTime() ?? Number.POSITIVE_INFINITY;
    return {
      until: Math.min(end, now.getTime() + (this.#options.keepMs ?? KEEP)),
      response,
      nonce,
      use: {
        item: `OCSP status of ${cn}`,
        issued: utc(result.thisUpdate),
        ...(result.nextUpdate === undefined ? {} : { next_update: utc(result.nextUpdate) }),
        fetched_at: utc(now),
        fetched_from: this.#url.host,
      },
    };
  }

  #failure(cn: string, what: string): FindingDraft {
    return failed('collateral.answer.form', {
      subject: `OCSP status of ${cn} from ${this.#url.host}`,
      params: { host: this.#url.host, item: `OCSP status of ${cn}`, what },
      expected: 'a signed status',
      actual: what,
    });
  }
}

function answerOf(outcome: FetchOutcome): Uint8Array | string {
  switch (outcome.kind) {
    case 'answer': {
      const { body, status } = outcome.answer;
      return status === 200 ? body : `status ${status}`;
    }
    case 'fault':
      return outcome.error.message;
    case 'throttled':
      return 'asked for quiet';
    case 'budget':
      return 'budget of requests is spent';
  }
}
