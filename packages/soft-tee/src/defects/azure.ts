import type { AzSnpOverrides, AzTdxOverrides } from '../attester/azure.js';
import { azureTpm } from '../attester/azure.js';
import { type RuntimeJson, runtimeData, runtimeHash } from '../azure/hcl.js';
import type { TestWorld } from '../world.js';
import { SNP_DEFECTS } from './snp.js';
import { TPM_DEFECTS } from './tpm.js';

/** Hardware beneath the vTPM. */
export type AzureHardware = 'snp' | 'tdx';

/** One thing that is wrong with evidence of a confidential VM, and what a verifier has to say about it. */
export interface AzureDefect {
  readonly says: string;
  readonly on: readonly AzureHardware[];
  readonly finding: string | null;
  /** Findings that fail with it. */
  readonly also?: readonly string[];
  readonly verdict: 'accept' | 'reject';
  make(world: TestWorld): AzSnpOverrides & AzTdxOverrides;
}

const BOTH: readonly AzureHardware[] = ['snp', 'tdx'];
const HCL_TYPE = 1224;
const HCL_JSON = 1236;

const set = (bytes: Uint8Array, at: number, value: number): Uint8Array => bytes.with(at, value);
/** The JSON of another VM, whose key is another one. */
const otherVm = (world: TestWorld): Uint8Array =>
  runtimeData(world.tpm.ak(world.tpm.machine('other-vtpm', 'rsa')), new Uint8Array(48));

/** Defects of evidence of Azure confidential VMs. */
export const AZURE_DEFECTS = {
  'changed-kernel': {
    says: 'another kernel was booted',
    on: BOTH,
    finding: null,
    verdict: 'accept',
    make: () => ({ tpm: TPM_DEFECTS['changed-kernel'].make() }),
  },
  magic: {
    says: 'the HCL report does not begin with HCLA',
    on: BOTH,
    finding: 'az.hcl.form',
    verdict: 'reject',
    make: () => ({ header: { magic: 'HCLB' } }),
  },
  version: {
    says: 'the HCL report is of version 3',
    on: BOTH,
    finding: 'az.hcl.form',
    verdict: 'reject',
    make: () => ({ header: { version: 3 } }),
  },
  'request-type': {
    says: 'the HCL report answers another request',
    on: BOTH,
    finding: 'az.hcl.form',
    verdict: 'reject',
    make: () => ({ header: { requestType: 1 } }),
  },
  status: {
    says: 'the paravisor answered with a status',
    on: BOTH,
    finding: 'az.hcl.form',
    verdict: 'reject',
    make: () => ({ header: { status: 1 } }),
  },
  'runtime-version': {
    says: 'the runtime data are of version 2',
    on: BOTH,
    finding: 'az.hcl.form',
    verdict: 'reject',
    make: () => ({ header: { runtimeVersion: 2 } }),
  },
  'report-size': {
    says: 'the size of the report is not that of its parts',
    on: BOTH,
    finding: 'az.hcl.form',
    verdict: 'reject',
    make: () => ({ header: { reportSize: 2600 } }),
  },
  'variable-size': {
    says: 'the size of the JSON is not that of the runtime data',
    on: BOTH,
    finding: 'az.hcl.form',
    verdict: 'reject',
    make: () => ({ header: { variableSize: 20 } }),
  },
  'hash-type': {
    says: 'the hash is of no known type',
    on: BOTH,
    finding: 'az.hcl.form',
    verdict: 'reject',
    make: () => ({ header: { hashType: 0 } }),
  },
  'other-hash': {
    says: 'the header says SHA-384 of a hash that is SHA-256',
    on: BOTH,
    finding: 'az.hcl.binding',
    verdict: 'reject',
    make: () => ({ header: { hashType: 2 } }),
  },
  'not-json': {
    says: 'the runtime data are no JSON',
    on: BOTH,
    finding: 'az.hcl.form',
    also: ['az.hcl.binding'],
    verdict: 'reject',
    make: () => ({ alterHcl: (report) => set(report, HCL_JSON, 0x5b) }),
  },
  'json-list': {
    says: 'the runtime data are a list',
    on: BOTH,
    finding: 'az.hcl.form',
    verdict: 'reject',
    make: () => ({ runtime: () => [] as unknown as RuntimeJson }),
  },
  'keys-text': {
    says: 'the keys are a text',
    on: BOTH,
    finding: 'az.hcl.form',
    verdict: 'reject',
    make: () => ({ runtime: (json) => ({ ...json, keys: 'HCLAkPub' }) as unknown as RuntimeJson }),
  },
  'many-keys': {
    says: 'there are 17 keys',
    on: BOTH,
    finding: 'az.hcl.form',
    verdict: 'reject',
    make: () => ({ runtime: (json) => ({ ...json, keys: [...json.keys, ...Array.from({ length: 16 }, () => ({}))] }) }),
  },
  'configuration-list': {
    says: 'the configuration is a list',
    on: BOTH,
    finding: 'az.hcl.form',
    verdict: 'reject',
    make: () => ({ runtime: (json) => ({ ...json, 'vm-configuration': [] }) as unknown as RuntimeJson }),
  },
  'other-kind-snp': {
    says: 'the header says TDX over an SNP report',
    on: ['snp'],
    finding: 'az.hcl.kind',
    verdict: 'reject',
    make: () => ({ alterHcl: (report) => set(report, HCL_TYPE, 4) }),
  },
  'other-kind-tdx': {
    says: 'the header says SNP over a TDREPORT',
    on: ['tdx'],
    finding: 'az.hcl.kind',
    verdict: 'reject',
    make: () => ({ alterHcl: (report) => set(report, HCL_TYPE, 2) }),
  },
  'changed-json': {
    says: 'one character of the runtime data is another one',
    on: BOTH,
    finding: 'az.hcl.binding',
    verdict: 'reject',
    make: () => ({
      alterHcl: (report) => {
        const at = Buffer.from(report).indexOf('EMULATED');
        return set(report, at, 0x65);
      },
    }),
  },
  'json-of-other-vm': {
    says: 'the hardware binds the runtime data of another VM',
    on: BOTH,
    finding: 'az.hcl.binding',
    verdict: 'reject',
    make: (world) => ({ bound: runtimeHash(otherVm(world)) }),
  },
  'td-report-of-other-vm': {
    says: 'the TDREPORT inside is of another VM than the quote',
    on: ['tdx'],
    finding: 'az.hcl.binding',
    verdict: 'reject',
    make: (world) => ({ tdReportData: runtimeHash(otherVm(world)) }),
  },
  'td-report-padding': {
    says: 'something stands behind the TDREPORT',
    on: ['tdx'],
    finding: 'az.hcl.form',
    verdict: 'reject',
    make: () => ({ alterHcl: (report) => set(report, 32 + 1024 + 5, 1) }),
  },
  'bound-beyond-hash': {
    says: 'something stands behind the hash in REPORT_DATA',
    on: BOTH,
    finding: 'az.hcl.binding',
    verdict: 'reject',
    make: (world) => ({
      // Evidence version 1 has no user-data, so the runtime data are known beforehand.
      version: 1,
      bound: set(runtimeHash(runtimeData(world.tpm.ak(azureTpm(world)), new Uint8Array())), 63, 1),
    }),
  },
  'no-ak': {
    says: 'the runtime data name no AK',
    on: BOTH,
    finding: 'az.hcl.key',
    verdict: 'reject',
    make: () => ({ runtime: (json) => ({ ...json, keys: json.keys.map((key) => ({ ...key, kid: 'HCLEkPub' })) }) }),
  },
  'two-aks': {
    says: 'the runtime data name two AKs',
    on: BOTH,
    finding: 'az.hcl.key',
    verdict: 'reject',
    make: () => ({ runtime: (json) => ({ ...json, keys: [...json.keys, ...json.keys] }) }),
  },
  'weak-ak': {
    says: 'the AK has 1024 bits',
    on: BOTH,
    finding: 'az.hcl.key',
    verdict: 'reject',
    make: () => ({ runtime: withModulus(Buffer.alloc(128, 0xc1).toString('base64url')) }),
  },
  'ec-ak': {
    says: 'the AK is said to be an EC key',
    on: BOTH,
    finding: 'az.hcl.key',
    verdict: 'reject',
    make: () => ({ runtime: (json) => ({ ...json, keys: json.keys.map((key) => ({ ...key, kty: 'EC' })) }) }),
  },
  'no-user-data': {
    says: 'evidence of version 2 without user-data',
    on: BOTH,
    finding: 'az.hcl.user-data',
    verdict: 'reject',
    make: () => ({
      runtime: ({ keys, 'vm-configuration': configuration }) => ({ keys, 'vm-configuration': configuration }),
    }),
  },
  'stale-user-data': {
    says: 'the HCL report is of an earlier exchange',
    on: BOTH,
    finding: 'az.hcl.user-data',
    also: ['az.boot.same'],
    verdict: 'reject',
    make: () => ({ userData: new Uint8Array(48).fill(3) }),
  },
  'short-user-data': {
    says: 'user-data has 63 bytes',
    on: BOTH,
    finding: 'az.hcl.form',
    verdict: 'reject',
    make: () => ({ runtime: (json) => ({ ...json, 'user-data': (json['user-data'] ?? '').slice(2) }) }),
  },
  'wrong-report-data': {
    says: 'the quote binds something else',
    on: BOTH,
    finding: 'binding.report-data.match',
    also: ['az.boot.same'],
    verdict: 'reject',
    make: () => ({ tpm: { extraData: new Uint8Array(48).fill(9) } }),
  },
  'quote-of-other-vtpm': {
    says: 'the quote is signed by the vTPM of another VM',
    on: BOTH,
    finding: 'tpm.signature.valid',
    verdict: 'reject',
    make: ({ tpm }) => ({ tpm: { signer: tpm.ak(tpm.machine('other-vtpm', 'rsa')) } }),
  },
  'quote-magic': {
    says: 'the quote does not begin with TPM_GENERATED',
    on: BOTH,
    finding: 'tpm.attest.form',
    verdict: 'reject',
    make: () => ({ tpm: TPM_DEFECTS['wrong-magic'].make() }),
  },
  'changed-pcr': {
    says: 'the value of PCR 4 is another one',
    on: BOTH,
    finding: 'tpm.pcr.digest',
    verdict: 'reject',
    make: () => ({ tpm: TPM_DEFECTS['changed-pcr'].make() }),
  },
  'certificate-of-other-key': {
    says: 'the AK certificate is of another key',
    on: BOTH,
    finding: 'az.ak.certificate',
    verdict: 'reject',
    make: ({ tpm }) => ({ akCertificate: tpm.akCertificate(tpm.machine()).der }),
  },
  'other-vmpl': {
    says: 'the report was asked for by the guest system, not by the paravisor',
    on: ['snp'],
    finding: 'az.hcl.hardware',
    also: ['snp.guest.vmpl'],
    verdict: 'reject',
    make: () => ({ snp: { report: { vmpl: 1 } } }),
  },
  'forged-report': {
    says: 'the SNP report is signed by a key that the VCEK does not certify',
    on: ['snp'],
    finding: 'az.hcl.hardware',
    also: ['snp.signature.valid'],
    verdict: 'reject',
    make: (world) => ({ snp: SNP_DEFECTS['other-key'].make(world) }),
  },
  'forged-quote': {
    says: 'a byte of the TD quote is another one',
    on: ['tdx'],
    finding: 'az.hcl.hardware',
    also: ['dcap.quote.signature'],
    verdict: 'reject',
    // A byte of MRTD: under the signature, and nowhere compared.
    make: () => ({ tdx: { alter: (quote) => set(quote, 200, (quote[200] ?? 0) ^ 1) } }),
  },
} as const satisfies { readonly [id: string]: AzureDefect };

export type AzureDefectName = keyof typeof AZURE_DEFECTS;

function withModulus(n: string): (json: RuntimeJson) => RuntimeJson {
  return (json) => ({ ...json, keys: json.keys.map((key) => ({ ...key, n })) });
}
