/** Rules of the owner for NVIDIA devices, and where NVIDIA is asked. */
import type { DpuVerifierOptions, NvidiaVerifierOptions } from '@assay/evidence';
import Type, { type Static } from 'typebox';
import { Count, OptionalText, section, Text } from '../field.js';
import { certificatesOf } from './certificates.js';
import type { Loosened } from './loosened.js';

const demand = (description: string) =>
  Type.Enum(['optional', 'required', 'off'], { description, default: 'optional' });

export const NvidiaSettings = section('NVIDIA GPUs and NVSwitches: who verifies, and what beyond authentic reports.', {
  verifier: Type.Enum(['local', 'remote'], {
    description:
      '`local`: reports are verified here. `remote`: the evidence goes to NVIDIA’s Remote Attestation Service, and its signed answer is verified; using it needs an agreement with NVIDIA.',
    default: 'local',
  }),
  rim: demand(
    'Golden measurements of driver and VBIOS. `optional`: compared where NVIDIA’s manifests are to be had, and claims say so (`rim`). `required`: nothing is accepted without. `off`: not asked for.',
  ),
  ocsp: demand(
    'Revocation of every certificate that NVIDIA issued. `optional`: what is revoked is refused, an answer that is not to be had is said. `required`: nothing is accepted without. `off`: not asked for.',
  ),
  rim_service: Text('NVIDIA’s RIM service, or `off`.', { default: 'https://rim.attestation.nvidia.com' }),
  ocsp_responder: Text('NVIDIA’s OCSP responder, or `off`.', { default: 'https://ocsp.ndis.nvidia.com' }),
  nras: Text(
    'Base of the Remote Attestation Service. Its keys are fetched from `/.well-known/jwks.json` of the same host.',
    {
      default: 'https://nras.attestation.nvidia.com/v4/attest',
    },
  ),
  nras_issuer: OptionalText('`iss` of the service’s tokens. Default: scheme and host of `nvidia.nras`.'),
  service_key: OptionalText(
    'Key of a contract with NVIDIA, sent as a bearer token to the three services. Give it as ASSAY_NVIDIA_SERVICE_KEY.',
    { secret: true },
  ),
});

export const NvidiaDpuSettings = section('NVIDIA BlueField DPUs.', {
  root_ca: OptionalText(
    'Certificate (PEM or DER) of the root that DPU certificates hang on. Without it no DPU is accepted: NVIDIA publishes none to build in.',
  ),
  max_cert_age: Count('Greatest age of the alias certificate, in seconds.', 3600, 1, 31_536_000),
});

export type NvidiaSection = Static<typeof NvidiaSettings>;
type NvidiaDpuSection = Static<typeof NvidiaDpuSettings>;

export function nvidiaRules(settings: NvidiaSection): Pick<NvidiaVerifierOptions, 'rules' | 'remote'> {
  const { nras, nras_issuer: issuer, ocsp, rim, verifier } = settings;
  const rules = { rim, ocsp };
  if (verifier === 'local') return { rules };
  const url = new URL(nras);
  // Over plain HTTP anybody on the way could have made the keys: it serves emulated services alone.
  return { rules, remote: { issuer: issuer ?? url.origin, emulated: url.protocol !== 'https:' } };
}

export function loosenedNvidia({ ocsp, verifier }: NvidiaSection): readonly Loosened[] {
  if (verifier === 'remote' || ocsp !== 'off') return [];
  return [
    { key: 'ocsp', actual: ocsp, why: 'devices and manifests are accepted under certificates that NVIDIA revoked' },
  ];
}

/** Files are read here, once. @throws AssayError `config.file.form` */
export function dpuOptions(settings: NvidiaDpuSection, emulatedRoots: readonly string[]): DpuVerifierOptions {
  const { max_cert_age: maxCertAge, root_ca: root } = settings;
  return {
    roots: certificatesOf('nvidiadpu.root_ca', root === undefined ? [] : [root]),
    emulatedRoots: certificatesOf('trust.emulated_roots', emulatedRoots),
    rules: { maxCertAge },
  };
}
