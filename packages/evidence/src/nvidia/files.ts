/** Verification of a report given as files, as `assay verify nvidia` does it. */
import { encodeHex, type JsonObject } from '@assay/bytes';
import { assembleVerdict, type FindingData, utc, type Verdict } from '@assay/bytes/findings';
import type { ExpectedReportData } from '../verifier.js';
import { parseCertificates, type TrustAnchor } from '../x509/index.js';
import { appraiseDevice } from './appraise.js';
import { type Authentication, authenticateDevice } from './authenticate.js';
import { compareNonce } from './binding.js';
import { nvidiaTrust, nvidiaTrustIn } from './chain/roots.js';
import { deviceClaims, measurements } from './claims.js';
import { isSwitch } from './device.js';
import { OPAQUE, textField, vbiosVersion } from './report/opaque.js';
import type { NvidiaRules } from './rules.js';

export interface NvidiaFileOptions {
  /** Time of verification. */
  readonly at: Date;
  /** The time was chosen by the caller; default true. */
  readonly asOf?: boolean;
  /** Root certificates (DER or PEM) that are trusted instead of NVIDIA's, for this call alone. */
  readonly roots?: readonly Uint8Array[];
  /** Roots of emulated hardware, by name. */
  readonly emulatedRoots?: readonly TrustAnchor[];
  /** Cut or padded to the nonce of 32 bytes. */
  readonly reportData?: Uint8Array;
  readonly rules?: NvidiaRules;
}

/** A verdict with the members that describe the report beside it; `claims` as policies see them under `input.nvidia`. */
export type NvidiaFileResult = Verdict & { readonly [member: string]: FindingData | undefined };

/**
 * @param files `evidence` (request and response), `cert_chain` (PEM or DER, leaf first); `driver_rim` and `vbios_rim` as far as they are there
 * @throws RangeError when `evidence` is missing, DecodeError when a trust anchor is no certificate
 */
export function verifyNvidiaFiles(
  files: { readonly [role: string]: Uint8Array },
  options: NvidiaFileOptions,
): NvidiaFileResult {
  const { evidence, cert_chain: chain = new Uint8Array(0) } = files;
  if (evidence === undefined) throw new RangeError('file evidence is missing');
  const asOf = options.asOf ?? true;
  const emulated = options.emulatedRoots ?? [];
  const trust = options.roots === undefined ? nvidiaTrust(emulated) : nvidiaTrustIn(anchorsOf(options.roots), emulated);
  const clock = asOf ? `--at ${utc(options.at)}` : "this server's clock";
  const name = 'device';
  const result = authenticateDevice({ report: evidence, chain, name, anchors: trust.devices, now: options.at, clock });
  const findings = [...result.findings];
  if (result.report !== undefined) {
    const { reportData } = options;
    const expected: ExpectedReportData[] | undefined =
      reportData === undefined ? undefined : [{ bytes: reportData, algorithm: 'as given', members: '--report-data' }];
    findings.push(compareNonce(result.report, name, expected).finding);
  }
  const { authentic } = result;
  const appraisal =
    authentic === undefined
      ? undefined
      : appraiseDevice(authentic, {
          name,
          endorsements: files,
          anchors: trust.manifests,
          rules: options.rules ?? {},
          now: options.at,
          clock,
        });
  const verdict = assembleVerdict({
    kind: 'nvidia',
    at: options.at,
    asOf,
    asked: false,
    findings: [...findings, ...(appraisal?.findings ?? [])],
    collateral: appraisal?.uses ?? [],
    ...(authentic === undefined || appraisal === undefined
      ? {}
      : { claims: deviceClaims(authentic, 'unknown', appraisal) }),
  });
  return { ...verdict, ...members(result) } as NvidiaFileResult;
}

function anchorsOf(roots: readonly Uint8Array[]): TrustAnchor[] {
  return roots.flatMap(parseCertificates).map(({ subject, publicKey }) => ({
    name: `given root ${subject.commonName ?? 'without a name'}`,
    publicKey: publicKey.der,
  }));
}

function members({ arch, chain, fwid, report, signature }: Authentication): JsonObject {
  return {
    chain: chain.linked,
    root_pin: chain.anchor !== undefined,
    ...(arch === undefined ? {} : { arch, class: isSwitch(arch) ? 'switch' : 'gpu' }),
    ...(signature === undefined ? {} : { signature }),
    ...(fwid === undefined ? {} : { fwid_matches_leaf: fwid }),
    ...(report === undefined
      ? {}
      : {
          request_nonce: encodeHex(report.requestNonce),
          number_of_blocks: report.numberOfBlocks,
          record_length: report.recordLength,
          opaque_length: report.opaqueLength,
          trailing_bytes: report.trailing,
          driver_version: textField(report.opaque, OPAQUE.driverVersion) ?? null,
          vbios_version: vbiosVersion(report.opaque) ?? null,
          measurements: measurements(report),
          opaque: Object.fromEntries([...report.opaque].map(([type, value]) => [String(type), encodeHex(value)])),
        }),
  };
}
