import { DecodeError, encodeUtf8, type JsonValue, parseJsonStrict } from '@assay/bytes';
import {
  type Challenge,
  CURRENT_PROTOCOL_VERSION,
  decodeJwtUnverified,
  decryptJwe,
  formatAttestation,
  formatRequest,
  ProtocolError,
  type ProtocolVersion,
  parseChallenge,
  parseErrorBody,
  parseResponse,
  parseTokenResponse,
  protocolTraits,
  type RandomSource,
  type ResourceUri,
  type RuntimeDataInput,
  resourceRequestPath,
  runtimeDataBindings,
  runtimeDataDigest,
  type TeeKeyPair,
} from '@assay/protocol';
import type { Attester } from '../attester/attester.js';
import type { AttestingKbc } from './kbc.js';
import { KbcError } from './kbc-error.js';
import type { Transport, TransportAnswer } from './transport.js';

export interface CcKbcOptions {
  readonly transport: Transport;
  readonly attester: Attester;
  /** Devices whose evidence travels with the CPU's; versions 0.3.0 and later. */
  readonly devices?: readonly Attester[];
  /** Key that secrets are encrypted to; lives as long as the client. */
  readonly keyPair: TeeKeyPair;
  readonly random: RandomSource;
  readonly now: () => Date;
  /** Default: the newest. */
  readonly version?: ProtocolVersion;
  /** Init-data document the guest was launched with; version 0.4.0. */
  readonly initDataToml?: string;
  /** A token got earlier (passport): resources are then asked for with it, without a handshake. */
  readonly token?: string;
  /** Handshakes that are tried for one resource when the broker answers 401 without having decided. Default 3, as upstream. */
  readonly attempts?: number;
}

const sessionCookie = 'kbs-session-id';

/**
 * Key broker client of the CoCo KBS protocol (RCAR handshake: Request, Challenge, Attestation, Response), in every
 * version that the protocol package knows.
 */
export class CcKbc implements AttestingKbc {
  readonly #options: CcKbcOptions;
  readonly #version: ProtocolVersion;
  #cookie: string | undefined;
  #token: string | undefined;
  #lastAttempt: string | undefined;

  constructor(options: CcKbcOptions) {
    this.#options = options;
    this.#version = options.version ?? CURRENT_PROTOCOL_VERSION;
    this.#token = options.token;
  }

  /** Attempt id of the last handshake, for the owner's audit; absent with other brokers than Assay. */
  get lastAttempt(): string | undefined {
    return this.#lastAttempt;
  }

  async getToken(): Promise<string> {
    if (this.#token === undefined || !this.#stillGood(this.#token)) await this.attest();
    if (this.#token === undefined) throw new KbcError('protocol', 'the broker gave no token');
    return this.#token;
  }

  async getResource(uri: ResourceUri): Promise<Uint8Array> {
    const path = resourceRequestPath(uri);
    const passport = this.#options.token;
    const tries = passport === undefined ? (this.#options.attempts ?? 3) : 1;
    let attested = false;
    for (let n = 1; ; n++) {
      if (passport === undefined && this.#cookie === undefined) {
        await this.attest();
        attested = true;
      }
      const answer = await this.#send(
        'GET',
        path,
        passport === undefined ? {} : { authorization: `Bearer ${passport}` },
      );
      if (answer.status === 200) return this.#open(answer);
      const refusal = refusalOf(answer, 'resource');
      // A session ends while the guest lives, and what its evidence is worth changes: attest again, as upstream's client does on
      // every 401. What the policy says of evidence of this moment it says the next time too.
      if (refusal.status !== 401 || n >= tries || (attested && refusal.decided)) throw refusal;
      this.#cookie = undefined;
    }
  }

  /** One handshake. Afterwards the session cookie and the token are there. @throws KbcError */
  async attest(): Promise<string> {
    this.#cookie = undefined;
    const challenge = await this.#challenge();
    const attestation = await this.#attestation(challenge);
    const answer = await this.#send('POST', '/kbs/v0/attest', { 'content-type': 'application/json' }, attestation);
    if (answer.status !== 200) throw refusalOf(answer, 'attest');
    this.#keepCookie(answer);
    // KBS v0.5.0 answered 0.1.0 clients with an empty body; the session alone opens resources then.
    if (answer.body.length === 0 && this.#version === '0.1.0') return '';
    this.#token = reading('the answer of attest', () => parseTokenResponse(parseJsonStrict(answer.body)).token);
    return this.#token;
  }

  async #challenge(): Promise<Challenge> {
    const request = formatRequest(this.#version, this.#options.attester.tee);
    const answer = await this.#send(
      'POST',
      '/kbs/v0/auth',
      { 'content-type': 'application/json' },
      jsonBytes(request as JsonValue),
    );
    if (answer.status !== 200) throw refusalOf(answer, 'auth');
    this.#keepCookie(answer);
    return reading('the challenge', () => parseChallenge(parseJsonStrict(answer.body)));
  }

  async #attestation(challenge: Challenge): Promise<Uint8Array> {
    const { attester, keyPair, initDataToml } = this.#options;
    const traits = protocolTraits(this.#version);
    const input = { nonce: challenge.nonce, teePubkey: keyPair.publicKey };
    const reportData = (role: 'primary' | 'device', additionalEvidence: string): Uint8Array =>
      this.#reportData({ ...input, additionalEvidence }, role, challenge);
    const additionalEvidence = await this.#deviceEvidence(() => reportData('device', ''));
    const primaryEvidence = await attester.getEvidence(reportData('primary', additionalEvidence), challenge.nonce);
    const message = formatAttestation(this.#version, {
      nonce: challenge.nonce,
      teePubkey: keyPair.publicKey,
      primaryEvidence,
      ...(additionalEvidence === '' ? {} : { additionalEvidence }),
      ...(initDataToml === undefined || !traits.initData ? {} : { initDataToml }),
    });
    return jsonBytes(message as JsonValue);
  }

  /** Devices first: the CPU's evidence commits to the text of theirs. */
  async #deviceEvidence(reportData: () => Uint8Array): Promise<string> {
    const devices = this.#options.devices ?? [];
    if (devices.length === 0) return '';
    const bound = reportData();
    const evidence: Record<string, JsonValue> = {};
    for (const device of devices) evidence[device.tee] = await device.getEvidence(bound);
    return JSON.stringify(evidence);
  }

  #reportData(input: RuntimeDataInput, role: 'primary' | 'device', challenge: Challenge): Uint8Array {
    // The newest form of the version: servers that know an older one try it too.
    const binding = runtimeDataBindings(this.#version, input, role).at(-1);
    if (binding === undefined) throw new KbcError('protocol', `version ${this.#version} has no way to bind this key`);
    return runtimeDataDigest(binding, challenge.hashAlgorithm);
  }

  #open(answer: TransportAnswer): Uint8Array {
    return reading('the encrypted answer', () =>
      decryptJwe(parseResponse(parseJsonStrict(answer.body)), this.#options.keyPair.privateKey, {
        form: protocolTraits(this.#version).jweForm,
        random: this.#options.random,
      }),
    );
  }

  async #send(
    method: 'GET' | 'POST',
    path: string,
    headers: Record<string, string>,
    body?: Uint8Array,
  ): Promise<TransportAnswer> {
    return this.#options.transport({
      method,
      path,
      headers: { ...headers, ...(this.#cookie === undefined ? {} : { cookie: `${sessionCookie}=${this.#cookie}` }) },
      ...(body === undefined ? {} : { body }),
    });
  }

  #keepCookie(answer: TransportAnswer): void {
    for (const cookie of answer.setCookie) {
      const value = new RegExp(`^\\s*${sessionCookie}=([^;]*)`).exec(cookie)?.[1];
      if (value !== undefined) this.#cookie = value.trim();
    }
    this.#lastAttempt = answer.attempt ?? this.#lastAttempt;
  }

  #stillGood(token: string): boolean {
    const { exp, nbf } = reading('the token', () => decodeJwtUnverified(token).claims);
    const seconds = this.#options.now().getTime() / 1000;
    return !(typeof exp === 'number' && exp <= seconds) && !(typeof nbf === 'number' && nbf > seconds);
  }
}

function jsonBytes(value: JsonValue): Uint8Array {
  return encodeUtf8(JSON.stringify(value));
}

/** Runs a parser over the broker's words: what it does not understand is the broker's fault, and said so. */
function reading<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof ProtocolError)) throw error;
    throw new KbcError('protocol', `${what} is not as the protocol says: ${error.message}`, { cause: error });
  }
}

/** The refusal that an answer stands for; brokers other than Assay give no code and no attempt. */
function refusalOf(answer: TransportAnswer, step: 'auth' | 'attest' | 'resource'): KbcError {
  const facts = { status: answer.status, attempt: answer.attempt };
  try {
    const { type, detail, code, attempt } = parseErrorBody(parseJsonStrict(answer.body));
    const reason = answer.status === 404 ? 'missing' : isOutage(answer.status) ? 'unavailable' : 'refused';
    return new KbcError(reason, `${step}: ${detail}`, {
      ...facts,
      code,
      attempt: attempt ?? facts.attempt,
      // Other brokers than Assay have no codes; the kind is all that they say.
      decided: code === undefined ? type.endsWith('/PolicyDeny') : code === 'resource.refused',
    });
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof ProtocolError)) throw error;
    // A proxy that cannot reach the broker does not speak its protocol: an outage all the same.
    const reason = isOutage(answer.status) ? 'unavailable' : 'protocol';
    return new KbcError(reason, `${step}: status ${answer.status}, and no error body of the protocol`, {
      ...facts,
      cause: error,
    });
  }
}

function isOutage(status: number): boolean {
  return status === 429 || status >= 500;
}
