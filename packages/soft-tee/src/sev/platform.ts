/** Emulated platforms of AMD SEV: chips with keys of their own, certified down from a test ARK. */
import { constants, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { concatBytes } from '@assay/bytes';
import {
  ALGORITHM,
  encodeAuthorityBody,
  encodePlatformBody,
  encodePlatformCertificate,
  littleEndian,
  type SlotContent,
  USAGE,
} from '@assay/evidence/sev';
import type { KeyStore } from '../keys/key-store.js';

/** API version of the firmware, and its build. */
export interface SevFirmwareVersion {
  readonly major: number;
  readonly minor: number;
  readonly build: number;
}

/** A machine with SEV. */
export interface SevPlatform {
  readonly pdhKey: KeyObject;
  readonly version: SevFirmwareVersion;
  /** PDH ‖ PEK ‖ OCA ‖ CEK ‖ ASK ‖ ARK, as `sevctl export --full` writes them. */
  readonly chain: Uint8Array;
}

export interface SevPlatformOptions {
  /** Tells machines apart. Default `1`. */
  readonly name?: string;
  readonly version?: SevFirmwareVersion;
}

const ID = { ark: new Uint8Array(16).fill(0xa1), ask: new Uint8Array(16).fill(0xa2) };
const BITS = 2048;

/** Emulated counterpart of AMD's SEV hierarchy. The RSA keys of ARK and ASK are made at first use. */
export class EmulatedSev {
  readonly #keys: KeyStore;
  readonly #platforms = new Map<string, SevPlatform>();
  #authorities: { readonly ask: Uint8Array; readonly ark: Uint8Array } | undefined;

  constructor(keys: KeyStore) {
    this.#keys = keys;
  }

  /** The root, for an owner to name in `sev.emulated_ark`. */
  ark(): Uint8Array {
    return this.#authority().ark;
  }

  platform({ name = '1', version = { major: 1, minor: 55, build: 8 } }: SevPlatformOptions = {}): SevPlatform {
    const label = `${name} ${version.major}.${version.minor}.${version.build}`;
    const known = this.#platforms.get(label);
    if (known !== undefined) return known;
    const platform = this.#make(name, version);
    this.#platforms.set(label, platform);
    return platform;
  }

  #make(name: string, version: SevFirmwareVersion): SevPlatform {
    const key = (role: string): KeyObject => this.#keys.ec(`sev/${role}/${name}`, 'P-384');
    const keys = { pdh: key('pdh'), pek: key('pek'), oca: key('oca'), cek: key('cek') };
    const body = (role: keyof typeof keys, usage: number): Uint8Array =>
      encodePlatformBody({
        api: version,
        usage,
        algorithm: role === 'pdh' ? ALGORITHM.ECDH_SHA256 : ALGORITHM.ECDSA_SHA256,
        key: pointOf(keys[role]),
      });
    const by = (role: keyof typeof keys, usage: number, signed: Uint8Array): SlotContent => ({
      usage,
      algorithm: ALGORITHM.ECDSA_SHA256,
      kind: 'ec',
      bytes: sign('sha256', signed, { key: keys[role], dsaEncoding: 'ieee-p1363' }),
    });
    const pdh = body('pdh', USAGE.PDH);
    const pek = body('pek', USAGE.PEK);
    const oca = body('oca', USAGE.OCA);
    const cek = body('cek', USAGE.CEK);
    const { ask, ark } = this.#authority();
    const byAsk: SlotContent = {
      usage: USAGE.ASK,
      algorithm: ALGORITHM.RSA_SHA256,
      kind: 'rsa',
      bytes: pss(this.#rsa('ask'), cek),
    };
    const chain = concatBytes(
      encodePlatformCertificate(pdh, by('pek', USAGE.PEK, pdh)),
      encodePlatformCertificate(pek, by('oca', USAGE.OCA, pek), by('cek', USAGE.CEK, pek)),
      encodePlatformCertificate(oca, by('oca', USAGE.OCA, oca)),
      encodePlatformCertificate(cek, byAsk),
      ask,
      ark,
    );
    return { pdhKey: keys.pdh, version, chain };
  }

  #authority(): { readonly ask: Uint8Array; readonly ark: Uint8Array } {
    this.#authorities ??= { ask: this.#certify('ask', USAGE.ASK), ark: this.#certify('ark', USAGE.ARK) };
    return this.#authorities;
  }

  #certify(role: 'ask' | 'ark', usage: number): Uint8Array {
    const { n = '', e = '' } = createPublicKey(this.#rsa(role)).export({ format: 'jwk' });
    const body = encodeAuthorityBody({
      keyId: ID[role],
      certifyingId: ID.ark,
      usage,
      bits: BITS,
      exponent: Buffer.from(e, 'base64url'),
      modulus: Buffer.from(n, 'base64url'),
    });
    return concatBytes(body, littleEndian(pss(this.#rsa('ark'), body), BITS / 8));
  }

  #rsa(role: 'ask' | 'ark'): KeyObject {
    return this.#keys.rsa(`sev/${role}`, BITS);
  }
}

function pss(key: KeyObject, body: Uint8Array): Uint8Array {
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return sign('sha256', body, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST });
}

function pointOf(key: KeyObject) {
  const { x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' });
  return { kind: 'ec', curve: 'P-384', x: Buffer.from(x, 'base64url'), y: Buffer.from(y, 'base64url') } as const;
}
