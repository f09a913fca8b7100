/** The two DICE certificates of a DPU: root → device id → alias, P-384 throughout. */
import { createHash } from 'node:crypto';
import { DecodeError, encodeHex, type JsonObject } from '@assay/bytes';
import {
  cut,
  distance,
  ended,
  type FindingDraft,
  failed,
  notYetValid,
  passed,
  utc,
  visible,
} from '@assay/bytes/findings';
import { firmwareIds } from '../nvidia/chain/dice.js';
import {
  type Certificate,
  certificateSubject,
  checkCriticalExtensions,
  checkLink,
  nameInWords,
  parseCertificate,
  sameName,
  validity,
} from '../x509/index.js';
import type { DpuEvidence } from './evidence.js';
import type { DpuRoot } from './roots.js';

export interface DpuRules {
  /** Greatest age of the alias certificate, in seconds. Default 3600. */
  readonly maxCertAge?: number;
}

declare const authentic: unique symbol;
/** Certificates of one DPU under a trusted root, valid now. Only `authenticateDpu` makes one. */
export interface AuthenticDpu {
  readonly [authentic]: true;
  readonly deviceId: Certificate;
  readonly alias: Certificate;
  readonly firmware: readonly Uint8Array[];
  readonly root: DpuRoot;
}

export interface DpuAuthentication {
  readonly findings: readonly FindingDraft[];
  readonly alias?: Certificate;
  readonly authentic?: AuthenticDpu;
}

const DEFAULT_AGE = 3600;
/** Extensions that are read here, or that say what the key is for: they may be critical. */
const PROCESSED = ['2.5.29.37', '2.23.133.5.4.1', '2.23.133.5.4.1.1'];

/** Authenticates the certificates. Never throws for what they may hold. */
export function authenticateDpu(
  device: DpuEvidence,
  roots: readonly DpuRoot[],
  rules: DpuRules,
  now: Date,
  clock: string,
): DpuAuthentication {
  let deviceId: Certificate;
  let alias: Certificate;
  let firmware: readonly Uint8Array[];
  try {
    deviceId = parseCertificate(device.deviceIdCertificate);
    alias = parseCertificate(device.aliasCertificate);
    firmware = firmwareIds(deviceId).flat();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { findings: [form(error.message)] };
  }
  const root = roots.find(({ certificate }) => sameName(certificate.subject, deviceId.issuer)) ?? roots[0];
  const what = root === undefined ? 'no root is trusted' : chainProblem(alias, deviceId, root.certificate);
  const findings = [
    passed('nvidia.dpu.form', 'nvidiadpu', firmware.length),
    what === undefined ? passed('nvidia.dpu.chain', 'nvidiadpu') : chain(what),
    ...dates(alias, deviceId, rules.maxCertAge ?? DEFAULT_AGE, now, clock),
  ];
  const good = findings.every(({ outcome }) => outcome === 'pass');
  if (!good || root === undefined) return { findings, alias };
  return { findings, alias, authentic: { deviceId, alias, firmware, root } as unknown as AuthenticDpu };
}

function chainProblem(alias: Certificate, deviceId: Certificate, root: Certificate): string | undefined {
  const foreign = [alias, deviceId, root].find(({ publicKey }) => publicKey.type !== 'ec-p384');
  if (foreign !== undefined) return `key of ${nameInWords(foreign.subject)} is not of P-384`;
  const problems = [
    ...checkLink(deviceId, root, 1),
    ...checkLink(alias, deviceId, 0),
    ...[alias, deviceId].flatMap((certificate) => checkCriticalExtensions(certificate, PROCESSED)),
  ];
  return problems[0]?.text;
}

function dates(alias: Certificate, deviceId: Certificate, maxAge: number, now: Date, clock: string): FindingDraft[] {
  const findings = [alias, deviceId].map((certificate) => {
    const { notBefore, notAfter } = certificate;
    const where = validity(notBefore, notAfter, now);
    if (where === 'within') return passed('nvidia.dpu.dates', certificateSubject(certificate), utc(notAfter));
    const when = where === 'before' ? notYetValid(notBefore, now, clock) : ended(notAfter, now, clock);
    return date(certificate, when, [utc(notBefore), utc(notAfter)], utc(now));
  });
  const age = Math.floor((now.getTime() - alias.notBefore.getTime()) / 1000);
  if (age <= maxAge) return [...findings, passed('nvidia.dpu.dates', 'age of the alias', age)];
  const when = `is ${distance(age * 1000)} old; ${distance(maxAge * 1000)} are allowed`;
  return [...findings, date(alias, when, maxAge, age)];
}

function date(
  certificate: Certificate,
  when: string,
  expected: number | string[],
  actual: number | string,
): FindingDraft {
  return failed('nvidia.dpu.dates', {
    subject: certificateSubject(certificate),
    params: { cn: cut(visible(nameInWords(certificate.subject)), 24), when },
    expected,
    actual,
    compare: { relation: 'within', type: 'interval' },
    source: 'dates of the certificate, and nvidiadpu.max_cert_age',
    origin: { kind: 'setting', key: 'nvidiadpu.max_cert_age' },
  });
}

function form(what: string): FindingDraft {
  const line = cut(visible(what), 80);
  return failed('nvidia.dpu.form', {
    subject: 'nvidiadpu',
    params: { what: line },
    actual: line,
    compare: { relation: 'well-formed', type: 'certificate' },
    source: 'TCG DICE Attestation Architecture',
    origin: { kind: 'spec', document: 'TCG DICE Attestation Architecture' },
  });
}

function chain(what: string): FindingDraft {
  const line = cut(visible(what), 80);
  return failed('nvidia.dpu.chain', {
    subject: 'nvidiadpu',
    params: { what: line },
    actual: line,
    compare: { relation: 'chains-to', type: 'certificate' },
    source: 'root of the owner: nvidiadpu.root_ca',
    origin: { kind: 'setting', key: 'nvidiadpu.root_ca' },
  });
}

/** What policies see under `input.nvidiadpu`, without the nonce, which is the handshake's. */
export function dpuClaims({ alias, deviceId, firmware, root }: AuthenticDpu): JsonObject {
  const accumulated = createHash('sha384');
  for (const id of firmware) accumulated.update(id);
  return {
    device_serial: BigInt(`0x${deviceId.serial}`).toString(16),
    device_class: deviceId.subject.commonName ?? 'unknown',
    firmware_layers_count: firmware.length,
    accumulated_fwid: encodeHex(Uint8Array.from(accumulated.digest())),
    alias_timestamp: Math.floor(alias.notBefore.getTime() / 1000),
    ...(root.emulated ? { emulated: true } : {}),
  };
}
