import type { JsonObject } from '@assay/bytes';
import type { AmdChip, AmdOrders } from '../amd/amd.js';
import { intermediateSerial } from '../amd/pki.js';
import { SNP_POLICY } from '../amd/report.js';
import { type SnpOverrides, snpEvidence } from '../attester/snp.js';
import { emulatedDigest } from '../intel/sgx-report.js';
import type { TestWorld } from '../world.js';

/** One thing that is wrong, and what a verifier has to say about it. */
export interface SnpDefect {
  readonly says: string;
  /** Finding that must not pass; null where only reference values can tell. */
  readonly finding: string | null;
  readonly verdict: 'accept' | 'reject';
  /** What it changes; `orders` hold for the vendor too. */
  make(world: TestWorld, chip: AmdChip): SnpOverrides;
}

const DAY = 86_400_000;
const flip = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
const set = (bytes: Uint8Array, at: number, value: number): Uint8Array =>
  bytes.map((byte, index) => (index === at ? value : byte));
const days = (world: TestWorld, count: number): Date => new Date(world.now().getTime() + count * DAY);

/** Defects of SEV-SNP evidence and of what AMD says about it. */
export const SNP_DEFECTS = {
  debug: {
    says: 'the policy allows debugging',
    finding: 'snp.guest.debug',
    verdict: 'accept',
    make: () => ({ report: { policy: SNP_POLICY.reservedMustBeOne | SNP_POLICY.smt | SNP_POLICY.debug } }),
  },
  'changed-measurement': {
    says: 'MEASUREMENT is of other software',
    finding: null,
    verdict: 'accept',
    make: () => ({ report: { measurement: emulatedDigest('sha384', 'other SNP launch') } }),
  },
  'policy-bit-17': {
    says: 'policy bit 17 is clear',
    finding: 'snp.policy.form',
    verdict: 'reject',
    make: () => ({ report: { policy: SNP_POLICY.smt } }),
  },
  'report-version': {
    says: 'the report is of version 6',
    finding: 'snp.report.version',
    verdict: 'reject',
    make: () => ({ report: { version: 6 } }),
  },
  'signature-algorithm': {
    says: 'the report names an unknown signature algorithm',
    finding: 'snp.report.algorithm',
    verdict: 'reject',
    make: () => ({ report: { signatureAlgorithm: 0 } }),
  },
  'reserved-byte': {
    says: 'a reserved byte is not zero',
    finding: 'snp.report.reserved',
    verdict: 'reject',
    // The structured form leaves reserved bytes out: only the flat one shows them.
    make: () => ({ form: 'flat', signing: { alterBody: (body) => set(body, 0x4c, 1) } }),
  },
  'bad-signature': {
    says: 'one bit of R is flipped',
    finding: 'snp.signature.valid',
    verdict: 'reject',
    make: () => ({ signing: { alterSignature: (signature) => flip(signature, 5) } }),
  },
  'signature-padding': {
    says: 'a byte beyond the 48 of R is not zero',
    finding: 'snp.signature.encoding',
    verdict: 'reject',
    make: () => ({ signing: { alterSignature: (signature) => set(signature, 60, 1) } }),
  },
  'changed-after-signing': {
    says: 'one byte of the measurement is another one',
    finding: 'snp.signature.valid',
    verdict: 'reject',
    make: () => ({ alter: (report) => flip(report, 0x90) }),
  },
  'other-key': {
    says: 'the report is signed by a key that the VCEK does not certify',
    finding: 'snp.signature.valid',
    verdict: 'reject',
    make: (world) => ({ signing: { key: world.stranger('P-384') } }),
  },
  'other-tcb': {
    says: 'the VCEK is of another TCB',
    finding: 'snp.tcb.equal',
    verdict: 'reject',
    make: (_, chip) => ({ orders: { leafFields: { tcb: { ...chip.tcb, microcode: chip.tcb.microcode - 1 } } } }),
  },
  'other-chip': {
    says: 'the VCEK is of another chip',
    finding: 'snp.chip.id',
    verdict: 'reject',
    make: (_, chip) => ({
      orders: { leafFields: { hwId: chip.chipId.subarray(0, hwIdLength(chip)).map((b) => b ^ 1) } },
    }),
  },
  'zero-chip-id': {
    says: 'CHIP_ID is zero without the mask bit',
    finding: 'snp.chip.id',
    verdict: 'reject',
    make: () => ({ report: { chipId: new Uint8Array(64) } }),
  },
  'signing-key': {
    says: 'the report says VLEK, the certificate is a VCEK',
    finding: 'snp.signer.kind',
    verdict: 'reject',
    make: () => ({ report: { keyInfo: 1 << 2 } }),
  },
  'leaf-self-made': {
    says: 'the VCEK is signed by somebody else',
    finding: 'snp.chain.links',
    verdict: 'reject',
    // Signed with another intermediate of the same world: RSA keys are too slow to make one just for this.
    make: ({ amd }, chip) => ({ orders: { leaf: { signer: amd.pki.arkKey(chip.product) } } }),
  },
  'leaf-salt-32': {
    says: 'the VCEK is signed with a salt of 32 bytes',
    finding: 'snp.chain.pss',
    verdict: 'reject',
    make: () => ({ orders: { leaf: { algorithm: 'rsa-pss-sha384-salt-32' } } }),
  },
  'leaf-not-yet-valid': {
    says: 'the VCEK begins tomorrow',
    finding: 'snp.leaf.validity',
    verdict: 'reject',
    make: (world) => ({ orders: { leaf: { notBefore: days(world, 1) } } }),
  },
  'leaf-expired': {
    says: 'the VCEK has ended',
    finding: 'snp.leaf.validity',
    verdict: 'reject',
    make: (world) => ({ orders: { leaf: { notBefore: days(world, -60), notAfter: days(world, -1) } } }),
  },
  'ask-revoked': {
    says: 'the ASK is on the CRL',
    finding: 'snp.ca.revoked',
    verdict: 'reject',
    make: () => ({ orders: { revoked: [intermediateSerial('ask')] } }),
  },
  'crl-expired': {
    says: 'the CRL has ended',
    finding: 'snp.crl.dates',
    verdict: 'reject',
    make: (world) => ({ orders: { crl: { thisUpdate: days(world, -60), nextUpdate: days(world, -30) } } }),
  },
  'crl-forged': {
    says: 'the CRL is not signed by the ARK',
    finding: 'snp.crl.signature',
    verdict: 'reject',
    make: ({ amd }, chip) => ({ orders: { crl: { signer: amd.pki.intermediateKey('ask', chip.product) } } }),
  },
  'wrong-report-data': {
    says: 'the evidence binds something else',
    finding: 'binding.report-data.match',
    verdict: 'reject',
    make: () => ({ report: { reportData: new Uint8Array(64).fill(9) } }),
  },
} as const satisfies { readonly [id: string]: SnpDefect };

export type SnpDefectName = keyof typeof SNP_DEFECTS;

/** Evidence with AMD's certificates, as a verifier gets them. DER. */
export interface EmulatedSnpCase {
  readonly evidence: JsonObject;
  readonly leaf: Uint8Array;
  readonly intermediate: Uint8Array;
  readonly ark: Uint8Array;
  readonly crl: Uint8Array;
}

/** Evidence of an ordinary machine, or with one defect. */
export function snpCase(
  world: TestWorld,
  reportData: Uint8Array,
  defect?: SnpDefectName,
  overrides: SnpOverrides = {},
): EmulatedSnpCase {
  const { amd } = world;
  const chip = overrides.chip ?? amd.chip();
  const chosen: SnpDefect | undefined = defect === undefined ? undefined : SNP_DEFECTS[defect];
  const all: SnpOverrides = { ...overrides, chip, ...chosen?.make(world, chip) };
  const orders: AmdOrders = all.orders ?? amd.orders;
  const vlek = all.signer === 'vlek';
  return {
    evidence: snpEvidence(world, reportData, all),
    leaf: (vlek ? amd.vlek(chip, chip.tcb, orders) : amd.vcek(chip, chip.tcb, orders)).der,
    intermediate: amd.intermediate(vlek ? 'asvk' : 'ask', chip.product, orders).der,
    ark: amd.ark(chip.product, orders).der,
    crl: amd.crl(chip.product, orders),
  };
}

function hwIdLength(chip: AmdChip): number {
  return chip.product === 'Turin' ? 8 : 64;
}
