/** Remote verification: NVIDIA's service judges the evidence, its signed answer is verified here. */
import { DecodeError, encodeHex, type JsonObject, type JsonValue } from '@assay/bytes';
import {
  cut,
  type FindingDraft,
  type FindingRef,
  failed,
  notChecked,
  passed,
  visible,
  warned,
} from '@assay/bytes/findings';
import type { Endorsements } from '../../verifier.js';
import { isSwitch } from '../device.js';
import type { DeviceEvidence } from '../evidence.js';
import type { ParsedReport } from '../report/report.js';
import type { Node } from '../topology.js';
import { type NrasClaims, verifyNrasAnswer } from './answer.js';
import { type KeySet, readKeySet } from './jws.js';

export interface RemoteOptions {
  /** `iss` of the service's tokens. */
  readonly issuer: string;
  /** The service is an emulated one: claims then say so. */
  readonly emulated?: boolean;
}

export interface RemoteResult {
  readonly findings: readonly FindingDraft[];
  /** Present when the answer is authentic and about this handshake. */
  readonly claims?: JsonObject;
  readonly node?: Node;
}

/** Which finding made a claim of the service. */
export const NRAS_CLAIM_ORIGINS: { readonly [path: string]: FindingRef } = {
  '': 'nvidia.nras.token',
  secboot: 'nvidia.mode.confidential',
  dbgstat: 'nvidia.mode.confidential',
};

/** Name of the endorsement with the service's keys; answers stand under `nras:<place of the device>`. */
export const NRAS_KEYS = 'nras_jwks';
const SERVICE = { kind: 'vendor', vendor: 'NVIDIA', document: 'remote attestation service' } as const;

/** The service's keys; undefined where there are none, a line where they cannot be read. */
export function nrasKeys(endorsements: Endorsements): KeySet | string | undefined {
  const bytes = Object.hasOwn(endorsements, NRAS_KEYS) ? endorsements[NRAS_KEYS] : undefined;
  if (bytes === undefined) return undefined;
  try {
    return readKeySet(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return error.message;
    throw error;
  }
}

export function verifyRemotely(
  device: DeviceEvidence,
  report: ParsedReport,
  answer: Uint8Array | undefined,
  keys: KeySet | string | undefined,
  options: RemoteOptions & { readonly now: Date; readonly clock: string },
): RemoteResult {
  const gpu = device.name;
  if (answer === undefined || keys === undefined) return { findings: [missing(gpu), unasked(gpu)] };
  let claims: NrasClaims;
  try {
    if (typeof keys === 'string') throw new DecodeError('key set', keys);
    claims = verifyNrasAnswer({ answer, keys, issuer: options.issuer, now: options.now, clock: options.clock });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { findings: [badToken(gpu, error.message), unasked(gpu)] };
  }
  const kind = isSwitch(device.arch) ? 'switch' : 'gpu';
  const problem = resultProblem(claims, report, kind);
  const findings = [
    passed('nvidia.nras.token', gpu),
    problem === undefined ? passed('nvidia.nras.result', gpu) : badResult(gpu, problem),
    mode(gpu, claims.device),
  ];
  if (problem !== undefined) return { findings };
  return {
    findings,
    claims: {
      ...claims.device,
      ...(claims.overall === null ? {} : { 'x-nvidia-overall-att-result': claims.overall }),
      ...(options.emulated === true ? { emulated: true } : {}),
    },
    node: nodeOf(kind, claims.device),
  };
}

/** The nonce is that of the report, which is compared with the handshake's by the caller. */
function resultProblem(
  { device, nonce }: NrasClaims,
  report: ParsedReport,
  kind: 'gpu' | 'switch',
): string | undefined {
  if (nonce !== encodeHex(report.requestNonce)) return 'its answer has another nonce than the report';
  const match = device[`x-nvidia-${kind}-attestation-report-nonce-match`];
  return match === true ? undefined : 'it did not find the nonce in the report';
}

/** Debug and secure boot are for a policy to judge; here they are said. */
function mode(gpu: string, { dbgstat, secboot }: JsonObject): FindingDraft {
  if (secboot === true && dbgstat === 'disabled') return passed('nvidia.mode.confidential', gpu);
  const word = (value: JsonValue | undefined): string => cut(visible(String(value ?? 'unknown')), 24);
  return warned('nvidia.mode.confidential', {
    subject: gpu,
    params: { gpu, secboot: word(secboot), dbg: word(dbgstat) },
    expected: [true, 'disabled'],
    actual: [word(secboot), word(dbgstat)],
    compare: { relation: 'equal', type: 'text' },
    source: "claims of NVIDIA's remote attestation service",
    origin: SERVICE,
  });
}

function nodeOf(kind: 'gpu' | 'switch', claims: JsonObject): Node {
  const own = claims['x-nvidia-switch-pdi'];
  const listed = claims[kind === 'gpu' ? 'x-nvidia-gpu-switch-pdis' : 'x-nvidia-switch-gpu-pdis'];
  const texts = Array.isArray(listed) ? listed.filter((one): one is string => typeof one === 'string') : undefined;
  return {
    kind,
    own: kind === 'switch' && typeof own === 'string' ? own.toLowerCase() : undefined,
    peers:
      texts === undefined
        ? undefined
        : new Set(texts.map((one) => one.toLowerCase()).filter((one) => !/^0*$/.test(one))),
  };
}

function unasked(gpu: string): FindingDraft {
  return notChecked('nvidia.nras.result', 'not checked: there is no answer that could be believed', { subject: gpu });
}

function missing(gpu: string): FindingDraft {
  return failed('nvidia.nras.missing', {
    subject: gpu,
    params: { gpu },
    expected: 'an answer and a key set',
    actual: null,
    compare: { relation: 'present', type: 'text' },
    source: 'setting: nvidia.verifier is remote',
    origin: { kind: 'setting', key: 'nvidia.verifier', value: 'remote' },
  });
}

function badToken(gpu: string, what: string): FindingDraft {
  const line = cut(visible(what), 48);
  return failed('nvidia.nras.token', {
    subject: gpu,
    params: { gpu, what: line },
    actual: cut(visible(what), 160),
    compare: { relation: 'signed-by', type: 'json' },
    source: 'key set of the remote attestation service',
    origin: SERVICE,
  });
}

function badResult(gpu: string, what: string): FindingDraft {
  return failed('nvidia.nras.result', {
    subject: gpu,
    params: { gpu, what },
    expected: true,
    actual: what,
    compare: { relation: 'equal', type: 'json' },
    source: "claims of NVIDIA's remote attestation service",
    origin: SERVICE,
  });
}
