/** What an Attestation Service has to fetch before it can verify: read from evidence that nothing vouches for yet. */
import { DecodeError, encodeUtf8, type JsonObject, type JsonValue } from '@assay/bytes';
import { type Certificate, checkPath } from '../x509/index.js';
import { authenticateDevice } from './authenticate.js';
import type { NvidiaTrust } from './chain/roots.js';
import { isSwitch } from './device.js';
import { type DeviceEvidence, readNvidiaEvidence } from './evidence.js';
import { nrasQuestion } from './nras/answer.js';
import { parseReport } from './report/report.js';
import { manifestNames } from './rim/names.js';

/** A certificate, and those that issued it, its own issuer first: what an OCSP responder is asked about. */
export interface RevocationQuestion {
  readonly certificate: Certificate;
  readonly issuers: readonly Certificate[];
}

export interface NvidiaNeeds {
  /** Names of manifests, each once. */
  readonly manifests: readonly string[];
  /** Of the devices' chains, each certificate once. */
  readonly certificates: readonly RevocationQuestion[];
}

/**
 * Questions of local verification. Nothing is asked for a report that is not authentic: whoever can send evidence could
 * otherwise have vendors asked about anything.
 */
export function nvidiaNeeds(evidence: JsonValue, trust: NvidiaTrust, now: Date): NvidiaNeeds {
  const manifests = new Set<string>();
  const certificates = new Map<string, RevocationQuestion>();
  for (const { arch, chain, name, report } of readNvidiaEvidence(evidence).devices ?? []) {
    const anchors = trust.devices;
    const { authentic } = authenticateDevice({ report, chain, name, declared: arch, anchors, now, clock: 'now' });
    if (authentic === undefined) continue;
    for (const manifest of Object.values(manifestNames(authentic.report.opaque, arch))) manifests.add(manifest);
    // The leaf is issued by the device itself: no responder knows it.
    for (const question of revocationQuestions(authentic.certificates.slice(1))) {
      certificates.set(question.certificate.fingerprint, question);
    }
  }
  return { manifests: [...manifests], certificates: [...certificates.values()] };
}

/** Every certificate but the root, with its issuers; none where the path does not hold. */
export function revocationQuestions(path: readonly Certificate[]): RevocationQuestion[] {
  if (path.length < 2 || checkPath(path).length > 0) return [];
  return path.slice(0, -1).map((certificate, index) => ({ certificate, issuers: path.slice(index + 1) }));
}

/** A question for the remote attestation service. */
export interface NrasQuestion {
  /** Path below the service's base: `gpu` or `switch`. */
  readonly path: 'gpu' | 'switch';
  readonly body: Uint8Array;
}

/** Questions of remote verification by place of the device; undefined where a report cannot be read. */
export function nrasQuestions(evidence: JsonValue): readonly (NrasQuestion | undefined)[] {
  return (readNvidiaEvidence(evidence).devices ?? []).map((device) => {
    const report = attempt(() => parseReport(device.report));
    if (report === undefined) return undefined;
    return { path: isSwitch(device.arch) ? 'switch' : 'gpu', body: bodyOf(device, report.requestNonce) };
  });
}

function bodyOf(device: DeviceEvidence, nonce: Uint8Array): Uint8Array {
  const question: JsonObject = nrasQuestion(device, nonce);
  return encodeUtf8(JSON.stringify(question));
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
