import { type KeyObject, sign } from 'node:crypto';
import { encodeBase64, encodeHex, encodeUtf8, type JsonObject } from '@assay/bytes';
import { padded } from '../fixed.js';
import type { NvidiaDevice } from '../nvidia/device.js';
import type { NvidiaOrders } from '../nvidia/pki.js';
import { encodeNvidiaReport, type NvidiaReportFields } from '../nvidia/report.js';
import type { TestWorld } from '../world.js';
import type { CertificateFields } from '../x509/certificate.js';

/** What differs for one device of the evidence. */
export interface NvidiaDeviceOverrides {
  readonly device: NvidiaDevice;
  /** Nonce of its request instead of the one of the handshake. */
  readonly nonce?: Uint8Array;
  readonly report?: Partial<NvidiaReportFields>;
  readonly orders?: NvidiaOrders;
  /** Device that signs instead. */
  readonly signer?: NvidiaDevice;
  /** Certificates that are sent, from the whole chain. */
  readonly chain?: (pems: readonly string[]) => readonly string[];
  /** Changes the finished report. */
  readonly alter?: (report: Uint8Array) => Uint8Array;
  readonly arch?: string;
}

export interface NvidiaOverrides {
  /** Default: one Hopper GPU. */
  readonly devices?: readonly (NvidiaDevice | NvidiaDeviceOverrides)[];
  /** Form of the reports: guests up to 0.15 write hex. */
  readonly encoding?: 'base64' | 'hex';
}

const NONCE_SIZE = 32;

/** The nonce of a report: report data, cut or zero-padded to 32 bytes. */
export function nvidiaNonce(reportData: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(NONCE_SIZE);
  nonce.set(reportData.subarray(0, NONCE_SIZE));
  return nonce;
}

/** Report and chain (PEM) of one device. */
export function nvidiaReport(
  world: TestWorld,
  reportData: Uint8Array,
  overrides: NvidiaDeviceOverrides,
): { readonly report: Uint8Array; readonly chain: string } {
  const { pki } = world.nvidia;
  const { device, orders, signer = device } = overrides;
  const nonce = overrides.nonce ?? nvidiaNonce(reportData);
  const responder = padded(device.pdi, NONCE_SIZE, 'responder nonce');
  const made = encodeNvidiaReport(device, nonce, responder, pki.deviceKey(signer), overrides.report);
  const pems = pki.deviceChain(device, orders).map(({ pem }) => pem);
  return { report: overrides.alter?.(made) ?? made, chain: (overrides.chain?.(pems) ?? pems).join('') };
}

/** Evidence as guests send it (guest-components, `nvidia` attester). */
export function nvidiaEvidence(world: TestWorld, reportData: Uint8Array, overrides: NvidiaOverrides = {}): JsonObject {
  const devices = overrides.devices ?? [world.nvidia.device()];
  return {
    device_evidence_list: devices.map((one) => {
      const options = 'device' in one ? one : { device: one };
      const { chain, report } = nvidiaReport(world, reportData, options);
      return {
        arch: options.arch ?? options.device.arch,
        uuid: options.device.uuid,
        evidence: overrides.encoding === 'hex' ? encodeHex(report) : encodeBase64(report),
        certificate: encodeBase64(encodeUtf8(chain)),
      };
    }),
  };
}

export interface DpuOverrides {
  readonly serial?: bigint;
  readonly edits?: { readonly deviceId?: Partial<CertificateFields>; readonly alias?: Partial<CertificateFields> };
  readonly fwids?: readonly Uint8Array[];
  /** What is signed instead of the report data, padded or cut to 64 bytes. */
  readonly signed?: Uint8Array;
  readonly encoding?: 'ieee-p1363' | 'der';
  /** Key that signs instead of the alias's. */
  readonly key?: KeyObject;
}

/** Evidence as guests send it (guest-components, BlueField attester). */
export function dpuEvidence(world: TestWorld, reportData: Uint8Array, overrides: DpuOverrides = {}): JsonObject {
  const { pki } = world.nvidia;
  const serial = overrides.serial ?? 0xb1f3n;
  const { alias, deviceId } = pki.dpu(serial, world.now(), overrides.edits, overrides.fwids);
  const padded = new Uint8Array(64);
  padded.set(reportData.subarray(0, 64));
  const signature = sign('sha384', overrides.signed ?? padded, {
    key: overrides.key ?? pki.key(`dpu-alias/${serial}`),
    dsaEncoding: overrides.encoding ?? 'ieee-p1363',
  });
  return {
    version: 1,
    devices: [
      {
        architecture: 'bluefield3',
        alias_cert: encodeBase64(alias.der),
        device_id_cert: encodeBase64(deviceId.der),
        report_data_signature: encodeBase64(Uint8Array.from(signature)),
      },
    ],
  };
}
