import { createHash } from 'node:crypto';
import { encodeUtf8, isJsonObject, type JsonValue, parseJsonStrict } from '@assay/bytes';
import {
  type Attestation,
  encryptJwe,
  formatChallenge,
  type HashAlgorithm,
  importTeePubkey,
  kbsErrorBody,
  type ProtocolVersion,
  parseAttestation,
  parseRequest,
  protocolTraits,
  runtimeDataBindings,
  runtimeDataDigest,
} from '@assay/protocol';
import type { Transport, TransportAnswer, TransportRequest } from './transport.js';

/** What a broker that behaves can be told to do otherwise. */
export interface FakeBrokerOptions {
  readonly now: () => Date;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly hash?: HashAlgorithm;
  /** Resource requests that find their session ended, before one does not. */
  readonly endedSessions?: number;
  /** Seconds that tokens live. */
  readonly tokenSeconds?: number;
  /** Replaces an answer just before it is sent. */
  readonly change?: (answer: TransportAnswer, request: TransportRequest) => TransportAnswer;
}

interface Session {
  readonly version: ProtocolVersion;
  readonly nonce: string;
  attestation?: Attestation;
}

/**
 * A key broker in memory: it keeps sessions, compares nonces, recomputes what the evidence is bound to, and encrypts to the
 * attested key. It believes any `sample` evidence whose report data is right.
 */
export class FakeBroker {
  readonly requests: TransportRequest[] = [];
  readonly #options: FakeBrokerOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #tokens = new Map<string, Attestation>();
  #ended: number;
  #count = 0;

  constructor(options: FakeBrokerOptions) {
    this.#options = options;
    this.#ended = options.endedSessions ?? 0;
  }

  readonly transport: Transport = async (request) => {
    this.requests.push(request);
    const answer = this.#answer(request);
    return this.#options.change?.(answer, request) ?? answer;
  };

  /** Requests whose path ends so. */
  count(end: string): number {
    return this.requests.filter((request) => request.path.endsWith(end)).length;
  }

  #answer(request: TransportRequest): TransportAnswer {
    const body = request.body === undefined ? null : parseJsonStrict(request.body);
    if (request.method === 'POST' && request.path === '/kbs/v0/auth') return this.#auth(body);
    if (request.method === 'POST' && request.path === '/kbs/v0/attest') return this.#attest(request, body);
    if (request.method === 'GET' && request.path.startsWith('/kbs/v0/resource/')) return this.#resource(request);
    return refusal(404, 'PluginNotFound', 'Plugin not found');
  }

  #auth(body: JsonValue): TransportAnswer {
    const { version } = parseRequest(body);
    const id = createHash('sha256')
      .update(`session ${this.#count++}`)
      .digest('hex')
      .slice(0, 32);
    const nonce = createHash('sha256').update(`nonce ${id}`).digest('base64');
    this.#sessions.set(id, { version, nonce });
    const hash = protocolTraits(version).hashNegotiation ? this.#options.hash : undefined;
    return { ...json(200, formatChallenge(version, nonce, hash)), ...named(id) };
  }

  #attest(request: TransportRequest, body: JsonValue): TransportAnswer {
    const [id, session] = this.#session(request);
    if (session === undefined) return refusal(401, 'AttestationError', 'no session', 'session.invalid');
    const attestation = parseAttestation(session.version, body);
    if (!this.#bound(session, attestation))
      return { ...refusal(401, 'AttestationError', 'RCAR handshake Attest failed', 'evidence.refused'), ...named(id) };
    session.attestation = attestation;
    const token = this.#token(attestation);
    return { ...json(200, { token }), ...named(id) };
  }

  #resource(request: TransportRequest): TransportAnswer {
    const bearer = /^Bearer (.+)$/.exec(request.headers['authorization'] ?? '')?.[1];
    const [, session] = this.#session(request);
    const attestation = bearer === undefined ? session?.attestation : this.#tokens.get(bearer);
    if (bearer === undefined && this.#ended > 0) {
      this.#ended -= 1;
      return refusal(401, 'TokenNotFound', 'Attestation Token not found', 'session.invalid');
    }
    if (attestation === undefined) return refusal(401, 'TokenNotFound', 'Attestation Token not found', 'token.refused');
    const secret = this.#options.secrets?.[request.path.slice('/kbs/v0/resource/'.length)];
    if (secret === undefined) return refusal(404, 'ReadSecretFailed', 'not there', 'resource.missing');
    const jwe = encryptJwe(importTeePubkey(attestation.teePubkey), encodeUtf8(secret), {
      form: protocolTraits(attestation.version).jweForm,
      random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    });
    return json(200, { ...jwe });
  }

  #bound({ version, nonce }: Session, attestation: Attestation): boolean {
    if (attestation.nonce !== undefined && attestation.nonce !== nonce) return false;
    const { teePubkey, additionalEvidence, primaryEvidence, devices } = attestation;
    const input = { nonce, teePubkey, additionalEvidence };
    const hash = this.#options.hash ?? 'sha384';
    const commits = (evidence: JsonValue, role: 'primary' | 'device'): boolean =>
      isJsonObject(evidence) &&
      runtimeDataBindings(version, input, role).some(
        (binding) => Buffer.from(runtimeDataDigest(binding, hash)).toString('base64') === evidence['report_data'],
      );
    return commits(primaryEvidence, 'primary') && devices.every(({ evidence }) => commits(evidence, 'device'));
  }

  /** Not signed: this broker knows its tokens by heart. */
  #token(attestation: Attestation): string {
    const seconds = Math.floor(this.#options.now().getTime() / 1000);
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { n: this.#count++, iat: seconds, exp: seconds + (this.#options.tokenSeconds ?? 300) };
    const token = `${part({ alg: 'ES256', typ: 'JWT' })}.${part(claims)}.${part({})}`;
    this.#tokens.set(token, attestation);
    return token;
  }

  #session(request: TransportRequest): readonly [string, Session | undefined] {
    const id = /(?:^|;\s*)kbs-session-id=([0-9a-f]{32})(?:;|$)/.exec(request.headers['cookie'] ?? '')?.[1] ?? '';
    return [id, this.#sessions.get(id)];
  }
}

function json(status: number, body: object): TransportAnswer {
  return { status, setCookie: [], body: encodeUtf8(JSON.stringify(body)) };
}

function named(id: string): Pick<TransportAnswer, 'setCookie' | 'attempt'> {
  return {
    setCookie: [`other=1; Path=/`, `kbs-session-id=${id}; Expires=Thu, 01 Jan 2099 00:00:00 GMT`],
    attempt: `attempt-of-${id.slice(0, 4)}`,
  };
}

function refusal(
  status: number,
  kind: Parameters<typeof kbsErrorBody>[0],
  detail: string,
  code?: string,
): TransportAnswer {
  return json(status, kbsErrorBody(kind, detail, code === undefined ? {} : { code, attempt: 'attempt-in-body' }));
}
