import { concatBytes } from '@assay/bytes';
import { selectPcrs } from '@assay/evidence/tpm';
import type { TpmOverrides } from '../attester/tpm.js';
import { emulatedDigest } from '../intel/sgx-report.js';
import { TPM_EVENT, type TpmEvent, tpmBootEvents, tpmLog } from '../tpm/boot.js';
import { AK_ATTRIBUTES, akArea } from '../tpm/key.js';
import { akExtensions } from '../tpm/tpm.js';
import type { TestWorld } from '../world.js';

/** One thing that is wrong with a quote, and what a verifier has to say about it. */
export interface TpmDefect {
  readonly says: string;
  /** Finding that must not pass; null where only reference values can tell. */
  readonly finding: string | null;
  /** Findings that fail with it. */
  readonly also?: readonly string[];
  readonly verdict: 'accept' | 'reject';
  make(world: TestWorld): TpmOverrides;
}

const DAY = 86_400_000;
const flip = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
const days = (world: TestWorld, count: number): Date => new Date(world.now().getTime() + count * DAY);
const without =
  (event: number) =>
  (events: readonly TpmEvent[]): Uint8Array =>
    tpmLog(events.filter((_, index) => index !== event));
const attributes = (...removed: readonly string[]) => AK_ATTRIBUTES.filter((name) => !removed.includes(name));

/** Defects of TPM quotes, of the keys that sign them, and of the logs beside them. */
export const TPM_DEFECTS = {
  'changed-kernel': {
    says: 'another kernel was booted',
    finding: null,
    verdict: 'accept',
    make: () => ({
      events: tpmBootEvents({
        kernel: emulatedDigest('sha256', 'other kernel'),
        cmdline: 'quiet',
        initrd: emulatedDigest('sha256', 'initrd'),
      }),
    }),
  },
  'unsafe-clock': {
    says: 'the clock may have gone back',
    finding: 'tpm.clock.safe',
    verdict: 'accept',
    make: () => ({ attest: { clockInfo: { clock: 5n, resetCount: 4, restartCount: 1, safe: false } } }),
  },
  'wrong-magic': {
    says: 'the structure does not begin with TPM_GENERATED',
    finding: 'tpm.attest.form',
    verdict: 'reject',
    make: () => ({ alterMessage: (message) => flip(message, 0) }),
  },
  'certify-type': {
    says: 'the structure is of TPM2_Certify',
    finding: 'tpm.attest.form',
    verdict: 'reject',
    make: () => ({ alterMessage: (message) => message.with(5, 0x17) }),
  },
  'trailing-byte': {
    says: 'a byte follows the structure, under the signature',
    finding: 'tpm.attest.trailing',
    verdict: 'reject',
    make: () => ({ alterMessage: (message) => concatBytes(message, Uint8Array.of(0)) }),
  },
  'bad-signature': {
    says: 'one bit of the signature is flipped',
    finding: 'tpm.signature.valid',
    verdict: 'reject',
    make: () => ({ alterSignature: (signature) => flip(signature, 20) }),
  },
  'cut-signature': {
    says: 'the signature lacks its last byte',
    finding: 'tpm.signature.form',
    verdict: 'reject',
    make: () => ({ alterSignature: (signature) => signature.subarray(0, signature.length - 1) }),
  },
  'sm2-signature': {
    says: 'the signature is of a scheme that is not served',
    finding: 'tpm.signature.scheme',
    verdict: 'reject',
    make: () => ({ alterSignature: (signature) => signature.with(1, 0x1b) }),
  },
  'sha1-signature': {
    says: 'the quote is signed with SHA-1',
    finding: 'tpm.signature.scheme',
    verdict: 'reject',
    make: () => ({ hash: 'sha1' }),
  },
  'other-ak': {
    says: 'the quote is signed by another key',
    finding: 'tpm.signature.valid',
    verdict: 'reject',
    make: ({ tpm }) => ({ signer: tpm.stranger() }),
  },
  'other-area': {
    says: 'the public area is of another key',
    finding: 'tpm.key.form',
    verdict: 'reject',
    make: ({ tpm }) => ({ form: 'both', area: akArea(tpm.stranger()) }),
  },
  'sha1-name': {
    says: 'the key’s Name is made with SHA-1',
    finding: 'tpm.key.form',
    verdict: 'reject',
    make: ({ tpm }) => ({ form: 'both', area: { ...akArea(tpm.ak(tpm.machine())), nameAlg: 'sha1' } }),
  },
  'unrestricted-ak': {
    says: 'the key signs anything',
    finding: 'tpm.key.attributes',
    verdict: 'reject',
    make: () => ({ attributes: attributes('restricted') }),
  },
  'decrypting-ak': {
    says: 'the key decrypts as well',
    finding: 'tpm.key.attributes',
    verdict: 'reject',
    make: () => ({ attributes: [...AK_ATTRIBUTES, 'decrypt'] }),
  },
  'no-signing-ak': {
    says: 'the key does not sign',
    finding: 'tpm.key.attributes',
    verdict: 'reject',
    make: () => ({ attributes: attributes('sign') }),
  },
  'movable-ak': {
    says: 'the key may leave its TPM',
    finding: 'tpm.key.attributes',
    verdict: 'reject',
    make: () => ({ attributes: attributes('fixedTPM') }),
  },
  'adoptable-ak': {
    says: 'the key may get another parent',
    finding: 'tpm.key.attributes',
    verdict: 'reject',
    make: () => ({ attributes: attributes('fixedParent') }),
  },
  'imported-ak': {
    says: 'the key was made outside of the TPM',
    finding: 'tpm.key.attributes',
    verdict: 'reject',
    make: () => ({ attributes: attributes('sensitiveDataOrigin') }),
  },
  'unknown-ak': {
    says: 'nothing vouches for the key',
    finding: 'tpm.key.trust',
    verdict: 'reject',
    make: () => ({ certificate: 'none' }),
  },
  'certificate-of-other-key': {
    says: 'the AK certificate is of another key',
    finding: 'tpm.key.certificate',
    also: ['tpm.key.trust'],
    verdict: 'reject',
    make: ({ tpm }) => ({ orders: { leaf: { key: tpm.stranger() } } }),
  },
  'certificate-self-made': {
    says: 'the AK certificate is signed by somebody else',
    finding: 'tpm.key.certificate',
    also: ['tpm.key.trust'],
    verdict: 'reject',
    make: ({ tpm }) => ({ orders: { leaf: { signer: tpm.stranger() } } }),
  },
  'certificate-expired': {
    says: 'the AK certificate has ended',
    finding: 'tpm.key.certificate',
    also: ['tpm.key.trust'],
    verdict: 'reject',
    make: (world) => ({ orders: { leaf: { notBefore: days(world, -60), notAfter: days(world, -1) } } }),
  },
  'certificate-not-yet-valid': {
    says: 'the AK certificate begins tomorrow',
    finding: 'tpm.key.certificate',
    also: ['tpm.key.trust'],
    verdict: 'reject',
    make: (world) => ({ orders: { leaf: { notBefore: days(world, 1) } } }),
  },
  'certificate-without-usage': {
    says: 'the certificate does not say that it is of an attestation key',
    finding: 'tpm.key.certificate',
    also: ['tpm.key.trust'],
    verdict: 'reject',
    make: ({ tpm }) => {
      const key = tpm.ak(tpm.machine());
      const { key: issuer } = tpm.intermediate().fields;
      return { orders: { leaf: { extensions: akExtensions(key, issuer, null) } } };
    },
  },
  'certificate-ca-expired': {
    says: 'the issuer of the AK certificate has ended',
    finding: 'tpm.key.certificate',
    also: ['tpm.key.trust'],
    verdict: 'reject',
    make: (world) => ({ orders: { intermediate: { notAfter: days(world, -1) } } }),
  },
  'changed-pcr': {
    says: 'the value of PCR 4 is another one',
    finding: 'tpm.pcr.digest',
    also: ['eventlog.register.replay'],
    verdict: 'reject',
    make: () => ({ alterPcrs: (pcrs) => pcrs.map((value, index) => (index === 4 ? flip(value, 0) : value)) }),
  },
  'missing-pcr': {
    says: 'the values of PCR 22 and 23 did not come',
    finding: 'tpm.pcr.values',
    also: ['tpm.pcr.digest'],
    verdict: 'reject',
    make: () => ({ alterPcrs: (pcrs) => pcrs.slice(0, 22) }),
  },
  'empty-selection': {
    says: 'the quote covers no register',
    finding: 'tpm.pcr.selection',
    verdict: 'reject',
    make: () => ({ selection: [selectPcrs('sha256', [])] }),
  },
  'no-bank': {
    says: 'the quote covers no bank',
    finding: 'tpm.pcr.selection',
    verdict: 'reject',
    make: () => ({ selection: [] }),
  },
  'log-dropped-event': {
    says: 'the kernel is not in the log',
    finding: 'eventlog.register.replay',
    verdict: 'reject',
    make: () => ({ log: without(10) }),
  },
  'log-added-event': {
    says: 'an event was added at the end of the log',
    finding: 'eventlog.register.replay',
    verdict: 'reject',
    make: () => ({
      log: (events) => tpmLog([...events, { pcr: 4, type: TPM_EVENT.separator, data: new Uint8Array(4) }]),
    }),
  },
  'log-changed-data': {
    says: 'the log says that Secure Boot is off; its digest is of on',
    finding: 'eventlog.event.digest',
    verdict: 'reject',
    make: () => ({
      log: (events) =>
        tpmLog(
          events.map((event) =>
            event.type === TPM_EVENT.efiVariableDriverConfig
              ? { ...event, measured: event.data, data: event.data.with(event.data.length - 1, 0) }
              : event,
          ),
        ),
    }),
  },
  'log-garbage': {
    says: 'the log does not end with a whole event',
    finding: 'eventlog.log.form',
    verdict: 'reject',
    make: () => ({ log: (events) => concatBytes(tpmLog(events), Uint8Array.of(1, 2, 3)) }),
  },
  'wrong-report-data': {
    says: 'the quote binds something else',
    finding: 'binding.report-data.match',
    verdict: 'reject',
    make: () => ({ extraData: new Uint8Array(64).fill(9) }),
  },
} as const satisfies { readonly [id: string]: TpmDefect };

export type TpmDefectName = keyof typeof TPM_DEFECTS;
