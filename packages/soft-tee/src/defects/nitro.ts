import type { NitroOverrides } from '../attester/nitro.js';
import type { TestWorld } from '../world.js';
import { basicConstraints, keyUsage } from '../x509/extension.js';

/** One thing that is wrong with a document, and what a verifier has to say about it. */
export interface NitroDefect {
  readonly says: string;
  /** Finding that must not pass; null where only reference values can tell. */
  readonly finding: string | null;
  readonly verdict: 'accept' | 'reject';
  make(world: TestWorld): NitroOverrides;
}

const HOUR = 3_600_000;
const flip = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
const hours = (world: TestWorld, count: number): Date => new Date(world.now().getTime() + count * HOUR);
const zero = new Uint8Array(48);
const signs = keyUsage('digitalSignature', 'keyCertSign');

/** Defects of Nitro attestation documents. */
export const NITRO_DEFECTS = {
  debug: {
    says: 'the enclave runs in debug mode',
    finding: 'nitro.enclave.debug',
    verdict: 'accept',
    make: () => ({ pcrs: { 0: zero, 1: zero, 2: zero } }),
  },
  'changed-measurement': {
    says: 'PCR0 is of another image',
    finding: null,
    verdict: 'accept',
    make: () => ({ pcrs: { 0: new Uint8Array(48).fill(7) } }),
  },
  trailing: {
    says: 'a byte stands behind the document',
    finding: 'nitro.document.form',
    verdict: 'reject',
    make: () => ({ alter: (document) => Uint8Array.from([...document, 0]) }),
  },
  'no-timestamp': {
    says: 'there is no timestamp',
    finding: 'nitro.document.form',
    verdict: 'reject',
    make: () => ({ members: { timestamp: undefined } }),
  },
  'pcr-size': {
    says: 'PCR4 has 33 bytes',
    finding: 'nitro.document.form',
    verdict: 'reject',
    make: () => ({ pcrs: { 4: new Uint8Array(33) } }),
  },
  'user-data-long': {
    says: 'user_data has 1025 bytes',
    finding: 'nitro.document.form',
    verdict: 'reject',
    make: () => ({ members: { user_data: new Uint8Array(1025) } }),
  },
  digest: {
    says: 'digest is SHA256',
    finding: 'nitro.document.algorithm',
    verdict: 'reject',
    make: () => ({ members: { digest: 'SHA256' } }),
  },
  algorithm: {
    says: 'the protected header names ES256',
    finding: 'nitro.document.algorithm',
    verdict: 'reject',
    make: () => ({ signing: { label: -7 } }),
  },
  'bad-signature': {
    says: 'one bit of the signature is flipped',
    finding: 'nitro.signature.valid',
    verdict: 'reject',
    make: () => ({ signing: { alterSignature: (signature) => flip(signature, 5) } }),
  },
  'changed-after-signing': {
    says: 'a byte of PCR0 is another one',
    finding: 'nitro.signature.valid',
    verdict: 'reject',
    // The payload ends with null members: PCR0 is well inside its first half.
    make: () => ({ signing: { alterPayload: (payload) => flip(payload, 110) } }),
  },
  'other-key': {
    says: 'the document is signed by a key that the leaf does not certify',
    finding: 'nitro.signature.valid',
    verdict: 'reject',
    make: (world) => ({ signing: { key: world.stranger('P-384') } }),
  },
  'root-self-made': {
    says: 'the root is somebody else’s, under the same name',
    finding: 'nitro.chain.root',
    verdict: 'reject',
    make: (world) => {
      const key = world.stranger('P-384');
      return { orders: { root: { key, signer: key }, regional: { signer: key } } };
    },
  },
  'leaf-self-made': {
    says: 'the leaf is signed by somebody else',
    finding: 'nitro.chain.links',
    verdict: 'reject',
    make: (world) => ({ orders: { leaf: { signer: world.stranger('P-384') } } }),
  },
  'authority-not-ca': {
    says: 'the instance certificate is no CA',
    finding: 'nitro.chain.links',
    verdict: 'reject',
    make: () => ({ orders: { instance: { extensions: [basicConstraints(false), signs] } } }),
  },
  'path-too-long': {
    says: 'the regional authority allows one certificate below it',
    finding: 'nitro.chain.links',
    verdict: 'reject',
    make: () => ({ orders: { regional: { extensions: [basicConstraints(true, 1), signs] } } }),
  },
  'leaf-is-ca': {
    says: 'the leaf is a CA',
    finding: 'nitro.chain.links',
    verdict: 'reject',
    make: () => ({ orders: { leaf: { extensions: [basicConstraints(true, 0), signs] } } }),
  },
  'leaf-may-not-sign': {
    says: 'the leaf may sign certificates alone',
    finding: 'nitro.chain.links',
    verdict: 'reject',
    make: () => ({ orders: { leaf: { extensions: [basicConstraints(false), keyUsage('keyCertSign')] } } }),
  },
  'leaf-other-curve': {
    says: 'the key of the leaf is on P-256',
    finding: 'nitro.chain.links',
    verdict: 'reject',
    make: (world) => {
      const key = world.stranger('P-256');
      return { orders: { leaf: { key } }, signing: { key } };
    },
  },
  'chain-reversed': {
    says: 'the authorities stand in the other order',
    finding: 'nitro.chain.links',
    verdict: 'reject',
    make: (world) => ({
      members: {
        cabundle: world.nitro.pki
          .chain(world.now())
          .authorities.map(({ der }) => der)
          .toReversed(),
      },
    }),
  },
  'leaf-expired': {
    says: 'the leaf ended an hour ago',
    finding: 'nitro.chain.validity',
    verdict: 'reject',
    make: (world) => ({ orders: { leaf: { notBefore: hours(world, -4), notAfter: hours(world, -1) } } }),
  },
  'leaf-not-yet-valid': {
    says: 'the leaf begins in an hour',
    finding: 'nitro.chain.validity',
    verdict: 'reject',
    make: (world) => ({ orders: { leaf: { notBefore: hours(world, 1), notAfter: hours(world, 4) } } }),
  },
  'authority-expired': {
    says: 'the zonal authority ended an hour ago',
    finding: 'nitro.chain.validity',
    verdict: 'reject',
    make: (world) => ({ orders: { zonal: { notBefore: hours(world, -48), notAfter: hours(world, -1) } } }),
  },
  'from-the-future': {
    says: 'the document was made in an hour',
    finding: 'nitro.chain.validity',
    verdict: 'reject',
    make: (world) => ({ members: { timestamp: hours(world, 1).getTime() } }),
  },
  'before-its-leaf': {
    says: 'the document was made an hour before its leaf begins',
    finding: 'nitro.chain.validity',
    verdict: 'reject',
    make: (world) => ({ members: { timestamp: hours(world, -1).getTime() } }),
  },
  'wrong-report-data': {
    says: 'the document binds something else',
    finding: 'binding.report-data.match',
    verdict: 'reject',
    make: () => ({ members: { user_data: new Uint8Array(48).fill(9) } }),
  },
  'no-report-data': {
    says: 'the document binds nothing',
    finding: 'binding.report-data.match',
    verdict: 'reject',
    make: () => ({ members: { user_data: null } }),
  },
} as const satisfies { readonly [id: string]: NitroDefect };

export type NitroDefectName = keyof typeof NITRO_DEFECTS;
