/** The verifier of TEE `tpm`: a quote, its key, its registers, and the event log that explains them. */
import { type FindingDraft, notChecked, refuses, warned } from '@assay/bytes/findings';
import { compareReportData } from '../binding/report-data.js';
import type { ExpectedReportData, Verifier, VerifierResult, VerifyInput } from '../verifier.js';
import type { Certificate, TrustAnchor } from '../x509/index.js';
import { TPM_CLAIM_ORIGINS, tpmClaims } from './claims.js';
import { readTpmEvidence, type TpmEvidence } from './evidence.js';
import { compareInitDataPcr, INIT_DATA_PCR } from './init-data.js';
import { type AkReading, readAk, readAkParts } from './key/ak.js';
import { akRootsOf } from './key/certificate.js';
import { type AkTrustRules, NO_TRUSTED_AKS, type TrustedAks, vouchForAk } from './key/trust.js';
import { verifyTpmLogs } from './log/event-log.js';
import { pcrList } from './quote/pcrs.js';
import { readQuoteSignature } from './quote/signature.js';
import { type PcrUse, verifyTpmQuote } from './quote/verify.js';

export interface TpmVerifierOptions {
  /** Certificates that may certify AKs. Default: none. */
  readonly akRoots?: readonly Certificate[];
  /** Keys of emulated hardware's roots, added by name: claims then say `emulated: true`. */
  readonly emulatedRoots?: readonly TrustAnchor[];
  /** Keys that the owner enrolled; asked anew for every quote. */
  readonly trustedAks?: TrustedAks;
  /** What becomes of an AK that nothing vouches for. Default `refuse`. */
  readonly untrustedAk?: 'refuse' | 'policy';
  /** Registers of the SHA-256 bank that every quote must cover. */
  readonly requiredPcrs?: readonly number[];
}

/** A verifier with the owner's trust in attestation keys; without any, it accepts no quote. */
export function createTpmVerifier(options: TpmVerifierOptions = {}): Verifier {
  const rules: AkTrustRules = {
    trustedAks: options.trustedAks ?? NO_TRUSTED_AKS,
    roots: akRootsOf(options.akRoots ?? [], options.emulatedRoots),
    untrusted: options.untrustedAk ?? 'refuse',
  };
  const required = (options.requiredPcrs ?? []).map((index): PcrUse => ({ index, who: 'tpm.required_pcrs' }));
  return { tee: 'tpm', verify: (input) => verify(input, rules, required) };
}

/** Trusts no attestation key by itself. */
export const tpmVerifier: Verifier = createTpmVerifier();

function verify(input: VerifyInput, rules: AkTrustRules, required: readonly PcrUse[]): VerifierResult {
  const { evidence, finding } = readTpmEvidence(input.evidence);
  if (evidence === undefined) return { accepted: false, findings: [finding, ...unread()] };
  const reading = readKey(evidence);
  const { ak } = reading;
  const vouching = vouchForAk(ak, evidence.akCertificate, rules, input.now);
  const pcrs = pcrList('sha256', evidence.pcrs);
  const initDataUse = input.initData === undefined ? [] : [{ index: INIT_DATA_PCR, who: 'init-data' }];
  const quoted = verifyTpmQuote({
    message: evidence.message,
    signature: readQuoteSignature(evidence.signature),
    ak,
    pcrs,
    uses: [...required, ...initDataUse],
  });
  const findings = [finding, ...reading.findings, ...vouching.findings, ...quoted.findings];
  const { authentic, quote } = quoted;
  if (quote === undefined) return { accepted: false, findings: [...findings, ...unread()] };
  const logs = { firmware: evidence.eventLog, agent: evidence.agentEventLog };
  const log = verifyTpmLogs(logs, quote.pcrSelection, pcrs);
  const reportData = compareNonce(quote.extraData, input.reportData);
  const initData = compareInitDataPcr(selected(quote, pcrs), input.initData);
  findings.push(...(log?.findings ?? []), reportData.finding, initData);
  if (vouching.emulated) findings.push(emulatedTpm('tpm'));
  const { trust } = vouching;
  const { collateral } = vouching;
  if (authentic === undefined || trust === undefined || findings.some(refuses)) {
    return { accepted: false, findings, collateral };
  }
  const claims = tpmClaims(authentic, { trust, emulated: vouching.emulated }, log?.authentic);
  return {
    accepted: true,
    findings,
    collateral,
    claimSets: [{ class: 'cpu', claims, origins: TPM_CLAIM_ORIGINS }],
    matched: reportData.matched,
  };
}

function readKey({ ak, akArea }: TpmEvidence): AkReading {
  return akArea === undefined ? readAk(ak) : readAkParts({ spki: ak, area: akArea });
}

type Quote = NonNullable<ReturnType<typeof verifyTpmQuote>['quote']>;

/** Value of PCR 8, if the quote covers it. */
function selected({ pcrSelection }: Quote, pcrs: ReturnType<typeof pcrList>): Uint8Array | undefined {
  const covered = pcrSelection.some(({ bank, indexes }) => bank === 'sha256' && indexes.includes(INIT_DATA_PCR));
  return covered ? pcrs.get('sha256')?.get(INIT_DATA_PCR) : undefined;
}

/**
 * Compares the nonce of the quote. Guests pad or cut the report data to 64 bytes, older ones to 32; others send it as it is.
 */
export function compareNonce(nonce: Uint8Array, expected: readonly ExpectedReportData[] | undefined) {
  const size = nonce.length === 64 || nonce.length === 32 ? nonce.length : 'exact';
  return compareReportData(nonce, expected, size, 'tpm');
}

/** Says in every verdict that nothing stands behind it. */
export function emulatedTpm(tee: string): FindingDraft {
  return warned('evidence.hardware.backed', {
    subject: tee,
    params: { tee: `emulated ${tee}` },
    source: 'root of emulated hardware, added by name',
    origin: { kind: 'setting', key: 'trust.emulated_roots' },
  });
}

function unread(): FindingDraft[] {
  const why = 'not compared: the quote was not read';
  return (['binding.report-data.match', 'binding.init-data.match'] as const).map((id) =>
    notChecked(id, why, { subject: 'tpm' }),
  );
}
