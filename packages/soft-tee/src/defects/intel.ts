import type { JsonObject } from '@assay/bytes';
import { type SgxOverrides, sgxEvidence } from '../attester/sgx.js';
import { type TdxOverrides, tdxEvidence } from '../attester/tdx.js';
import type { EmulatedCollateral, IntelOrders } from '../intel/intel.js';
import type { IntelPlatform } from '../intel/platform.js';
import { quotingEnclave } from '../intel/qe-identity.js';
import { type QuoteFields, qeBinding } from '../intel/quote.js';
import { emulatedDigest, SGX_FLAG, type SgxReportFields } from '../intel/sgx-report.js';
import type { IntelTee, TcbLevel } from '../intel/tcb-info.js';
import { TD_ATTRIBUTE, type TdReportFields } from '../intel/td-report.js';
import { publicPoint } from '../keys/key-store.js';
import type { TestWorld } from '../world.js';

/** What a defect changes. */
export interface IntelDefectParts {
  readonly platform?: IntelPlatform;
  readonly td?: Partial<TdReportFields>;
  readonly enclave?: Partial<SgxReportFields>;
  readonly quote?: Partial<Omit<QuoteFields, 'body' | 'version'>>;
  readonly orders?: IntelOrders;
  readonly alter?: (quote: Uint8Array) => Uint8Array;
}

/** One thing that is wrong, and what a verifier has to say about it. */
export interface IntelDefect {
  readonly says: string;
  /** TEEs that can have it. */
  readonly tees: readonly IntelTee[];
  /** Finding that must not pass; by TEE where they differ; null where only reference values can tell. */
  readonly finding: string | Readonly<Record<IntelTee, string>> | null;
  /** `reject`: not authentic. `accept`: authentic, and the finding warns or a policy decides. */
  readonly verdict: 'accept' | 'reject';
  make(world: TestWorld, tee: IntelTee): IntelDefectParts;
}

const DAY = 86_400_000;
const BOTH: readonly IntelTee[] = ['sgx', 'tdx'];
const flip = (bytes: Uint8Array, at = 0): Uint8Array => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
const days = (world: TestWorld, count: number): Date => new Date(world.now().getTime() + count * DAY);

const AUTH_DATA = Uint8Array.from({ length: 32 }, (_, index) => index);

/** Defects of Intel evidence and of what Intel says about it. */
export const INTEL_DEFECTS = {
  debug: {
    says: 'the debug bit is set',
    tees: BOTH,
    finding: { sgx: 'sgx.enclave.debug', tdx: 'tdx.td.debug' },
    verdict: 'accept',
    make: () => ({
      td: { tdAttributes: TD_ATTRIBUTE.septVeDisable | TD_ATTRIBUTE.debug },
      enclave: { attributes: SGX_FLAG.init | SGX_FLAG.mode64bit | SGX_FLAG.debug },
    }),
  },
  'changed-measurement': {
    says: 'MRTD or MRENCLAVE is of other software',
    tees: BOTH,
    finding: null,
    verdict: 'accept',
    make: () => ({
      td: { mrTd: emulatedDigest('sha384', 'other TD firmware') },
      enclave: { mrEnclave: emulatedDigest('sha256', 'other enclave') },
    }),
  },
  'tcb-out-of-date': {
    says: 'microcode and TDX module are one update behind',
    tees: BOTH,
    finding: 'dcap.tcb.level',
    verdict: 'accept',
    make: ({ intel }) => ({
      platform: intel.platform('behind', { components: [2, 2, 2, 2, 3, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0] }),
      td: { teeTcbSvn: svn(2, 1, 2), teeTcbSvn2: svn(2, 1, 2) },
    }),
  },
  'tcb-not-supported': {
    says: 'the platform is below every TCB level',
    tees: BOTH,
    finding: 'dcap.tcb.supported',
    verdict: 'reject',
    make: ({ intel }) => ({ platform: intel.platform('ancient', { components: new Array<number>(16).fill(0) }) }),
  },
  'tcb-revoked': {
    says: "the platform's TCB level is revoked",
    tees: BOTH,
    finding: 'dcap.tcb.revoked',
    verdict: 'reject',
    make: () => ({ orders: { levels: oneLevel('Revoked') } }),
  },
  'tcb-unknown-status': {
    says: 'TCB info holds a status that nobody knows',
    tees: BOTH,
    finding: 'dcap.tcbinfo.form',
    verdict: 'reject',
    make: () => ({ orders: { levels: oneLevel('UpToDateish') } }),
  },
  'pck-revoked': {
    says: "the platform's certificate is on the PCK CRL",
    tees: BOTH,
    finding: 'dcap.pck.revoked',
    verdict: 'reject',
    make: ({ intel }) => ({ orders: { revoked: [intel.pckCertificate(intel.platform()).fields.serial] } }),
  },
  'ca-revoked': {
    says: 'the intermediate is on the root CRL',
    tees: BOTH,
    finding: 'dcap.ca.revoked',
    verdict: 'reject',
    make: ({ intel }) => ({ orders: { revoked: [intel.pki.ca('platform').fields.serial] } }),
  },
  'tcb-signer-revoked': {
    says: 'the TCB signing certificate is on the root CRL',
    tees: BOTH,
    finding: 'dcap.ca.revoked',
    verdict: 'reject',
    make: ({ intel }) => ({ orders: { revoked: [intel.pki.tcbSigner().fields.serial] } }),
  },
  'pck-expired': {
    says: 'the PCK certificate has ended',
    tees: BOTH,
    finding: 'dcap.pck.validity',
    verdict: 'reject',
    make: (world) => ({ orders: { pck: { notAfter: days(world, -1) } } }),
  },
  'pck-not-yet-valid': {
    says: 'the PCK certificate begins tomorrow',
    tees: BOTH,
    finding: 'dcap.pck.validity',
    verdict: 'reject',
    make: (world) => ({ orders: { pck: { notBefore: days(world, 1) } } }),
  },
  'pck-self-made': {
    says: 'the PCK certificate is signed by a key of its own',
    tees: BOTH,
    finding: 'dcap.pck.chain',
    verdict: 'reject',
    make: (world) => ({ orders: { pck: { signer: world.stranger('P-256') } } }),
  },
  'root-self-made': {
    says: 'the whole chain is under another root of the same name',
    tees: BOTH,
    finding: 'dcap.pck.root',
    verdict: 'reject',
    make: (world) => {
      const key = world.stranger('P-256');
      return { orders: { root: { key, signer: key }, ca: { signer: key }, tcbSigner: { signer: key } } };
    },
  },
  'qe-forged-key': {
    says: 'the attestation key was replaced and the quote signed again',
    tees: BOTH,
    finding: 'dcap.qe.binding',
    verdict: 'reject',
    make: (world, tee) => {
      // The genuine quoting enclave's report, which binds the genuine key, beside a key that signs anything.
      const genuine = publicPoint(world.intel.attestationKey(world.intel.platform(), tee));
      return {
        quote: {
          attestationKey: world.stranger('P-256'),
          qeReportData: qeBinding(genuine, AUTH_DATA),
          qeAuthData: AUTH_DATA,
        },
      };
    },
  },
  'qe-forged-report': {
    says: 'a self-made quoting enclave signed its report with a key of its own',
    tees: BOTH,
    finding: 'dcap.qe.signature',
    verdict: 'reject',
    make: (world) => ({ quote: { qeSigner: world.stranger('P-256') } }),
  },
  'qe-wrong-signer': {
    says: 'the quoting enclave is signed by somebody else',
    tees: BOTH,
    finding: 'dcap.qe.mrsigner',
    verdict: 'reject',
    make: (_, tee) => ({
      quote: { qeReport: { ...quotingEnclave(tee), mrSigner: emulatedDigest('sha256', 'other signer') } },
    }),
  },
  'qe-wrong-product': {
    says: 'another enclave of the same signer made the quote',
    tees: BOTH,
    finding: 'dcap.qe.prodid',
    verdict: 'reject',
    make: (_, tee) => ({ quote: { qeReport: { ...quotingEnclave(tee), isvProdId: 7 } } }),
  },
  'qe-debug': {
    says: 'the quoting enclave runs in debug',
    tees: BOTH,
    finding: 'dcap.qe.attributes',
    verdict: 'reject',
    make: (_, tee) => {
      const qe = quotingEnclave(tee);
      return { quote: { qeReport: { ...qe, attributes: qe.attributes | SGX_FLAG.debug } } };
    },
  },
  'qe-out-of-date': {
    says: 'the quoting enclave is behind',
    tees: BOTH,
    finding: 'dcap.qe.level',
    verdict: 'accept',
    make: (_, tee) => ({ quote: { qeReport: { ...quotingEnclave(tee), isvSvn: 5 } } }),
  },
  'qe-wrong-binding': {
    says: 'the quoting enclave vouches for another key',
    tees: BOTH,
    finding: 'dcap.qe.binding',
    verdict: 'reject',
    make: () => ({ quote: { qeReportData: new Uint8Array(64).fill(7) } }),
  },
  'bad-quote-signature': {
    says: "one bit of the quote's signature is flipped",
    tees: BOTH,
    finding: 'dcap.quote.signature',
    verdict: 'reject',
    make: () => ({ quote: { alterQuoteSignature: (signature) => flip(signature, 40) } }),
  },
  'bad-qe-signature': {
    says: "one bit of the signature of the quoting enclave's report is flipped",
    tees: BOTH,
    finding: 'dcap.qe.signature',
    verdict: 'reject',
    make: () => ({ quote: { alterQeSignature: (signature) => flip(signature, 40) } }),
  },
  'changed-after-signing': {
    says: 'one byte of the signed body is another one',
    tees: BOTH,
    finding: 'dcap.quote.signature',
    verdict: 'reject',
    make: () => ({ alter: (quote) => flip(quote, 48 + 100) }),
  },
  truncated: {
    says: 'the quote is cut',
    tees: BOTH,
    finding: 'dcap.quote.length',
    verdict: 'reject',
    make: () => ({ alter: (quote) => quote.subarray(0, 700) }),
  },
  'wrong-vendor': {
    says: 'the quoting enclave is of another vendor',
    tees: BOTH,
    finding: 'dcap.quote.vendor',
    verdict: 'reject',
    make: () => ({ quote: { header: { vendorId: new Uint8Array(16) } } }),
  },
  'tcb-info-expired': {
    says: 'TCB info has ended',
    tees: BOTH,
    finding: 'dcap.tcbinfo.dates',
    verdict: 'reject',
    make: (world) => ({ orders: { tcbInfo: { fields: { issued: days(world, -60), nextUpdate: days(world, -30) } } } }),
  },
  'tcb-info-future': {
    says: 'TCB info is dated tomorrow',
    tees: BOTH,
    finding: 'dcap.tcbinfo.dates',
    verdict: 'reject',
    make: (world) => ({ orders: { tcbInfo: { fields: { issued: days(world, 1) } } } }),
  },
  'tcb-info-edited': {
    says: 'TCB info was changed after it was signed',
    tees: BOTH,
    finding: 'dcap.tcbinfo.signature',
    verdict: 'reject',
    make: () => ({ orders: { tcbInfo: { afterSigning: (text) => text.replace('OutOfDate', 'UpToDate') } } }),
  },
  'tcb-info-by-pck': {
    says: 'TCB info is signed by a PCK certificate of the same root',
    tees: BOTH,
    finding: 'dcap.tcbinfo.signer',
    verdict: 'reject',
    make: ({ intel }) => {
      const platform = intel.platform();
      return { orders: { tcbInfo: { signer: intel.pki.pckKey(platform), chain: intel.pckChain(platform) } } };
    },
  },
  'tcb-info-other-platform': {
    says: 'TCB info is of another machine type',
    tees: BOTH,
    finding: 'dcap.tcbinfo.platform',
    verdict: 'reject',
    make: () => ({ orders: { tcbInfo: { fields: { fmspc: 'b66b00000000' } } } }),
  },
  'tcb-info-duplicate-member': {
    says: 'TCB info says its status twice',
    tees: BOTH,
    finding: 'dcap.tcbinfo.form',
    verdict: 'reject',
    make: () => ({
      orders: { tcbInfo: { text: (text) => text.replace('"tcbType":0', '"tcbType":0,"tcbType":0') } },
    }),
  },
  'qe-identity-expired': {
    says: 'QE identity has ended',
    tees: BOTH,
    finding: 'dcap.qe-identity.dates',
    verdict: 'reject',
    make: (world) => ({
      orders: { qeIdentity: { fields: { issued: days(world, -60), nextUpdate: days(world, -30) } } },
    }),
  },
  'qe-identity-edited': {
    says: 'QE identity was changed after it was signed',
    tees: BOTH,
    finding: 'dcap.qe-identity.signature',
    verdict: 'reject',
    make: () => ({ orders: { qeIdentity: { afterSigning: (text) => text.replace('OutOfDate', 'UpToDate') } } }),
  },
  'qe-identity-other-tee': {
    says: "QE identity is the other TEE's",
    tees: BOTH,
    finding: 'dcap.qe-identity.kind',
    verdict: 'reject',
    make: (_, tee) => ({ orders: { qeIdentity: { fields: { tee: tee === 'sgx' ? 'tdx' : 'sgx' } } } }),
  },
  'pck-crl-expired': {
    says: 'the PCK CRL has ended',
    tees: BOTH,
    finding: 'dcap.crl.dates',
    verdict: 'reject',
    make: (world) => ({ orders: { pckCrl: { thisUpdate: days(world, -60), nextUpdate: days(world, -30) } } }),
  },
  'pck-crl-forged': {
    says: 'the PCK CRL is signed by somebody else',
    tees: BOTH,
    finding: 'dcap.crl.signature',
    verdict: 'reject',
    make: (world) => ({ orders: { pckCrl: { signer: world.stranger('P-256') } } }),
  },
  'module-other-signer': {
    says: "the TDX module is not Intel's",
    tees: ['tdx'],
    finding: 'tdx.module.signer',
    verdict: 'reject',
    make: () => ({ td: { mrSignerSeam: emulatedDigest('sha384', 'module signer') } }),
  },
  'module-unknown': {
    says: 'the TDX module is of a version that TCB info does not know',
    tees: ['tdx'],
    finding: 'tdx.module.identity',
    verdict: 'reject',
    make: () => ({ td: { teeTcbSvn: svn(6, 9, 3) } }),
  },
  'sept-ve-enabled': {
    says: 'the TD may get a #VE for pages that the host took away',
    tees: ['tdx'],
    finding: 'tdx.td.attributes',
    verdict: 'accept',
    make: () => ({ td: { tdAttributes: 0n } }),
  },
  'wrong-report-data': {
    says: 'the evidence binds something else',
    tees: BOTH,
    finding: 'binding.report-data.match',
    verdict: 'reject',
    make: () => ({
      td: { reportData: new Uint8Array(64).fill(9) },
      enclave: { reportData: new Uint8Array(64).fill(9) },
    }),
  },
} as const satisfies { readonly [id: string]: IntelDefect };

export type IntelDefectName = keyof typeof INTEL_DEFECTS;

/** Evidence with its collateral, as a verifier gets them. */
export interface EmulatedIntelCase {
  readonly evidence: JsonObject;
  readonly collateral: EmulatedCollateral;
}

/** Evidence of an ordinary platform, or with one defect. */
export function intelCase(
  world: TestWorld,
  tee: IntelTee,
  reportData: Uint8Array,
  defect?: IntelDefectName,
  version?: 3 | 4 | 5,
): EmulatedIntelCase {
  const chosen: IntelDefect | undefined = defect === undefined ? undefined : INTEL_DEFECTS[defect];
  const parts = chosen?.make(world, tee) ?? {};
  const platform = parts.platform ?? world.intel.platform();
  const orders = parts.orders ?? world.intel.orders;
  return {
    evidence:
      tee === 'tdx'
        ? tdxEvidence(world, reportData, tdxOverrides({ ...parts, platform, orders }, version))
        : sgxEvidence(world, reportData, sgxOverrides({ ...parts, platform, orders }, version)),
    collateral: world.intel.collateral({ tee, platform, orders }),
  };
}

/** What an attester has to be told to have this defect. What the vendor has to be told is in `orders`. */
export function tdxOverrides(parts: IntelDefectParts, version?: number): TdxOverrides {
  const { td, platform, quote, orders, alter } = parts;
  return {
    ...(version === undefined ? {} : { version: version === 5 ? 5 : 4 }),
    ...(td === undefined ? {} : { report: td }),
    ...(platform === undefined ? {} : { platform }),
    ...(quote === undefined ? {} : { quote }),
    ...(orders === undefined ? {} : { orders }),
    ...(alter === undefined ? {} : { alter }),
  };
}

export function sgxOverrides(parts: IntelDefectParts, version?: 3 | 4 | 5): SgxOverrides {
  const { enclave, platform, quote, orders, alter } = parts;
  return {
    ...(version === undefined ? {} : { version }),
    ...(enclave === undefined ? {} : { report: enclave }),
    ...(platform === undefined ? {} : { platform }),
    ...(quote === undefined ? {} : { quote }),
    ...(orders === undefined ? {} : { orders }),
    ...(alter === undefined ? {} : { alter }),
  };
}

function svn(...head: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, index) => head[index] ?? 0);
}

function oneLevel(status: string): readonly TcbLevel[] {
  const zeros = new Array<number>(16).fill(0);
  return [{ sgx: zeros, pceSvn: 0, tdx: zeros, date: '2024-11-13T00:00:00Z', status }];
}
