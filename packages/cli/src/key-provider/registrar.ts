/** Puts key-encryption keys into a key broker, as an administrator of it. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ResourceUri, signJwt } from '@assay/protocol';
import { STATUS, StatusError } from '@assay/ttrpc';
import { configHome, readCredentials } from '../client/config-home.js';
import { call, type HttpAnswer } from '../client/http.js';
import { readCa } from '../client/server.js';
import { CliError, EXIT } from '../exit.js';

export interface Registrar {
  /** Whether the broker has a resource of that name. Brokers other than Assay do not say: false. @throws StatusError */
  has(uri: ResourceUri): Promise<boolean>;
  /** @throws StatusError unless the broker has taken it */
  put(uri: ResourceUri, kek: Uint8Array): Promise<void>;
}

export interface RegistrarFlags {
  readonly kbs: string;
  readonly authPrivateKey?: string;
  readonly certFile?: string;
}

const TOKEN_SECONDS = 2 * 3600;

/** With the key of `--auth-private-key`, else with the token of ASSAY_TOKEN or `assay login`. @throws CliError */
export function registrarOf(flags: RegistrarFlags, env: NodeJS.ProcessEnv, now: () => Date): Registrar {
  const url = flags.kbs.replace(/\/+$/, '');
  const known = readCredentials(configHome(env)).servers[url];
  const ca = flags.certFile === undefined ? known?.ca : readCa(flags.certFile);
  const token = credentialOf(flags, env['ASSAY_TOKEN'] ?? known?.token, now);
  const send = async (method: string, path: string, body?: Uint8Array): Promise<HttpAnswer> => {
    try {
      return await call({
        method,
        url: `${url}${path}`,
        headers: {
          authorization: `Bearer ${token()}`,
          ...(body === undefined ? {} : { 'content-type': 'application/octet-stream' }),
        },
        ...(body === undefined ? {} : { body }),
        ...(ca === undefined ? {} : { ca }),
      });
    } catch (error) {
      if (error instanceof CliError) throw new StatusError(STATUS.unavailable, `key broker: ${error.message}`);
      throw error;
    }
  };
  return {
    has: async (uri) => {
      const { status } = await send('GET', `/api/v1/resources/${uri.segments.join('/')}`);
      if (status === 200) return true;
      if (status === 404) return false;
      throw refusal('does not say which keys it has', status);
    },
    put: async (uri, kek) => {
      const { status } = await send('POST', `/kbs/v0/resource/${uri.segments.join('/')}`, kek);
      if (status < 200 || status > 299) throw refusal('does not take the key', status);
    },
  };
}

function credentialOf(flags: RegistrarFlags, token: string | undefined, now: () => Date): () => string {
  if (flags.authPrivateKey !== undefined) {
    const key = readSigningKey(flags.authPrivateKey);
    return () => {
      const iat = Math.floor(now().getTime() / 1000);
      return signJwt({ iat, nbf: iat, exp: iat + TOKEN_SECONDS }, key, 'EdDSA');
    };
  }
  if (token !== undefined) return () => token;
  throw new CliError(`no admin credentials for ${flags.kbs} are known here`, EXIT.refused, {
    hint: `assay login --server ${flags.kbs}, or give --auth-private-key FILE`,
  });
}

function readSigningKey(file: string): KeyObject {
  const pem = readFileSync(file);
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(pem);
  } catch {
    // What OpenSSL says of a key's bytes is not for a terminal.
  }
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new CliError(`${file}: no Ed25519 private key in PEM`, EXIT.malformed, {
    hint: 'openssl genpkey -algorithm ed25519 makes one',
  });
}

/** In ASCII: peers show the text of a gRPC status as they find it. */
function refusal(what: string, status: number): StatusError {
  const why = status === 401 || status === 403 ? ': the credentials are not those of an administrator' : '';
  return new StatusError(STATUS.failedPrecondition, `the key broker ${what} (status ${status})${why}`);
}
