import type { KeyObject } from 'node:crypto';
import type { KeyStore } from '../keys/key-store.js';
import { type CertificateFields, type EmulatedCertificate, makeCertificate } from '../x509/certificate.js';
import { EMULATED_ORGANIZATION, EMULATED_UNIT } from '../x509/emulated-name.js';
import { basicConstraints, keyUsage, subjectKeyIdentifier } from '../x509/extension.js';
import type { EmulatedName } from '../x509/name.js';

/** From the root down: the last one signs documents. */
export const NITRO_LEVELS = ['root', 'regional', 'zonal', 'instance', 'leaf'] as const;
export type NitroLevel = (typeof NITRO_LEVELS)[number];
/** Changes to certificates before they are signed. */
export type NitroOrders = { readonly [level in NitroLevel]?: Partial<CertificateFields> };

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ROOT_FROM = new Date('2019-10-28T13:28:05Z');
const ROOT_TO = new Date('2049-10-28T14:28:05Z');
/** How long before now a certificate begins, and how long it lives, in milliseconds. */
const LIVES: Readonly<Record<Exclude<NitroLevel, 'root'>, readonly [begins: number, lives: number]>> = {
  regional: [4 * DAY, 20 * DAY],
  zonal: [DAY, 6 * DAY],
  instance: [3 * HOUR, DAY],
  leaf: [3000, 3 * HOUR],
};

/** Emulated counterpart of the certificates of AWS Nitro Enclaves. */
export class NitroPki {
  readonly #keys: KeyStore;

  constructor(keys: KeyStore) {
    this.#keys = keys;
  }

  get rootKey(): KeyObject {
    return this.key('root');
  }

  key(level: NitroLevel): KeyObject {
    return this.#keys.ec(`nitro/${level}`, 'P-384');
  }

  root(edit: Partial<CertificateFields> = {}): EmulatedCertificate {
    const key = edit.key ?? this.rootKey;
    return makeCertificate({
      serial: 1n,
      issuer: NAMES.root,
      subject: NAMES.root,
      notBefore: ROOT_FROM,
      notAfter: ROOT_TO,
      key,
      extensions: [
        basicConstraints(true),
        subjectKeyIdentifier(key),
        keyUsage('digitalSignature', 'keyCertSign', 'cRLSign'),
      ],
      signer: key,
      algorithm: 'ecdsa-sha384',
      ...edit,
    });
  }

  /** Leaf and its authorities root first, as a document carries them. */
  chain(
    now: Date,
    orders: NitroOrders = {},
  ): { readonly leaf: EmulatedCertificate; readonly authorities: readonly EmulatedCertificate[] } {
    const authorities = [
      this.root(orders.root),
      this.#issued('regional', 'root', now, 2, orders.regional),
      this.#issued('zonal', 'regional', now, 1, orders.zonal),
      this.#issued('instance', 'zonal', now, 0, orders.instance),
    ];
    return { authorities, leaf: this.#issued('leaf', 'instance', now, undefined, orders.leaf) };
  }

  #issued(
    level: Exclude<NitroLevel, 'root'>,
    issuer: NitroLevel,
    now: Date,
    pathLength: number | undefined,
    edit: Partial<CertificateFields> = {},
  ): EmulatedCertificate {
    const key = edit.key ?? this.key(level);
    const [begins, lives] = LIVES[level];
    // Certificates have whole seconds.
    const from = Math.floor((now.getTime() - begins) / 1000) * 1000;
    return makeCertificate({
      serial: BigInt(NITRO_LEVELS.indexOf(level) + 1),
      issuer: NAMES[issuer],
      subject: NAMES[level],
      notBefore: new Date(from),
      notAfter: new Date(from + lives),
      key,
      extensions:
        level === 'leaf'
          ? [basicConstraints(false), keyUsage('digitalSignature')]
          : [basicConstraints(true, pathLength), keyUsage('digitalSignature', 'keyCertSign', 'cRLSign')],
      signer: this.key(issuer),
      algorithm: 'ecdsa-sha384',
      ...edit,
    });
  }
}

/** The common names are in the manner of AWS; the organisation tells the truth. */
function name(commonName: string): EmulatedName {
  return [
    ['C', 'US'],
    ['O', EMULATED_ORGANIZATION],
    ['OU', EMULATED_UNIT],
    ['CN', commonName],
  ];
}

export const EMULATED_MODULE = 'i-0123456789abcdef0-enc0123456789abcdef';

const NAMES: Readonly<Record<NitroLevel, EmulatedName>> = {
  root: name('aws.nitro-enclaves'),
  regional: name('0123456789abcdef.us-east-1.aws.nitro-enclaves'),
  zonal: name('fedcba9876543210.zonal.us-east-1.aws.nitro-enclaves'),
  instance: name('i-0123456789abcdef0.us-east-1.aws.nitro-enclaves'),
  leaf: name(`${EMULATED_MODULE}.us-east-1.aws`),
};
