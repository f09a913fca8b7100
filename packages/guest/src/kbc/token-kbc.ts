import { DecodeError } from '@assay/bytes';
import {
  decodeJwtUnverified,
  ProtocolError,
  type RandomSource,
  type ResourceUri,
  type TeeKeyPair,
} from '@assay/protocol';
import type { Attester } from '../attester/attester.js';
import { CcKbc } from './cc-kbc.js';
import type { Kbc } from './kbc.js';
import { KbcError } from './kbc-error.js';
import type { Transport } from './transport.js';

/** A token and the key that it vouches for: together the right to resources. */
export interface Credential {
  readonly token: string;
  readonly keyPair: TeeKeyPair;
}

export interface TokenKbcOptions {
  readonly transport: Transport;
  /** Gets a fresh credential: an attestation. @throws KbcError */
  readonly credential: () => Promise<Credential>;
  readonly random: RandomSource;
  readonly now: () => Date;
  /** Rounds for one resource while the broker answers 401 and has not decided about a new token. Default 3, as upstream. */
  readonly attempts?: number;
}

/** A credential ready to use. */
interface Ready {
  readonly kbc: CcKbc;
  /** Milliseconds since the epoch; infinite where the token does not say. */
  readonly expires: number;
}

/**
 * Key broker client that shows a token (passport model). Callers share one attestation: while a credential is being got, all
 * wait for it; it is used until it expires or the broker refuses it.
 */
export class TokenKbc implements Kbc {
  readonly #options: TokenKbcOptions;
  #ready: Ready | undefined;
  #coming: Promise<Ready> | undefined;

  constructor(options: TokenKbcOptions) {
    this.#options = options;
  }

  async getResource(uri: ResourceUri): Promise<Uint8Array> {
    const rounds = this.#options.attempts ?? 3;
    for (let round = 1; ; round += 1) {
      const before = this.#ready;
      const ready = await this.#credential();
      try {
        return await ready.kbc.getResource(uri);
      } catch (error) {
        if (!(error instanceof KbcError) || error.status !== 401 || round >= rounds) throw error;
        if (error.decided && ready !== before) throw error;
        // Others may have replaced it meanwhile: theirs is tried before another is got.
        if (this.#ready === ready) this.#ready = undefined;
      }
    }
  }

  async #credential(): Promise<Ready> {
    const ready = this.#ready;
    if (ready !== undefined && ready.expires > this.#options.now().getTime()) return ready;
    this.#coming ??= this.#obtain().finally(() => {
      this.#coming = undefined;
    });
    return this.#coming;
  }

  async #obtain(): Promise<Ready> {
    const { transport, random, now, credential } = this.#options;
    const { token, keyPair } = await credential();
    const ready = {
      kbc: new CcKbc({ transport, attester: NEVER_ASKED, keyPair, random, now, token }),
      expires: expiryOf(token),
    };
    this.#ready = ready;
    return ready;
  }
}

/** A client that shows a token makes no evidence. */
const NEVER_ASKED: Attester = {
  tee: 'sample',
  getEvidence: () => Promise.reject(new KbcError('protocol', 'a client with a token does not attest')),
};

function expiryOf(token: string): number {
  try {
    const { exp } = decodeJwtUnverified(token).claims;
    return typeof exp === 'number' ? exp * 1000 : Number.POSITIVE_INFINITY;
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof ProtocolError)) throw error;
    throw new KbcError('protocol', 'the token is not a JWT', { cause: error });
  }
}
