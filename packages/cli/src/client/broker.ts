import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  type Attester,
  CcKbc,
  type CcKbcOptions,
  KbcError,
  sampleAttester,
  sampleDeviceAttester,
  type Transport,
  unattestedAttester,
} from '@assay/guest';
import { generateTeeKeyPair, type TeeKeyAlgorithm, type TeeKeyPair, teeKeyPairFromPem } from '@assay/protocol';
import { CliError, EXIT } from '../exit.js';
import { call } from './http.js';

/** A transport to a key broker over HTTP or HTTPS. */
export function httpTransport(url: string, ca: string | undefined, userAgent: string): Transport {
  const base = url.replace(/\/+$/, '');
  return async (request) => {
    const answer = await call({
      method: request.method,
      url: `${base}${request.path}`,
      headers: { ...request.headers, 'user-agent': userAgent },
      ...(request.body === undefined ? {} : { body: request.body }),
      ...(ca === undefined ? {} : { ca }),
    });
    const attempt = answer.headers['assay-attempt'];
    return {
      status: answer.status,
      setCookie: answer.headers['set-cookie'] ?? [],
      body: answer.body,
      ...(typeof attempt === 'string' ? { attempt } : {}),
    };
  };
}

/** TEEs that any machine can speak for: samples, and emulated hardware. */
export const EMULATED_TEES = [
  'sample',
  'emulated-tdx',
  'emulated-sgx',
  'emulated-snp',
  'emulated-cca',
  'emulated-nitro',
  'emulated-csv',
  'emulated-se',
  'emulated-tpm',
  'emulated-az-snp-vtpm',
  'emulated-az-tdx-vtpm',
  'snp-no-attestation',
] as const;

/** The attester of a TEE name. */
export async function attesterFor(
  tee: string,
  options: { readonly svn?: string; readonly world?: string; readonly enclave?: string } = {},
): Promise<Attester> {
  const { svn, world, enclave } = options;
  if (tee === 'sample') return sampleAttester(svn === undefined ? {} : { svn });
  if (tee === 'snp-no-attestation') return unattestedAttester();
  // Loaded only here: emulated hardware is no part of what a guest needs.
  const { defaultWorldFile, emulatedEnclaveGuest, emulatedGuest } = await import('./emulated.js');
  if (enclave !== undefined && tee !== 'emulated-sgx')
    throw new CliError(`--enclave: \`${tee}\` is no enclave of SGX`, EXIT.usage);
  switch (tee) {
    case 'emulated-tdx':
      return emulatedGuest('tdx', world ?? defaultWorldFile());
    case 'emulated-sgx':
      return emulatedEnclaveGuest(world ?? defaultWorldFile(), enclave);
    case 'emulated-snp':
      return emulatedGuest('snp', world ?? defaultWorldFile());
    case 'emulated-cca':
      return emulatedGuest('cca', world ?? defaultWorldFile());
    case 'emulated-nitro':
      return emulatedGuest('nitro', world ?? defaultWorldFile());
    case 'emulated-csv':
      return emulatedGuest('csv', world ?? defaultWorldFile());
    case 'emulated-se':
      return emulatedGuest('se', world ?? defaultWorldFile());
    case 'emulated-tpm':
      return emulatedGuest('tpm', world ?? defaultWorldFile());
    case 'emulated-az-snp-vtpm':
      return emulatedGuest('az-snp-vtpm', world ?? defaultWorldFile());
    case 'emulated-az-tdx-vtpm':
      return emulatedGuest('az-tdx-vtpm', world ?? defaultWorldFile());
    // Devices: beside a TEE, never alone.
    case 'emulated-nvidia':
      return emulatedGuest('nvidia', world ?? defaultWorldFile());
    case 'emulated-nvidiadpu':
      return emulatedGuest('nvidiadpu', world ?? defaultWorldFile());
    default:
      throw new CliError(
        `no attester for TEE \`${tee}\` in this release; there are ${EMULATED_TEES.join(', ')}`,
        EXIT.usage,
      );
  }
}

/** A client with the parts that commands share. */
export function createKbc(
  options: Pick<CcKbcOptions, 'transport'> & Partial<Omit<CcKbcOptions, 'transport' | 'random' | 'now'>>,
): CcKbc {
  const random = (length: number): Uint8Array => randomBytes(length);
  return new CcKbc({
    attester: sampleAttester(),
    devices: process.env['ENABLE_SAMPLE_DEVICE'] === undefined ? [] : [sampleDeviceAttester()],
    keyPair: options.keyPair ?? newKeyPair('ECDH-ES+A256KW-P256'),
    random,
    now: () => new Date(),
    ...options,
  });
}

export function newKeyPair(algorithm: TeeKeyAlgorithm): TeeKeyPair {
  return generateTeeKeyPair(algorithm, (length) => randomBytes(length));
}

/** A TEE key from a PEM file: RSA (PKCS#1) or EC (PKCS#8). @throws CliError exit 3 */
export function keyPairFromFile(path: string): TeeKeyPair {
  const pem = readFileSync(path, 'utf8');
  try {
    return teeKeyPairFromPem(pem);
  } catch (error) {
    // OpenSSL's words may quote the file; the kind of key that is wanted is all a person needs.
    throw new CliError(`${path}: not a usable TEE key`, EXIT.malformed, {
      hint: 'a PEM private key, RSA or EC on P-256 or P-521, is wanted',
      cause: error,
    });
  }
}

/** A broker's refusal as this command's error. */
export function asCliError(error: unknown): unknown {
  if (!(error instanceof KbcError)) return error;
  const exit = {
    refused: EXIT.refused,
    missing: EXIT.refused,
    protocol: EXIT.malformed,
    unavailable: EXIT.unreachable,
  }[error.reason];
  return new CliError(error.message, exit, {
    ...(error.attempt === undefined ? {} : { hint: `the owner sees why with: assay audit show ${error.attempt}` }),
    data: {
      detail: error.message,
      reason: error.reason,
      status: error.status,
      code: error.code,
      attempt: error.attempt,
    },
    cause: error,
  });
}
