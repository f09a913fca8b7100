/** Verification of a quote given as files, as `assay verify tpm` does it. */
import { createHash } from 'node:crypto';
import { DecodeError, decodeHex, encodeHex, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import {
  assembleVerdict,
  type FindingData,
  type FindingDraft,
  refuses,
  stageOf,
  type Verdict,
} from '@assay/bytes/findings';
import type { ExpectedReportData } from '../verifier.js';
import { type Certificate, parseCertificates } from '../x509/index.js';
import { tpmClaims } from './claims.js';
import { compareInitDataPcr, INIT_DATA_PCR } from './init-data.js';
import { type AttestationKey, readAk, readAkParts } from './key/ak.js';
import { akRootsOf, parseAkCertificates } from './key/certificate.js';
import { NO_TRUSTED_AKS, trustedAkList, vouchForAk } from './key/trust.js';
import { replayOf, type TpmLog, verifyTpmLogs } from './log/event-log.js';
import type { PcrValues } from './quote/pcrs.js';
import { readQuoteSignature } from './quote/signature.js';
import { type TpmQuoteVerification, verifyTpmQuote } from './quote/verify.js';
import { isTpmHash, type TpmHash } from './structures/algorithm.js';
import type { QuoteAttest } from './structures/attest.js';
import { compareNonce } from './verifier.js';

export interface TpmFileOptions {
  /** Time of verification. */
  readonly at: Date;
  /** The time was chosen by the caller; default true. */
  readonly asOf?: boolean;
  /** For this call alone: certificates that may certify AKs, or SubjectPublicKeyInfos of AKs that are trusted. */
  readonly roots?: readonly Uint8Array[];
  readonly reportData?: Uint8Array;
  readonly initDataDigest?: Uint8Array;
}

/** A verdict with the members that describe a quote beside it. */
export type TpmFileResult = Verdict & { readonly [member: string]: FindingData | undefined };

/**
 * @param files `quote_msg` (TPMS_ATTEST), `quote_sig` (TPMT_SIGNATURE), `pcrs` (JSON: bank, values); `ak_spki`: the AK that the
 *   caller trusts; `ak_public` (TPMT_PUBLIC), `ak_cert`, `event_log`, `agent_event_log`, as far as they are there
 * @throws RangeError when a file is missing, DecodeError when `pcrs` is not what it has to be
 */
export function verifyTpmFiles(files: { readonly [role: string]: Uint8Array }, options: TpmFileOptions): TpmFileResult {
  const { agent_event_log: agentLog, ak_cert: certificate, ak_public: area, ak_spki: spki, event_log: log } = files;
  const message = required(files, 'quote_msg');
  const reading =
    spki === undefined
      ? readAk(area ?? required(files, 'ak_spki'))
      : readAkParts({ spki, ...(area === undefined ? {} : { area }) });
  const { ak } = reading;
  const { bank, values } = readPcrFile(required(files, 'pcrs'));
  const vouching = vouchForAk(ak, certificate, rulesOf(options.roots ?? [], spki), options.at);
  const wantsInitData = options.initDataDigest !== undefined;
  const quoted = verifyTpmQuote({
    message,
    signature: readQuoteSignature(required(files, 'quote_sig')),
    ak,
    pcrs: values,
    uses: wantsInitData ? [{ index: INIT_DATA_PCR, who: '--init-data-digest' }] : [],
  });
  const findings: FindingDraft[] = [...reading.findings, ...vouching.findings, ...quoted.findings];
  const { authentic, quote } = quoted;
  const logs = { firmware: log, agent: agentLog };
  const logged = quote === undefined ? undefined : verifyTpmLogs(logs, quote.pcrSelection, values);
  findings.push(...(logged?.findings ?? []));
  if (quote !== undefined) {
    const { initDataDigest, reportData } = options;
    const wanted: ExpectedReportData[] | undefined =
      reportData === undefined ? undefined : [{ bytes: reportData, algorithm: 'as given', members: '--report-data' }];
    const digest = initDataDigest === undefined ? undefined : { digest: initDataDigest };
    findings.push(
      compareNonce(quote.extraData, wanted).finding,
      compareInitDataPcr(values.get('sha256')?.get(INIT_DATA_PCR), digest),
    );
  }
  const { trust } = vouching;
  const claims =
    authentic === undefined || trust === undefined || findings.some(refusesEvidence)
      ? undefined
      : tpmClaims(authentic, { trust, emulated: vouching.emulated }, logged?.authentic);
  const verdict = assembleVerdict({
    kind: 'tpm',
    at: options.at,
    asOf: options.asOf ?? true,
    asked: false,
    findings,
    collateral: vouching.collateral,
    ...(claims === undefined ? {} : { claims: claims as FindingData }),
  });
  return {
    ...verdict,
    ...quoteMembers(quoted),
    ...keyMembers(ak, certificate),
    ...logMembers(logged, bank, values),
    ...(claims === undefined ? {} : { policy_claims: claims }),
  } as TpmFileResult;
}

/** What an owner's rule refuses is authentic all the same. */
function refusesEvidence(finding: FindingDraft): boolean {
  return refuses(finding) && stageOf(finding) !== 'appraise';
}

function required(files: { readonly [role: string]: Uint8Array }, role: string): Uint8Array {
  const { [role]: bytes } = files;
  if (bytes === undefined) throw new RangeError(`file ${role} is missing`);
  return bytes;
}

/** The file `ak_spki` is what the caller trusts; a certificate's root may be named beside it. */
function rulesOf(roots: readonly Uint8Array[], spki: Uint8Array | undefined) {
  const given = roots.map((bytes) => ({ bytes, certificates: certificatesOf(bytes) }));
  const keys = given.flatMap(({ bytes, certificates }) => (certificates === undefined ? [bytes] : []));
  const trusted = [...keys, ...(spki === undefined ? [] : [spki])];
  return {
    trustedAks:
      trusted.length === 0
        ? NO_TRUSTED_AKS
        : trustedAkList(
            trusted.map((key) => ({
              spkiSha256: createHash('sha256').update(key).digest('hex'),
              source: 'AK given for this call',
            })),
          ),
    roots: akRootsOf(given.flatMap(({ certificates }) => certificates ?? [])),
    untrusted: 'refuse' as const,
  };
}

function certificatesOf(bytes: Uint8Array): readonly Certificate[] | undefined {
  try {
    return parseCertificates(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

const LARGEST_PCR_FILE = 64 * 1024;

/** `{"bank": "sha256", "values": {"0": hex}}`. @throws DecodeError */
export function readPcrFile(bytes: Uint8Array): { readonly bank: TpmHash; readonly values: PcrValues } {
  const file = parseJsonStrict(bytes, { maxBytes: LARGEST_PCR_FILE, maxDepth: 4 });
  const bank = isJsonObject(file) ? file['bank'] : undefined;
  const values = isJsonObject(file) ? file['values'] : undefined;
  if (typeof bank !== 'string' || !isTpmHash(bank) || values === undefined || !isJsonObject(values)) {
    throw new DecodeError('pcrs', '`{"bank": NAME, "values": {INDEX: HEX}}` is due');
  }
  const entries = Object.entries(values).map(([index, value]): [number, Uint8Array] => {
    if (!/^(0|[1-9][0-9]?)$/.test(index)) throw new DecodeError('pcrs', `index \`${index}\``);
    if (typeof value !== 'string') throw new DecodeError('pcrs', `value of ${index} is no text`);
    return [Number(index), decodeHex(value)];
  });
  return { bank, values: new Map([[bank, new Map(entries)]]) };
}

/** Members that describe the quote itself. */
export function quoteMembers({ digestHolds, quote, signatureHolds }: TpmQuoteVerification): JsonObject {
  if (quote === undefined) return {};
  return {
    signature: signatureHolds ?? null,
    pcr_digest_matches: digestHolds ?? null,
    extra_data: encodeHex(quote.extraData),
    pcr_digest: encodeHex(quote.pcrDigest),
    qualified_signer: encodeHex(quote.qualifiedSigner),
    ...attestMembers(quote),
  };
}

/** Selection, clock and firmware, in the words of verdicts. */
export function attestMembers({ clockInfo, firmwareVersion, pcrSelection }: QuoteAttest): JsonObject {
  return {
    firmware_version: firmwareVersion.toString(16).padStart(16, '0'),
    pcr_selection: Object.fromEntries(pcrSelection.map(({ bank, indexes }) => [bank, indexes])),
    clock: {
      clock: Number(clockInfo.clock),
      reset_count: clockInfo.resetCount,
      restart_count: clockInfo.restartCount,
      safe: clockInfo.safe,
    },
  };
}

function keyMembers(ak: AttestationKey | undefined, certificate: Uint8Array | undefined): JsonObject {
  const area = ak?.area;
  return {
    ...(ak === undefined || area === undefined
      ? {}
      : {
          ak_name: ak.identity.name ?? null,
          ak_attributes: {
            fixed_tpm: area.attributes.has('fixedTPM'),
            fixed_parent: area.attributes.has('fixedParent'),
            sensitive_data_origin: area.attributes.has('sensitiveDataOrigin'),
            restricted: area.attributes.has('restricted'),
            decrypt: area.attributes.has('decrypt'),
            sign: area.attributes.has('sign'),
          },
        }),
    ...(ak === undefined || certificate === undefined
      ? {}
      : { ak_cert_matches_key: certificateMatches(ak, certificate) }),
  };
}

function certificateMatches({ spki }: AttestationKey, bytes: Uint8Array): boolean {
  try {
    const [leaf] = parseAkCertificates(bytes);
    return Buffer.compare(leaf.publicKey.der, spki) === 0;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

/** Registers that the log extends, and whether its replay reaches the values that came. */
function logMembers(log: TpmLog | undefined, bank: TpmHash, values: PcrValues): JsonObject {
  const replayed = log?.parsed === undefined ? undefined : replayOf(log.parsed, bank);
  if (replayed === undefined) return {};
  return {
    event_log_replays: Object.fromEntries(
      [...replayed].map(([index, { value }]) => {
        const given = values.get(bank)?.get(index);
        return [String(index), given !== undefined && encodeHex(value) === encodeHex(given)];
      }),
    ),
  };
}
