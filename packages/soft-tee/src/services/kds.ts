import { encodeHex } from '@assay/bytes';
import type { AmdChip } from '../amd/amd.js';
import type { AmdProduct, AmdTcb } from '../amd/tcb.js';
import type { TestWorld } from '../world.js';
import {
  type EmulatedService,
  type ServiceAnswer,
  type ServiceOptions,
  type ServiceRoute,
  startService,
  text,
} from './http.js';

/** Emulated AMD Key Distribution Service, over the world's AMD with its standing orders. */
export function startEmulatedKds(world: TestWorld, options: ServiceOptions = {}): Promise<EmulatedService> {
  return startService(kdsRoutes(world), options);
}

function kdsRoutes(world: TestWorld): readonly ServiceRoute[] {
  const { amd } = world;
  const chain: ServiceRoute = {
    name: 'cert_chain',
    pattern: /^\/(vcek|vlek)\/v1\/(Milan|Genoa|Turin)\/cert_chain$/,
    answer: (match) => {
      const pem = amd.certChain(match[1] === 'vlek' ? 'asvk' : 'ask', productOf(match[2]));
      return { status: 200, headers: { 'content-type': 'application/x-pem-file' }, body: Buffer.from(pem) };
    },
  };
  const crl: ServiceRoute = {
    name: 'crl',
    pattern: /^\/(vcek|vlek)\/v1\/(Milan|Genoa|Turin)\/crl$/,
    answer: (match) => der(amd.crl(productOf(match[2]))),
  };
  const vlek: ServiceRoute = {
    name: 'vlek',
    pattern: /^\/vlek\/v1\/(Milan|Genoa|Turin)\/cert$/,
    // The genuine service wants the credentials of a cloud provider here.
    answer: () => text(401, 'credentials of a provider are needed'),
  };
  const vcek: ServiceRoute = {
    name: 'vcek',
    pattern: /^\/vcek\/v1\/(Milan|Genoa|Turin)\/([0-9a-fA-F]+)$/,
    answer: (match, query) => {
      const product = productOf(match[1]);
      const hwId = (match[2] ?? '').toLowerCase();
      const chip = amd.chips().find((one) => one.product === product && hwIdOf(one) === hwId);
      if (chip === undefined) return text(404, 'unknown chip');
      const tcb = tcbOf(query, product);
      return tcb === undefined ? text(400, 'SPLs') : der(amd.vcek(chip, tcb).der);
    },
  };
  return [chain, crl, vlek, vcek];
}

function tcbOf(query: URLSearchParams, product: AmdProduct): AmdTcb | undefined {
  const spl = (name: string): number => {
    const value = query.get(name) ?? '';
    return /^\d{1,3}$/.test(value) && Number(value) <= 255 ? Number(value) : Number.NaN;
  };
  const tcb: AmdTcb = {
    ...(product === 'Turin' ? { fmc: spl('fmcSPL') } : {}),
    bootloader: spl('blSPL'),
    tee: spl('teeSPL'),
    snp: spl('snpSPL'),
    microcode: spl('ucodeSPL'),
  };
  return Object.values(tcb).some(Number.isNaN) ? undefined : tcb;
}

function hwIdOf(chip: AmdChip): string {
  return encodeHex(chip.chipId.subarray(0, chip.product === 'Turin' ? 8 : 64));
}

function der(body: Uint8Array): ServiceAnswer {
  return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body };
}

function productOf(text: string | undefined): AmdProduct {
  return text === 'Genoa' || text === 'Turin' ? text : 'Milan';
}
