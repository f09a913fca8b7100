/** What an Attestation Service has to fetch before it can verify: read from evidence that nothing vouches for yet. */
import { DecodeError, encodeUtf8, type JsonObject, type JsonValue } from '@assay/bytes';
import { type Certificate, checkPath, parseCertificates } from '../x509/index.js';
import { isSwitch } from './device.js';
import { type DeviceEvidence, readNvidiaEvidence } from './evidence.js';
import { nrasQuestion } from './nras/answer.js';
import { parseReport } from './report/report.js';
import { manifestNames } from './rim/names.js';

/** A certificate, and the one that issued it: what an OCSP responder is asked about. */
export interface RevocationQuestion {
  readonly certificate: Certificate;
  readonly issuer: Certificate;
}

export interface NvidiaNeeds {
  /** Names of manifests, each once. */
  readonly manifests: readonly string[];
  /** Of the devices' chains, each certificate once. */
  readonly certificates: readonly RevocationQuestion[];
}

/** Questions of local verification; empty for evidence that cannot be read. */
export function nvidiaNeeds(evidence: JsonValue): NvidiaNeeds {
  const manifests = new Set<string>();
  const certificates = new Map<string, RevocationQuestion>();
  for (const device of readNvidiaEvidence(evidence).devices ?? []) {
    const report = attempt(() => parseReport(device.report));
    const path = attempt(() => parseCertificates(device.chain));
    if (report === undefined || path === undefined) continue;
    const { driver, vbios } = manifestNames(report.opaque, device.arch);
    for (const name of [driver, vbios]) if (name !== undefined) manifests.add(name);
    // The leaf is issued by the device itself: no responder knows it.
    for (const question of revocationQuestions(path.slice(1))) {
      certificates.set(question.certificate.fingerprint, question);
    }
  }
  return { manifests: [...manifests], certificates: [...certificates.values()] };
}

/** Every certificate but the root, with its issuer; none where the path does not hold, so that nothing is asked for strangers. */
export function revocationQuestions(path: readonly Certificate[]): RevocationQuestion[] {
  if (path.length < 2 || checkPath(path).length > 0) return [];
  return path.slice(0, -1).map((certificate, index) => ({ certificate, issuer: path[index + 1] as Certificate }));
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
