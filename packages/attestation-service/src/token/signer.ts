/** The key that signs attestation tokens: configured, or made at the first start and kept sealed. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { decodePem, encodeBase64, type JsonObject } from '@assay/bytes';
import { type AssayError, assayError } from '@assay/bytes/findings';
import { type KeyManagement, open, seal } from '@assay/kms';
import { exportPublicJwk, keyFits } from '@assay/protocol';
import type { Storage } from '@assay/storage';

/** A signer with its public form. */
export interface Signer {
  readonly key: KeyObject;
  /** `{kty, crv, alg, x, y, x5u?, x5c?}`: stands in the header of every token and in the JWK set. */
  readonly jwk: JsonObject;
}

export interface ConfiguredSigner {
  /** P-256 private key, PEM (PKCS#8 or SEC 1). */
  readonly keyPem: string;
  /** Certificates in PEM, leaf first; all of them go into `x5c` in file order. */
  readonly chainPem?: string;
  /** Where the chain can be fetched: `x5u`. */
  readonly certUrl?: string;
}

const NAMESPACE = 'signer';
const KEY = 'ear-es256';
const CONTEXT = { ns: NAMESPACE, key: KEY };

/** @throws AssayError `config.signer.key` */
export function configuredSigner(config: ConfiguredSigner): Signer {
  const key = privateKey(config.keyPem);
  const chain = config.chainPem === undefined ? [] : certificates(config.chainPem);
  const [leaf] = chain;
  if (leaf !== undefined && !leaf.checkPrivateKey(key)) {
    throw unfit('certificate is for another key', 'the first certificate of the chain certifies the key');
  }
  return signer(key, {
    ...(config.certUrl === undefined ? {} : { x5u: config.certUrl }),
    ...(chain.length === 0 ? {} : { x5c: chain.map((certificate) => encodeBase64(certificate.raw)) }),
  });
}

/**
 * The signer of this data directory: made once, sealed under the key management, the same after every restart and on
 * every replica.
 */
export async function storedSigner(storage: Storage, kms: KeyManagement): Promise<Signer> {
  for (;;) {
    const entry = await storage.get(NAMESPACE, KEY);
    if (entry !== undefined) {
      const der = await open(kms, entry.value, CONTEXT);
      return signer(createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' }), {});
    }
    const { privateKey: made } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const der = made.export({ format: 'der', type: 'pkcs8' });
    // Another replica may be first: whoever stored it wins, and everybody reads that one.
    await storage.put(NAMESPACE, KEY, await seal(kms, der, CONTEXT), { ifAbsent: true });
  }
}

/** A signer of this process alone: tests, `assay verify`. */
export function ephemeralSigner(): Signer {
  return signer(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, {});
}

function signer(key: KeyObject, extra: JsonObject): Signer {
  if (!keyFits('ES256', key)) throw unfit('key is not on P-256', 'a P-256 private key');
  const { kty, crv, x, y } = exportPublicJwk(key);
  return { key, jwk: { kty: kty ?? '', crv: crv ?? '', alg: 'ES256', x: x ?? '', y: y ?? '', ...extra } };
}

function privateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // The cause may quote the key: it is not passed on.
    throw unfit('key is not a private key in PEM', 'a P-256 private key in PEM, without passphrase');
  }
}

function certificates(pem: string): readonly X509Certificate[] {
  try {
    const blocks = decodePem(pem).filter((block) => block.label === 'CERTIFICATE');
    if (blocks.length === 0) throw unfit('chain holds no certificate', 'certificates in PEM, leaf first');
    return blocks.map((block) => new X509Certificate(block.bytes));
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === 'AssayError') throw thrown;
    throw unfit('chain does not decode', 'certificates in PEM, leaf first');
  }
}

function unfit(what: string, expected: string): AssayError {
  return assayError('config.signer.key', { params: { what }, subject: 'signer', expected, source: 'setting signer' });
}
