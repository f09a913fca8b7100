/** The first administrator: a key pair made at first start, so that `assay login` works at once and nothing is open meanwhile. */
import { generateKeyPairSync } from 'node:crypto';
import { open } from 'node:fs/promises';
import { assayError } from '@assay/bytes/findings';
import { signJwt } from '@assay/protocol';
import type { AdminCredentials } from '../types.js';

const YEAR_SECONDS = 365 * 86_400;

export interface AdminCredentialOptions {
  readonly now: Date;
  /** `iss` and expected issuer; default `assay`. */
  readonly issuer?: string;
  /** `aud` and expected audience; default `KBS`. */
  readonly audience?: string;
  /** `sub`; default `admin`. */
  readonly subject?: string;
  readonly role?: string;
  /** Seconds that the token lives; default ten years: the file is the credential, and making a new key ends it. */
  readonly lifetimeSeconds?: number;
}

/**
 * Makes an Ed25519 key pair, signs one long-lived admin token with it and lets the private key go: what can sign new tokens is
 * not kept anywhere. The public key and the ACL are what the server stores.
 */
export function createAdminCredentials(options: AdminCredentialOptions): AdminCredentials {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const issuer = options.issuer ?? 'assay';
  const audience = options.audience ?? 'KBS';
  const role = options.role ?? 'admin';
  const iat = Math.floor(options.now.getTime() / 1000);
  const claims = {
    iss: issuer,
    sub: options.subject ?? 'admin',
    aud: [audience],
    role,
    iat,
    exp: iat + (options.lifetimeSeconds ?? 10 * YEAR_SECONDS),
  };
  const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return {
    publicKeyPem,
    token: signJwt(claims, privateKey, 'EdDSA'),
    config: {
      authorization_mode: 'AuthenticatedAuthorization',
      authentication: { bearer_jwt: { identity_providers: [{ issuer, audience, public_keys: [publicKeyPem] }] } },
      authorization: {
        regex_acl: {
          acls: [
            { role, allowed_endpoints: '^/kbs/.*$' },
            { role, allowed_endpoints: '^/api/.*$' },
          ],
        },
      },
    },
  };
}

/**
 * Writes the token to a new file of mode 0600, durably. An existing file is never overwritten.
 *
 * @throws AssayError `storage.write.possible`
 */
export async function writeAdminToken(path: string, token: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(`${token}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw assayError('storage.write.possible', { params: { path, errno: code ?? 'unknown error' }, cause });
  }
}
