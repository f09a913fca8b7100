import { decodeBase64, encodeBase64, type JsonObject } from '@assay/bytes';
import type { SeOverrides } from '../attester/se.js';
import type { SeOrders } from '../se/pki.js';
import type { TestWorld } from '../world.js';

/** One thing that is wrong, and what a verifier has to say about it. */
export interface SeDefect {
  readonly says: string;
  /** Finding that must not pass. */
  readonly finding: string;
  readonly verdict: 'reject' | 'incomplete';
  /** What the guest does. */
  guest?(world: TestWorld): SeOverrides;
  /** What the emulated vendor did before the server was set up; then no challenge is made. */
  vendor?(world: TestWorld): SeOrders;
}

const DAY = 86_400_000;
const days = (world: TestWorld, count: number): Date => new Date(world.now().getTime() + count * DAY);
const member =
  (name: string, change: (bytes: Uint8Array) => Uint8Array) =>
  (evidence: JsonObject): JsonObject => ({
    ...evidence,
    [name]: encodeBase64(change(decodeBase64(String(evidence[name])))),
  });
const flip = (at: number) => (bytes: Uint8Array) => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
const revoked = (world: TestWorld, serial: bigint) => ({ revoked: [{ serial, date: days(world, -2) }] });

/** Defects of evidence of Secure Execution, and of what IBM says about the machine. */
export const SE_DEFECTS = {
  measurement: {
    says: 'one bit of the measurement is flipped',
    finding: 'se.measurement.valid',
    verdict: 'reject',
    guest: () => ({ alterEvidence: member('measurement', flip(0)) }),
  },
  'measurement-cut': {
    says: 'the measurement is cut to 32 bytes',
    finding: 'se.evidence.form',
    verdict: 'reject',
    guest: () => ({ alterEvidence: member('measurement', (bytes) => bytes.subarray(0, 32)) }),
  },
  'other-image': {
    says: 'the guest runs an image that the server does not know',
    finding: 'se.measurement.valid',
    verdict: 'reject',
    guest: ({ se }) => ({ guest: se.guest('guest-1', se.image('image nobody registered')) }),
  },
  'other-tags': {
    says: 'the tags in the evidence are of another image than runs',
    finding: 'se.measurement.valid',
    verdict: 'reject',
    guest: ({ se }) => ({
      guest: se.guest('guest-1', se.image('image nobody registered')),
      alterEvidence: member('image_hdr_tags', flip(200)),
    }),
  },
  'other-guest': {
    says: 'the configuration id is of another guest',
    finding: 'se.measurement.valid',
    verdict: 'reject',
    guest: () => ({ alterEvidence: member('cuid', flip(3)) }),
  },
  'user-data': {
    says: 'the user data were changed after the measurement',
    finding: 'se.measurement.valid',
    verdict: 'reject',
    guest: () => ({ moreUserData: new Uint8Array(16), alterEvidence: member('user_data', flip(70)) }),
  },
  'image-host-key': {
    says: 'the host key of the image was changed after the measurement',
    finding: 'se.measurement.valid',
    verdict: 'reject',
    guest: () => ({ alterEvidence: member('additional_data', flip(0)) }),
  },
  'attestation-host-key': {
    says: 'the host key of the attestation is another one',
    finding: 'se.host-key.match',
    verdict: 'reject',
    guest: () => ({ alterEvidence: member('additional_data', flip(40)) }),
  },
  'sealed-key': {
    says: 'the sealed measurement key is another one',
    finding: 'se.challenge.own',
    verdict: 'reject',
    guest: () => ({ alterEvidence: member('encr_measurement_key', flip(10)) }),
  },
  'sealed-nonce': {
    says: 'the sealed nonce is another one',
    finding: 'se.challenge.own',
    verdict: 'reject',
    guest: () => ({ alterEvidence: member('encr_request_nonce', flip(10)) }),
  },
  'sealed-swapped': {
    says: 'key and nonce stand in each other’s place',
    finding: 'se.challenge.own',
    verdict: 'reject',
    guest: () => ({
      alterEvidence: (evidence) => ({
        ...evidence,
        encr_measurement_key: evidence['encr_request_nonce'] ?? '',
        encr_request_nonce: evidence['encr_measurement_key'] ?? '',
      }),
    }),
  },
  'wrong-report-data': {
    says: 'the evidence binds something else',
    finding: 'binding.report-data.match',
    verdict: 'reject',
    guest: () => ({ reportData: new Uint8Array(64).fill(9) }),
  },
  'host-key-revoked': {
    says: 'the host-key document is on the CRL',
    finding: 'se.host-key.revoked',
    verdict: 'reject',
    vendor: (world) => ({ signingKeyCrl: revoked(world, 4n) }),
  },
  'signing-key-revoked': {
    says: 'the signing key is on the CRL',
    finding: 'se.host-key.revoked',
    verdict: 'reject',
    vendor: (world) => ({ intermediateCrl: revoked(world, 3n) }),
  },
  'intermediate-revoked': {
    says: 'the intermediate certificate is on the CRL',
    finding: 'se.host-key.revoked',
    verdict: 'reject',
    vendor: (world) => ({ rootCrl: revoked(world, 2n) }),
  },
  'host-key-expired': {
    says: 'the host-key document has ended',
    finding: 'se.host-key.validity',
    verdict: 'reject',
    vendor: (world) => ({ hostKey: { notBefore: days(world, -60), notAfter: days(world, -1) } }),
  },
  'signing-key-not-yet-valid': {
    says: 'the signing key begins tomorrow',
    finding: 'se.host-key.validity',
    verdict: 'reject',
    vendor: (world) => ({ signingKey: { notBefore: days(world, 1) } }),
  },
  'root-expired': {
    says: 'the root has ended',
    finding: 'se.host-key.validity',
    verdict: 'reject',
    vendor: (world) => ({ root: { notBefore: days(world, -60), notAfter: days(world, -1) } }),
  },
  'host-key-forged': {
    says: 'the host-key document is signed by another key',
    finding: 'se.host-key.trust',
    verdict: 'reject',
    vendor: (world) => ({ hostKey: { signer: world.stranger('P-384') } }),
  },
  'host-key-issuer': {
    says: 'the host-key document names another issuer',
    finding: 'se.host-key.trust',
    verdict: 'reject',
    vendor: () => ({ hostKey: { issuer: [['CN', 'somebody']] } }),
  },
  'host-key-curve': {
    says: 'the key in the host-key document is on another curve',
    finding: 'se.host-key.form',
    verdict: 'reject',
    vendor: (world) => ({ hostKey: { key: world.stranger('P-384') } }),
  },
  'signing-key-subject': {
    says: 'the signing key has another unit in its subject',
    finding: 'se.signing-key.subject',
    verdict: 'reject',
    vendor: () => ({
      signingKey: {
        subject: [
          ['C', 'US'],
          ['O', 'International Business Machines Corporation'],
          ['CN', 'International Business Machines Corporation'],
          ['ST', 'New York'],
          ['L', 'Armonk'],
          ['OU', 'IBM Z Something Else'],
        ],
      },
    }),
  },
  'signing-key-self-made': {
    says: 'the signing key is not signed by the intermediate',
    finding: 'se.signing-key.chain',
    verdict: 'reject',
    vendor: (world) => ({ signingKey: { signer: world.stranger('P-384') } }),
  },
  'crl-expired': {
    says: 'the CRL of the signing key has ended',
    finding: 'se.crl.dates',
    verdict: 'reject',
    vendor: (world) => ({ signingKeyCrl: { thisUpdate: days(world, -60), nextUpdate: days(world, -1) } }),
  },
  'crl-early': {
    says: 'the CRL of the signing key is of tomorrow',
    finding: 'se.crl.dates',
    verdict: 'reject',
    vendor: (world) => ({ signingKeyCrl: { thisUpdate: days(world, 1), nextUpdate: days(world, 30) } }),
  },
  'crl-forged': {
    says: 'the CRL of the signing key is signed by another key',
    finding: 'se.crl.trust',
    verdict: 'reject',
    vendor: (world) => ({ signingKeyCrl: { signer: world.stranger('P-384') } }),
  },
  'crl-issuer': {
    says: 'the CRL in the place of the signing key’s is of another issuer',
    finding: 'se.crl.trust',
    verdict: 'reject',
    vendor: () => ({ signingKeyCrl: { issuer: [['CN', 'somebody']] } }),
  },
} as const satisfies { readonly [id: string]: SeDefect };

export type SeDefectName = keyof typeof SE_DEFECTS;

/** Files that a server is set up with, by the names of its settings; PEM and bytes. */
export interface SeFiles {
  readonly hostKeyDocument: string;
  readonly certificates: readonly string[];
  readonly crls: readonly string[];
  readonly root: string;
  readonly imageHeader: Uint8Array;
}

/** What the emulated IBM and the owner's build give a server. */
export function seFiles(world: TestWorld, orders: SeOrders = {}): SeFiles {
  const { pki } = world.se;
  return {
    hostKeyDocument: pki.document(world.se.machine(), orders.hostKey).pem,
    certificates: [pki.signing(orders.signingKey).pem, pki.intermediate(orders.intermediate).pem],
    crls: pki.crls(orders),
    root: pki.root(orders.root).pem,
    imageHeader: world.se.header(),
  };
}
