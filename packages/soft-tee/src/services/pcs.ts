import { concatBytes, encodeHex, encodePem } from '@assay/bytes';
import { u16 } from '../fixed.js';
import { EVALUATION } from '../intel/intel.js';
import type { IntelPlatform, PckCa } from '../intel/platform.js';
import { qeIdentityName } from '../intel/qe-identity.js';
import type { IntelTee } from '../intel/tcb-info.js';
import type { TestWorld } from '../world.js';
import {
  type EmulatedService,
  type ServiceAnswer,
  type ServiceOptions,
  type ServiceRoute,
  startService,
  text,
} from './http.js';

export interface PcsOptions extends ServiceOptions {
  /** `pccs` also serves `rootcacrl`, and answers CRLs of API v3 in hex, as PCCS does. Default `pcs`. */
  readonly kind?: 'pcs' | 'pccs';
  /** Evaluation numbers that are answered with 410. */
  readonly retired?: readonly number[];
}

/** Emulated Intel PCS or PCCS, API v3 and v4, over the world's Intel with its standing orders. */
export function startEmulatedPcs(world: TestWorld, options: PcsOptions = {}): Promise<EmulatedService> {
  return startService(pcsRoutes(world, options), options);
}

function pcsRoutes(world: TestWorld, options: PcsOptions): readonly ServiceRoute[] {
  const { intel } = world;
  const pccs = options.kind === 'pccs';

  const tcb: ServiceRoute = {
    name: 'tcb',
    pattern: /^\/(sgx|tdx)\/certification\/v([34])\/tcb$/,
    answer: (match, query) => {
      const api = version(match[2]);
      const tee = teeOf(match[1]);
      if (tee === 'tdx' && api === 3) return text(404, 'TDX needs API v4');
      const fmspc = query.get('fmspc') ?? '';
      if (!/^[0-9a-fA-F]{12}$/.test(fmspc)) return text(400, 'fmspc');
      const platform = intel.platforms().find((one) => one.fmspc === fmspc.toLowerCase());
      if (platform === undefined) return text(404, 'unknown fmspc');
      const update = channel(query, options.retired ?? []);
      if (typeof update !== 'string') return update;
      const document = intel.tcbInfo({ tee, platform, update, api });
      const name = api === 3 ? 'SGX-TCB-Info-Issuer-Chain' : 'TCB-Info-Issuer-Chain';
      return json(`{"tcbInfo":${document.text},"signature":"${document.signature}"}`, name, document.chain);
    },
  };
  const identity: ServiceRoute = {
    name: 'qe/identity',
    pattern: /^\/(sgx|tdx)\/certification\/v([34])\/qe\/identity$/,
    answer: (match, query) => {
      const tee = teeOf(match[1]);
      if (tee === 'tdx' && version(match[2]) === 3) return text(404, 'TDX needs API v4');
      const update = channel(query, options.retired ?? []);
      if (typeof update !== 'string') return update;
      const document = intel.qeIdentity({ tee, update });
      const name = qeIdentityName(intel.orders.qeIdentity?.fields?.version ?? 2);
      const body = `{"${name}":${document.text},"signature":"${document.signature}"}`;
      return json(body, 'SGX-Enclave-Identity-Issuer-Chain', document.chain);
    },
  };
  const numbers: ServiceRoute = {
    name: 'tcbevaluationdatanumbers',
    // API v3 has no such list.
    pattern: /^\/(sgx|tdx)\/certification\/v4\/tcbevaluationdatanumbers$/,
    answer: (match) => {
      const document = intel.evaluationNumbers(teeOf(match[1]));
      const body = `{"tcbEvaluationDataNumbers":${document.text},"signature":"${document.signature}"}`;
      return json(body, 'TCB-Evaluation-Data-Numbers-Issuer-Chain', document.chain);
    },
  };
  const pckCrl: ServiceRoute = {
    name: 'pckcrl',
    pattern: /^\/sgx\/certification\/v([34])\/pckcrl$/,
    answer: (match, query) => {
      const ca = query.get('ca');
      if (ca !== 'platform' && ca !== 'processor') return text(400, 'ca');
      const crl = intel.pckCrl(ca);
      const chain = { 'SGX-PCK-CRL-Issuer-Chain': encodeURIComponent(intel.caChain(ca)) };
      if (pccs && version(match[1]) === 3) return text(200, encodeHex(crl), chain);
      if (query.get('encoding') === 'der') return binary(crl, 'application/pkix-crl', chain);
      return { status: 200, headers: { 'content-type': 'application/x-pem-file', ...chain }, body: pemCrl(crl) };
    },
  };
  const rootCrl: ServiceRoute = {
    name: 'rootcacrl',
    pattern: pccs ? /^\/sgx\/certification\/v([34])\/rootcacrl$/ : /^\/IntelSGXRootCA(\.der)$/,
    answer: (match) =>
      match[1] === '3' ? text(200, encodeHex(intel.rootCrl())) : binary(intel.rootCrl(), 'application/pkix-crl', {}),
  };
  const pckCert: ServiceRoute = {
    name: 'pckcert',
    pattern: /^\/sgx\/certification\/v([34])\/pckcert$/,
    answer: (_, query) => {
      const platform = findPlatform(world, query);
      if (platform === undefined) return text(404, 'unknown platform');
      const tcbm = concatBytes(platform.cpuSvn, u16(platform.pceSvn));
      return {
        status: 200,
        headers: {
          'content-type': 'application/x-pem-file',
          ...pckHeaders(world, platform),
          'SGX-TCBm': encodeHex(tcbm),
        },
        body: Buffer.from(intel.pckCertificate(platform).pem),
      };
    },
  };
  const pckCerts: ServiceRoute = {
    name: 'pckcerts',
    pattern: /^\/sgx\/certification\/v([34])\/pckcerts$/,
    answer: (_, query) => {
      const platform = findPlatform(world, query);
      if (platform === undefined) return text(404, 'unknown platform');
      const tcb = Object.fromEntries(
        platform.components.map((svn, index) => [`sgxtcbcomp${String(index + 1).padStart(2, '0')}svn`, svn]),
      );
      const list = [
        {
          tcb: { ...tcb, pcesvn: platform.pceSvn },
          tcbm: encodeHex(concatBytes(platform.cpuSvn, u16(platform.pceSvn))),
          cert: encodeURIComponent(intel.pckCertificate(platform).pem),
        },
      ];
      return {
        status: 200,
        headers: { 'content-type': 'application/json', ...pckHeaders(world, platform) },
        body: Buffer.from(JSON.stringify(list)),
      };
    },
  };
  const fmspcs: ServiceRoute = {
    name: 'fmspcs',
    pattern: /^\/sgx\/certification\/v([34])\/fmspcs$/,
    answer: () => {
      const known = new Set(intel.platforms().map((platform) => platform.fmspc.toUpperCase()));
      const list = [...known].map((fmspc) => ({ fmspc, platform: 'all' }));
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify(list)),
      };
    },
  };
  return [tcb, identity, numbers, pckCrl, rootCrl, pckCert, pckCerts, fmspcs];
}

/** `encrypted_ppid` of the emulation is the PPID itself, zero-padded to the 384 bytes that RSA-3072 would give. */
export function encryptedPpid(platform: IntelPlatform): string {
  return encodeHex(platform.ppid).padEnd(768, '0');
}

function findPlatform(world: TestWorld, query: URLSearchParams): IntelPlatform | undefined {
  const ppid = (query.get('encrypted_ppid') ?? '').toLowerCase();
  const pceId = (query.get('pceid') ?? '').toLowerCase();
  return world.intel.platforms().find((one) => encryptedPpid(one) === ppid && one.pceId === pceId);
}

function pckHeaders(world: TestWorld, platform: IntelPlatform): Record<string, string> {
  const ca: PckCa = platform.ca;
  return {
    'SGX-PCK-Certificate-Issuer-Chain': encodeURIComponent(world.intel.caChain(ca)),
    'SGX-PCK-Certificate-CA-Type': ca,
    'SGX-FMSPC': platform.fmspc.toUpperCase(),
  };
}

/** Update channel by name or number; an answer where the number is refused. */
function channel(query: URLSearchParams, retired: readonly number[]): 'early' | 'standard' | ServiceAnswer {
  const number = query.get('tcbEvaluationDataNumber');
  if (number === null) {
    const update = query.get('update') ?? 'standard';
    return update === 'early' || update === 'standard' ? update : text(400, 'update');
  }
  if (query.has('update')) return text(400, 'update and tcbEvaluationDataNumber exclude each other');
  if (retired.includes(Number(number))) return text(410, 'gone');
  const found = (['early', 'standard'] as const).find((name) => String(EVALUATION[name]) === number);
  return found ?? text(404, 'unknown tcbEvaluationDataNumber');
}

function json(body: string, chainHeader: string, chain: string): ServiceAnswer {
  const headers = { 'content-type': 'application/json', [chainHeader]: encodeURIComponent(chain) };
  return { status: 200, headers, body: Buffer.from(body) };
}

function binary(body: Uint8Array, type: string, headers: Readonly<Record<string, string>>): ServiceAnswer {
  return { status: 200, headers: { 'content-type': type, ...headers }, body };
}

function pemCrl(crl: Uint8Array): Uint8Array {
  return Buffer.from(encodePem('X509 CRL', crl));
}

function version(text: string | undefined): 3 | 4 {
  return text === '3' ? 3 : 4;
}

function teeOf(text: string | undefined): IntelTee {
  return text === 'tdx' ? 'tdx' : 'sgx';
}
