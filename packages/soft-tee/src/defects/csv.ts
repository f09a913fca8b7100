import type { JsonObject } from '@assay/bytes';
import { type CsvOverrides, csvEvidence } from '../attester/csv.js';
import type { HygonChip } from '../csv/hygon.js';
import { CSV_POLICY } from '../csv/report.js';
import type { TestWorld } from '../world.js';

/** One thing that is wrong, and what a verifier has to say about it. */
export interface CsvDefect {
  readonly says: string;
  /** Finding that must not pass; null where only reference values can tell. */
  readonly finding: string | null;
  readonly verdict: 'accept' | 'reject';
  make(world: TestWorld, chip: HygonChip): CsvOverrides;
}

const flip = (at: number) => (bytes: Uint8Array) => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
/** R and S of the signature, each 72 bytes. */
const withNumbers = (r: Uint8Array | undefined, s: Uint8Array | undefined) => (signature: Uint8Array) =>
  Uint8Array.from([...(r ?? signature.subarray(0, 72)), ...(s ?? signature.subarray(72))]);

/** Defects of CSV evidence and of what Hygon says about it. */
export const CSV_DEFECTS = {
  debug: {
    says: 'the policy allows debugging',
    finding: 'csv.guest.debug',
    verdict: 'accept',
    make: () => ({ report: { policy: CSV_POLICY.es } }),
  },
  'changed-measurement': {
    says: 'measure is of other software',
    finding: null,
    verdict: 'accept',
    make: () => ({ report: { measure: new Uint8Array(32).fill(7) } }),
  },
  'bad-signature': {
    says: 'one bit of R is flipped',
    finding: 'csv.report.signature',
    verdict: 'reject',
    make: () => ({ signing: { alterSignature: flip(3) } }),
  },
  'zero-r': {
    says: 'R is zero',
    finding: 'csv.report.signature',
    verdict: 'reject',
    make: () => ({ signing: { alterSignature: withNumbers(new Uint8Array(72), undefined) } }),
  },
  'zero-s': {
    says: 'S is zero',
    finding: 'csv.report.signature',
    verdict: 'reject',
    make: () => ({ signing: { alterSignature: withNumbers(undefined, new Uint8Array(72)) } }),
  },
  'changed-after-signing': {
    says: 'one byte of the measurement is another one',
    finding: 'csv.report.signature',
    verdict: 'reject',
    make: () => ({ alter: flip(150) }),
  },
  'unmasked-fields': {
    says: 'the fields were unmasked before they were sent',
    finding: 'csv.report.signature',
    verdict: 'reject',
    make: () => ({
      alter: (report) => report.map((byte, index) => (index < 180 ? byte ^ (report[188 + (index % 4)] ?? 0) : byte)),
    }),
  },
  'other-key': {
    says: 'the report is signed by a key that the PEK does not certify',
    finding: 'csv.report.signature',
    verdict: 'reject',
    make: ({ hygon }) => ({ signing: { key: hygon.stranger() } }),
  },
  mac: {
    says: 'the MAC over PEK and serial number is another one',
    finding: 'csv.report.mac',
    verdict: 'reject',
    make: () => ({ signing: { form: 'masked' }, alter: flip(2516) }),
  },
  'wrong-usage': {
    says: 'the report names the usage of another key',
    finding: 'csv.report.form',
    verdict: 'reject',
    make: () => ({ report: { sigUsage: 0x1003 } }),
  },
  'wrong-algorithm': {
    says: 'the report names the key exchange algorithm',
    finding: 'csv.report.form',
    verdict: 'reject',
    make: () => ({ report: { sigAlgo: 5 } }),
  },
  padding: {
    says: 'a byte behind the report is not zero',
    finding: 'csv.report.form',
    verdict: 'reject',
    make: () => ({ alter: flip(4000) }),
  },
  'launch-register': {
    says: 'RTMR0 is not the measurement',
    finding: 'csv.report.form',
    verdict: 'reject',
    make: () => ({ version: 2, report: { rtmrs: Array.from({ length: 5 }, () => new Uint8Array(32)) } }),
  },
  'hsk-self-made': {
    says: 'the HSK is signed by another key than the root',
    finding: 'csv.chain.links',
    verdict: 'reject',
    make: ({ hygon }) => ({ certificates: 'evidence', orders: { hsk: { signer: hygon.stranger() } } }),
  },
  'cek-self-made': {
    says: 'the CEK is signed by another key than the HSK',
    finding: 'csv.chain.links',
    verdict: 'reject',
    make: ({ hygon }) => ({ certificates: 'evidence', orders: { cek: { signer: hygon.stranger() } } }),
  },
  'pek-self-made': {
    says: 'the PEK is signed by another key than the CEK',
    finding: 'csv.chain.links',
    verdict: 'reject',
    make: ({ hygon }) => ({ orders: { pek: { signer: hygon.stranger() } } }),
  },
  'pek-usage': {
    says: 'the PEK has the usage of a key exchange key',
    finding: 'csv.chain.usage',
    verdict: 'reject',
    make: () => ({ orders: { pek: { usage: 0x1003 } } }),
  },
  'hsk-usage': {
    says: 'the HSK has the usage of a root',
    finding: 'csv.chain.usage',
    verdict: 'reject',
    make: () => ({ certificates: 'evidence', orders: { hsk: { usage: 0 } } }),
  },
  'owner-slot': {
    says: 'the signature of the CEK stands in a slot of the owner',
    finding: 'csv.chain.links',
    verdict: 'reject',
    make: () => ({ orders: { pek: { slotUsage: 0x1001 } } }),
  },
  'unsigned-bytes': {
    says: 'bytes of the HSK that nobody signed are not zero',
    finding: 'csv.chain.form',
    verdict: 'reject',
    make: () => ({ certificates: 'evidence', orders: { hsk: { alter: flip(800) } } }),
  },
  'off-curve': {
    says: 'the key of the CEK is no point of the curve',
    finding: 'csv.chain.form',
    verdict: 'reject',
    make: () => ({ certificates: 'evidence', orders: { cek: { alter: flip(92) } } }),
  },
  'other-chip': {
    says: 'HSK and CEK are of another chip',
    finding: 'csv.chain.links',
    verdict: 'reject',
    make: ({ hygon }, chip) => ({
      certificates: 'evidence',
      orders: { cek: { alter: () => hygon.cek(hygon.chip(`other than ${chip.id}`), {}) } },
    }),
  },
  'other-serial': {
    says: 'the serial number beside the report is of another chip',
    finding: 'csv.evidence.agree',
    verdict: 'reject',
    make: () => ({ alterEvidence: (evidence) => ({ ...evidence, serial_number: [65, 66, 67] }) }),
  },
  'other-pek': {
    says: 'the PEK beside the report is of another chip',
    finding: 'csv.evidence.agree',
    verdict: 'reject',
    make: (world, chip) => {
      const other = csvEvidence(world, new Uint8Array(), { chip: world.hygon.chip(`other than ${chip.id}`) });
      return { alterEvidence: (evidence) => ({ ...evidence, cert_chain: other['cert_chain'] ?? {} }) };
    },
  },
  'wrong-report-data': {
    says: 'the evidence binds something else',
    finding: 'binding.report-data.match',
    verdict: 'reject',
    make: () => ({ report: { reportData: new Uint8Array(64).fill(9) } }),
  },
} as const satisfies { readonly [id: string]: CsvDefect };

export type CsvDefectName = keyof typeof CSV_DEFECTS;

/** Evidence of an ordinary machine, or with one defect, and what the vendor's service answers for the chip. */
export function csvCase(
  world: TestWorld,
  reportData: Uint8Array,
  defect?: CsvDefectName,
  overrides: CsvOverrides = {},
): { readonly evidence: JsonObject; readonly hskCek: Uint8Array; readonly serial: string } {
  const chip = overrides.chip ?? world.hygon.chip();
  const chosen: CsvDefect | undefined = defect === undefined ? undefined : CSV_DEFECTS[defect];
  const all: CsvOverrides = { ...overrides, chip, ...chosen?.make(world, chip) };
  return { evidence: csvEvidence(world, reportData, all), hskCek: world.hygon.hskCek(chip), serial: chip.serial };
}
