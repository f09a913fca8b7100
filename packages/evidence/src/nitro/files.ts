/** Verification of a document given as a file, as `assay verify nitro` does it. */
import { encodeHex, type JsonObject } from '@assay/bytes';
import { assembleVerdict, type FindingData, type FindingDraft, utc, type Verdict } from '@assay/bytes/findings';
import { parseCertificates, type TrustAnchor } from '../x509/index.js';
import { bindReportData, unboundInitData } from './binding.js';
import { hexOrNull, nitroClaims } from './claims.js';
import type { NitroRules } from './rules.js';
import { trustOf } from './verifier.js';
import { isDebug, type NitroVerification, verifyNitroDocument } from './verify.js';

export interface NitroFileOptions {
  /** Time of verification. */
  readonly at: Date;
  /** The time was chosen by the caller; default true. */
  readonly asOf?: boolean;
  /** Certificates (DER or PEM) that are trusted instead of the root of AWS, for this call alone. */
  readonly roots?: readonly Uint8Array[];
  /** Roots of emulated hardware, by name. */
  readonly emulatedRoots?: readonly TrustAnchor[];
  readonly reportData?: Uint8Array;
  readonly initDataDigest?: Uint8Array;
  readonly rules?: NitroRules;
}

/** A verdict with the members that describe the document beside it; `policy_claims` are those of `input.nitro`. */
export type NitroFileResult = Verdict & { readonly [member: string]: FindingData | undefined };

/**
 * @param files `document`: the COSE_Sign1 message
 * @throws RangeError when it is missing, DecodeError when a trust anchor is no certificate
 */
export function verifyNitroFiles(
  files: { readonly [role: string]: Uint8Array },
  options: NitroFileOptions,
): NitroFileResult {
  const { document: bytes } = files;
  if (bytes === undefined) throw new RangeError('file document is missing');
  const { initDataDigest, reportData, rules = {} } = options;
  const asOf = options.asOf ?? true;
  const result = verifyNitroDocument({
    document: bytes,
    trust: trustOf({
      ...(options.emulatedRoots === undefined ? {} : { emulatedRoots: options.emulatedRoots }),
      ...(options.roots === undefined ? {} : { roots: anchorsOf(options.roots) }),
    }),
    rules,
    now: options.at,
    clock: asOf ? `--at ${utc(options.at)}` : "this server's clock",
  });
  const { authentic, document } = result;
  const expected =
    reportData === undefined ? undefined : [{ bytes: reportData, algorithm: 'as given', members: '--report-data' }];
  const bindings: FindingDraft[] =
    document === undefined
      ? []
      : [
          bindReportData(document, expected, rules).finding,
          unboundInitData(initDataDigest === undefined ? undefined : { digest: initDataDigest }),
        ];
  const claims = authentic === undefined ? undefined : nitroClaims(authentic, rules.reportData);
  const verdict = assembleVerdict({
    kind: 'nitro',
    at: options.at,
    asOf,
    asked: false,
    findings: [...result.findings, ...bindings],
    ...(claims === undefined ? {} : { claims }),
  });
  const policyClaims = claims === undefined ? {} : { policy_claims: claims };
  return { ...verdict, ...members(result), ...policyClaims } as NitroFileResult;
}

function anchorsOf(roots: readonly Uint8Array[]): TrustAnchor[] {
  return roots.flatMap(parseCertificates).map(({ publicKey, subject }) => ({
    name: `given root ${subject.commonName ?? 'without a name'}`,
    publicKey: publicKey.der,
  }));
}

function members({ checks, document, leaf }: NitroVerification): JsonObject {
  const answers = { cose_signature: checks.signature, chain: checks.chain, root_pin: checks.root };
  if (document === undefined) return answers;
  return {
    ...answers,
    module_id: document.moduleId,
    digest: document.digest,
    timestamp: document.timestamp.toISOString(),
    pcrs: Object.fromEntries([...document.pcrs].map(([index, value]) => [String(index), encodeHex(value)])),
    public_key: hexOrNull(document.publicKey),
    user_data: hexOrNull(document.userData),
    nonce: hexOrNull(document.nonce),
    debug_mode: isDebug(document),
    ...(leaf === undefined ? {} : { leaf_not_after: utc(leaf.notAfter) }),
  };
}
