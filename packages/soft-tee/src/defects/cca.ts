import { type CcaOverrides, realmKeyDigest } from '../attester/cca.js';
import type { TestWorld } from '../world.js';

/** One thing that is wrong with a token, and what a verifier has to say about it. */
export interface CcaDefect {
  readonly says: string;
  /** Finding that must not pass; null where only reference values can tell. */
  readonly finding: string | null;
  readonly verdict: 'accept' | 'reject' | 'incomplete';
  make(world: TestWorld): CcaOverrides;
}

const flip = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));

/** Defects of CCA tokens. */
export const CCA_DEFECTS = {
  'changed-measurement': {
    says: 'the initial measurement is of another image',
    finding: null,
    verdict: 'accept',
    make: () => ({ realm: { 44238: new Uint8Array(32).fill(7) } }),
  },
  'not-enrolled': {
    says: 'the platform key of the machine is not enrolled',
    finding: 'cca.platform.key',
    verdict: 'incomplete',
    make: ({ cca }) => ({ machine: cca.machine('stranger') }),
  },
  'no-tag': {
    says: 'the collection has no tag',
    finding: 'cca.token.form',
    verdict: 'reject',
    make: () => ({ tag: new Uint8Array() }),
  },
  'no-platform': {
    says: 'the platform token is absent',
    finding: 'cca.token.form',
    verdict: 'reject',
    make: () => ({ collection: { 44234: undefined } }),
  },
  trailing: {
    says: 'a byte stands behind the collection',
    finding: 'cca.token.form',
    verdict: 'reject',
    make: () => ({ alter: (token) => Uint8Array.from([...token, 0]) }),
  },
  'no-rim': {
    says: 'there is no initial measurement',
    finding: 'cca.token.form',
    verdict: 'reject',
    make: () => ({ realm: { 44238: undefined } }),
  },
  'three-rems': {
    says: 'there are three extensible measurements',
    finding: 'cca.token.form',
    verdict: 'reject',
    make: () => ({ realm: { 44239: [0, 1, 2].map(() => new Uint8Array(32)) } }),
  },
  'instance-id-type': {
    says: 'the instance id is of another type than 01',
    finding: 'cca.token.form',
    verdict: 'reject',
    make: ({ cca }) => ({ platform: { 256: cca.machine().instanceId.with(0, 2) } }),
  },
  'unknown-profile': {
    says: 'the platform has a profile of the year 2099',
    finding: 'cca.token.profile',
    verdict: 'reject',
    make: () => ({ platform: { 265: 'tag:arm.com,2099:cca_platform#9.0.0' } }),
  },
  'platform-algorithm': {
    says: 'the platform token names EdDSA',
    finding: 'cca.token.algorithm',
    verdict: 'reject',
    make: () => ({ platformSigning: { label: -8 } }),
  },
  'realm-algorithm': {
    says: 'the realm token names no algorithm, but its unprotected header does',
    finding: 'cca.token.algorithm',
    verdict: 'reject',
    make: () => ({ realmSigning: { protectedHeader: new Uint8Array(), unprotected: new Map([[1, -35]]) } }),
  },
  'platform-signature': {
    says: 'one bit of the platform signature is flipped',
    finding: 'cca.platform.signature',
    verdict: 'reject',
    make: () => ({ platformSigning: { alterSignature: (signature) => flip(signature, 5) } }),
  },
  'platform-other-key': {
    says: 'the platform token is signed by somebody else',
    finding: 'cca.platform.signature',
    verdict: 'reject',
    make: (world) => ({ platformSigning: { key: world.stranger('P-384') } }),
  },
  'realm-signature': {
    says: 'one bit of the realm signature is flipped',
    finding: 'cca.realm.signature',
    verdict: 'reject',
    make: () => ({ realmSigning: { alterSignature: (signature) => flip(signature, 5) } }),
  },
  'realm-changed-after-signing': {
    says: 'a byte of the challenge is another one',
    finding: 'cca.realm.signature',
    verdict: 'reject',
    make: () => ({ realmSigning: { alterPayload: (payload) => flip(payload, 60) } }),
  },
  'grafted-realm': {
    says: 'the realm token is of another realm, with its own key',
    finding: 'cca.realm.binding',
    verdict: 'reject',
    make: ({ cca }) => ({
      realmKey: cca.realmKey('realm-2'),
      platform: { 10: realmKeyDigest(cca.realmKey()) },
    }),
  },
  'constant-challenge': {
    says: 'the platform challenge is a constant, as in the first firmware',
    finding: 'cca.realm.binding',
    verdict: 'reject',
    make: () => ({ legacy: true, platform: { 10: new Uint8Array(32).fill(0xbb) } }),
  },
  'other-key-hash': {
    says: 'the realm names another hash of its key than the platform made',
    finding: 'cca.realm.binding',
    verdict: 'reject',
    make: () => ({ realm: { 44240: 'sha-512' } }),
  },
  debug: {
    says: 'the platform is in a debug state',
    finding: 'cca.platform.lifecycle',
    verdict: 'reject',
    make: () => ({ platform: { 2395: 0x4000 } }),
  },
  'wrong-report-data': {
    says: 'the realm binds something else',
    finding: 'binding.report-data.match',
    verdict: 'reject',
    make: () => ({ realm: { 10: new Uint8Array(64).fill(9) } }),
  },
} as const satisfies { readonly [id: string]: CcaDefect };

export type CcaDefectName = keyof typeof CCA_DEFECTS;
