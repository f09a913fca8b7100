/** Names of the manifests that a report needs, as NVIDIA's RIM service knows them. */
import type { Architecture } from '../device.js';
import { OPAQUE, type OpaqueData, textField, vbiosVersion } from '../report/opaque.js';

export interface ManifestNames {
  /** Absent for switches, which have no driver of their own, and where the report does not name one. */
  readonly driver?: string;
  readonly vbios?: string;
}

/** Characters that names may have: they stand in a URL and in keys of a store. */
const PART = /^[A-Z0-9.]{1,32}$/;
/** LS10 reports do not name their board; there is one. */
const SWITCH_BOARD: readonly (string | undefined)[] = ['5612', '0002', '890'];

export function manifestNames(opaque: OpaqueData, arch: Architecture): ManifestNames {
  const driver = driverName(opaque, arch);
  const vbios = vbiosName(opaque, arch);
  return { ...(driver === undefined ? {} : { driver }), ...(vbios === undefined ? {} : { vbios }) };
}

function driverName(opaque: OpaqueData, arch: Architecture): string | undefined {
  const version = part(textField(opaque, OPAQUE.driverVersion));
  if (version === undefined || arch === 'LS10') return undefined;
  if (arch === 'HOPPER') return `NV_GPU_DRIVER_GH100_${version}`;
  const chip = part(textField(opaque, OPAQUE.chipInfo));
  return chip === undefined ? undefined : `NV_GPU_CC_DRIVER_${chip}_${version}`;
}

function vbiosName(opaque: OpaqueData, arch: Architecture): string | undefined {
  const version = part(vbiosVersion(opaque)?.replaceAll('.', ''));
  const board =
    arch === 'LS10'
      ? SWITCH_BOARD
      : [OPAQUE.project, OPAQUE.projectSku, OPAQUE.chipSku].map((field) => part(textField(opaque, field)));
  if (version === undefined || board.includes(undefined)) return undefined;
  return [arch === 'LS10' ? 'NV_SWITCH_BIOS' : 'NV_GPU_VBIOS', ...board, version].join('_');
}

function part(text: string | undefined): string | undefined {
  const name = text?.trim().toUpperCase();
  return name !== undefined && PART.test(name) ? name : undefined;
}
