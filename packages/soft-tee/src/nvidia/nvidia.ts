import { createHash } from 'node:crypto';
import type { KeyStore } from '../keys/key-store.js';
import { goldenMeasurement, goldenMeasurements, type NvidiaArch, type NvidiaDevice } from './device.js';
import { encodeManifest, type GoldenMeasurement, type ManifestFields } from './manifest.js';
import type { NrasOrders } from './nras.js';
import type { OcspOrders } from './ocsp.js';
import { NvidiaPki } from './pki.js';

/** Indexes of the golden values that the manifests of driver and VBIOS have. */
const DRIVER_INDEXES = [7, ...Array.from({ length: 20 }, (_, place) => 21 + place)];
const VBIOS_INDEXES = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12];

/** The emulated NVIDIA: devices, reference manifests, an OCSP responder and a remote attestation service, under roots of its own. */
export class EmulatedNvidia {
  readonly pki: NvidiaPki;
  readonly #keys: KeyStore;
  readonly #now: () => Date;
  readonly #devices = new Map<string, NvidiaDevice>();
  /** Orders that hold for every answer until they are replaced. */
  orders: {
    readonly ocsp?: OcspOrders;
    readonly nras?: NrasOrders;
    readonly manifest?: Partial<ManifestFields>;
  } = {};

  constructor(keys: KeyStore, now: () => Date) {
    this.#keys = keys;
    this.#now = now;
    this.pki = new NvidiaPki(keys);
  }

  /** A device; the same id gives the same one. */
  device(
    id = 'gpu-1',
    arch: NvidiaArch = 'HOPPER',
    edit: Partial<Omit<NvidiaDevice, 'id' | 'arch'>> = {},
  ): NvidiaDevice {
    const bytes = (what: string, length: number): Uint8Array =>
      this.#keys.bytes(`nvidia/${what}/${arch}/${id}`, length);
    const device: NvidiaDevice = {
      id,
      arch,
      uuid: `${arch === 'LS10' ? 'SWX' : 'GPU'}-${Buffer.from(bytes('uuid', 16)).toString('hex')}`,
      pdi: bytes('pdi', 8),
      peers: [],
      driverVersion: '590.12',
      vbiosVersion: arch === 'LS10' ? '96.10.73.00.01' : '96.00.a5.00.01',
      project: 'G520',
      projectSku: '0200',
      chipSku: '885',
      fwid: Uint8Array.from(createHash('sha384').update(`emulated firmware of ${arch}`).digest()),
      measurements: goldenMeasurements(arch),
      nvdec0: 'enabled',
      ...edit,
    };
    this.#devices.set(`${arch}/${id}`, device);
    return device;
  }

  /** Devices made so far. */
  devices(): readonly NvidiaDevice[] {
    return [...this.#devices.values()];
  }

  /** A protected PCIe machine: eight GPUs and four switches, each linked to all of the others' kind. */
  machine(id = 'hgx-1'): readonly NvidiaDevice[] {
    const ids = (kind: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${id}-${kind}${n}`);
    const gpus = ids('gpu', 8).map((gpu) => this.device(gpu));
    const switches = ids('switch', 4).map((one) => this.device(one, 'LS10'));
    const [ofGpus, ofSwitches] = [gpus, switches].map((devices) => devices.map(({ pdi }) => pdi));
    return [
      ...gpus.map((gpu) => this.device(gpu.id, 'HOPPER', { peers: ofSwitches ?? [] })),
      ...switches.map((one) => this.device(one.id, 'LS10', { peers: ofGpus ?? [] })),
    ];
  }

  /** The manifest of a name, as the RIM service has it: driver or VBIOS of any device made so far. */
  manifest(name: string): Uint8Array | undefined {
    for (const device of this.devices()) {
      const { arch, driverVersion, vbiosVersion } = device;
      if (name === driverName(device)) return this.encode(arch, driverVersion, DRIVER_INDEXES);
      if (name === vbiosName(device)) return this.encode(arch, vbiosVersion, VBIOS_INDEXES);
    }
    return undefined;
  }

  /** A manifest with the golden values of these indexes; every index up to 63 is there, the others inactive. */
  encode(
    arch: NvidiaArch,
    version: string,
    indexes: readonly number[],
    edit: Partial<ManifestFields> = {},
  ): Uint8Array {
    const last = arch === 'LS10' ? 30 : 63;
    const golden = Array.from({ length: last + 1 }, (_, index): GoldenMeasurement => {
      if (!indexes.includes(index)) return { index, values: [new Uint8Array(48)], active: false };
      // Some have alternatives; the last one is what runs.
      const others = index % 4 === 0 ? [new Uint8Array(48).fill(index + 1)] : [];
      return { index, values: [...others, goldenMeasurement(arch, index + 1)] };
    });
    return encodeManifest({
      version,
      golden,
      chain: this.pki.manifestChain(this.#now()),
      key: this.pki.key('rim-signer'),
      ...this.orders.manifest,
      ...edit,
    });
  }

  get nrasKey() {
    return this.pki.key('nras');
  }
}

/** Names of the RIM service. */
export function driverName({ arch, driverVersion }: NvidiaDevice): string | undefined {
  if (arch === 'LS10') return undefined;
  return arch === 'HOPPER' ? `NV_GPU_DRIVER_GH100_${driverVersion}` : `NV_GPU_CC_DRIVER_GB100_${driverVersion}`;
}

export function vbiosName({ arch, chipSku, project, projectSku, vbiosVersion }: NvidiaDevice): string {
  const version = vbiosVersion.replaceAll('.', '').toUpperCase();
  return arch === 'LS10'
    ? `NV_SWITCH_BIOS_5612_0002_890_${version}`
    : `NV_GPU_VBIOS_${project}_${projectSku}_${chipSku}_${version}`;
}
