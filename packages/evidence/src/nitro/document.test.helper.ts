/** Attestation documents for tests, with any defect: throw-away keys, certificates of the shared issuer. */
import { type KeyObject, sign } from 'node:crypto';
import { encode } from 'cborg';
import {
  type CertificateSpec,
  DIGITAL_SIGNATURE,
  issueCertificate,
  KEY_CERT_SIGN,
  type TestKey,
  testKey,
} from '../x509/testing/issue.js';

export const NOW = new Date('2026-03-01T12:00:00Z');
export const KEYS = { root: testKey('P-384'), middle: testKey('P-384'), leaf: testKey('P-384') };
export const ANCHOR = { name: 'test root', publicKey: KEYS.root.spki };
export const USER_DATA = new Uint8Array(48).fill(0x11);

const HOUR = 3_600_000;
export const after = (hours: number): Date => new Date(NOW.getTime() + hours * HOUR);

export interface DocumentSpec {
  readonly members?: { readonly [member: string]: unknown };
  readonly pcrs?: ReadonlyMap<unknown, unknown>;
  readonly root?: Partial<CertificateSpec>;
  readonly middle?: Partial<CertificateSpec>;
  readonly leaf?: Partial<CertificateSpec>;
  readonly header?: Uint8Array;
  readonly key?: KeyObject;
  readonly hash?: string;
  /** Instead of the payload map. */
  readonly payload?: Uint8Array;
}

export const pcrsWith = (changes: readonly (readonly [unknown, unknown])[]): ReadonlyMap<unknown, unknown> =>
  new Map<unknown, unknown>([
    ...Array.from({ length: 16 }, (_, index): [number, Uint8Array] => [
      index,
      new Uint8Array(48).fill(index < 5 ? index + 1 : 0),
    ]),
    ...changes,
  ]);

/** `[leaf, [root, middle]]` */
export function certificates(spec: DocumentSpec = {}): readonly [Uint8Array, readonly Uint8Array[]] {
  const authority = { ca: true, keyUsage: KEY_CERT_SIGN };
  const issue = (subject: string, issuer: string, key: TestKey, signer: TestKey, more: object): Uint8Array =>
    issueCertificate({ subject, issuer, key, signer, notBefore: after(-1), notAfter: after(2), ...more });
  return [
    issue('leaf', 'middle', KEYS.leaf, KEYS.middle, { ca: false, keyUsage: DIGITAL_SIGNATURE, ...spec.leaf }),
    [
      issue('root', 'root', KEYS.root, KEYS.root, { ...authority, ...spec.root }),
      issue('middle', 'root', KEYS.middle, KEYS.root, { ...authority, pathLength: 0, ...spec.middle }),
    ],
  ];
}

/** The parts of a message, before they are encoded. */
export function parts(spec: DocumentSpec = {}): unknown[] {
  const [certificate, cabundle] = certificates(spec);
  const members = {
    module_id: 'i-0-enc0',
    digest: 'SHA384',
    timestamp: NOW.getTime() - 1500,
    pcrs: spec.pcrs ?? pcrsWith([]),
    certificate,
    cabundle,
    public_key: null,
    user_data: USER_DATA,
    nonce: null,
    ...spec.members,
  };
  const present = Object.entries(members).filter(([, value]) => value !== undefined);
  const payload = spec.payload ?? encode(new Map(present));
  const header = spec.header ?? encode(new Map([[1, -35]]));
  const signed = encode(['Signature1', header, new Uint8Array(), payload]);
  const key = { key: spec.key ?? KEYS.leaf.privateKey, dsaEncoding: 'ieee-p1363' } as const;
  return [header, new Map(), payload, Uint8Array.from(sign(spec.hash ?? 'sha384', signed, key))];
}

export function documentOf(spec: DocumentSpec = {}): Uint8Array {
  return encode(parts(spec));
}
