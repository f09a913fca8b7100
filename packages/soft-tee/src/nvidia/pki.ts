import { createHash, type KeyObject } from 'node:crypto';
import { derElement, derInteger, derOctetString, derOid, derSequence } from '@assay/bytes';
import type { KeyStore } from '../keys/key-store.js';
import { type CertificateFields, type EmulatedCertificate, makeCertificate } from '../x509/certificate.js';
import { EMULATED_ORGANIZATION, EMULATED_UNIT } from '../x509/emulated-name.js';
import {
  authorityKeyIdentifier,
  basicConstraints,
  type EmulatedExtension,
  keyUsage,
  publicKeyInfo,
  subjectKeyIdentifier,
} from '../x509/extension.js';
import type { EmulatedName } from '../x509/name.js';
import type { NvidiaDevice } from './device.js';

/** From the leaf up. */
export const NVIDIA_LEVELS = ['leaf', 'rom', 'provisioner', 'identity', 'root'] as const;
export type NvidiaLevel = (typeof NVIDIA_LEVELS)[number];
/** Changes to certificates before they are signed. */
export type NvidiaOrders = { readonly [level in NvidiaLevel]?: Partial<CertificateFields> };

const FROM = new Date('2020-10-17T00:00:00Z');
const TO = new Date('9999-12-31T23:59:59Z');
const HOUR = 3_600_000;
const COMPOSITE_DEVICE_ID = '2.23.133.5.4.1';
const TCB_INFO = '2.23.133.5.4.1.1';
const SHA384 = '2.16.840.1.101.3.4.2.2';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';

const CHIPS = { HOPPER: 'GH100 A01 GSP', BLACKWELL: 'GB100 A01 GSP', LS10: 'LS_10 A01 FSP' } as const;
const PROVISIONERS = { HOPPER: 'GH100', BLACKWELL: 'GB100', LS10: 'LS_10' } as const;

/** Emulated counterpart of NVIDIA's certificates: of devices, of reference manifests, of OCSP, of DPUs. */
export class NvidiaPki {
  readonly #keys: KeyStore;

  constructor(keys: KeyStore) {
    this.#keys = keys;
  }

  key(label: string): KeyObject {
    return this.#keys.ec(`nvidia/${label}`, 'P-384');
  }

  get rootKey(): KeyObject {
    return this.key('root');
  }

  get manifestRootKey(): KeyObject {
    return this.key('rim-root');
  }

  get dpuRootKey(): KeyObject {
    return this.key('dpu-root');
  }

  /** Root of devices. */
  root(edit: Partial<CertificateFields> = {}): EmulatedCertificate {
    return this.#authority('NVIDIA Device Identity CA', 'root', 'NVIDIA Device Identity CA', 'root', edit);
  }

  /** Root of reference manifests. */
  manifestRoot(): EmulatedCertificate {
    return this.#authority('NVIDIA CoRIM signing Root CA', 'rim-root', 'NVIDIA CoRIM signing Root CA', 'rim-root');
  }

  /** Key that signs the reports of a device. */
  deviceKey({ arch, id }: NvidiaDevice): KeyObject {
    return this.key(`device/${arch}/${id}`);
  }

  /** Chain of a device, leaf first, root last. */
  deviceChain(device: NvidiaDevice, orders: NvidiaOrders = {}): readonly EmulatedCertificate[] {
    const { arch, fwid, pdi } = device;
    const chip = CHIPS[arch];
    const provisioner = `NVIDIA ${PROVISIONERS[arch]} Provisioner ICA 1`;
    const romName = name(`${chip} BROM`, `41${hex(pdi).toUpperCase()}`);
    const romKey = this.key(`rom/${arch}/${device.id}`);
    const leafKey = this.deviceKey(device);
    const leaf = makeCertificate({
      serial: 2n + BigInt(`0x${hex(pdi)}`),
      issuer: romName,
      subject: name(`${chip} FMC LF`, hex(sha1(leafKey)).toUpperCase()),
      notBefore: FROM,
      notAfter: TO,
      key: leafKey,
      extensions: [
        keyUsage('digitalSignature'),
        subjectKeyIdentifier(leafKey),
        authorityKeyIdentifier(romKey),
        firmwareId(arch === 'BLACKWELL' ? TCB_INFO : COMPOSITE_DEVICE_ID, romKey, fwid),
      ],
      signer: romKey,
      algorithm: 'ecdsa-sha384',
      ...orders.leaf,
    });
    const rom = this.#issued(romName, romKey, name(provisioner), `provisioner/${arch}`, orders.rom);
    return [
      leaf,
      rom,
      this.#authority(provisioner, `provisioner/${arch}`, 'NVIDIA GH100 Identity', 'identity', orders.provisioner),
      this.#authority('NVIDIA GH100 Identity', 'identity', 'NVIDIA Device Identity CA', 'root', orders.identity),
      this.root(orders.root),
    ];
  }

  /** Chain of the signer of reference manifests, signer first. */
  manifestChain(now: Date, edit: Partial<CertificateFields> = {}): readonly EmulatedCertificate[] {
    const signerKey = this.key('rim-signer');
    const signer = makeCertificate({
      serial: 77n,
      issuer: name('NVIDIA Reference Value L2'),
      subject: name('NVIDIA Reference Value L3 GH100 001'),
      notBefore: new Date(now.getTime() - 24 * HOUR),
      notAfter: new Date(now.getTime() + 365 * 24 * HOUR),
      key: signerKey,
      extensions: [basicConstraints(false), keyUsage('digitalSignature'), subjectKeyIdentifier(signerKey)],
      signer: this.key('rim-l2'),
      algorithm: 'ecdsa-sha384',
      ...edit,
    });
    return [
      signer,
      this.#authority('NVIDIA Reference Value L2', 'rim-l2', 'NVIDIA CoRIM signing Root CA', 'rim-root'),
      this.manifestRoot(),
    ];
  }

  /** A responder that the CA with `issuerKey` authorised. */
  responder(
    issuer: EmulatedName,
    issuerKey: KeyObject,
    now: Date,
    edit: Partial<CertificateFields> = {},
  ): EmulatedCertificate {
    return makeCertificate({
      serial: 99n,
      issuer,
      subject: name('NVIDIA OCSP Responder'),
      notBefore: new Date(now.getTime() - HOUR),
      notAfter: new Date(now.getTime() + 24 * HOUR),
      key: this.key('ocsp'),
      extensions: [
        keyUsage('digitalSignature'),
        { oid: EXTENDED_KEY_USAGE, critical: true, value: derSequence(derOid(OCSP_SIGNING)) },
      ],
      signer: issuerKey,
      algorithm: 'ecdsa-sha384',
      ...edit,
    });
  }

  /** Certificates of a DPU: its root, the device id, and an alias that was made at `now`. */
  dpu(
    serial: bigint,
    now: Date,
    edits: { readonly deviceId?: Partial<CertificateFields>; readonly alias?: Partial<CertificateFields> } = {},
    fwids: readonly Uint8Array[] = [layer('bootloader'), layer('firmware')],
  ): {
    readonly root: EmulatedCertificate;
    readonly deviceId: EmulatedCertificate;
    readonly alias: EmulatedCertificate;
  } {
    const deviceKey = this.key(`dpu/${serial}`);
    const aliasKey = this.key(`dpu-alias/${serial}`);
    const layers = fwids.map((digest) => derSequence(derOid(SHA384), derOctetString(digest)));
    const deviceId = makeCertificate({
      serial,
      issuer: name('NVIDIA DPU Root CA'),
      subject: name('bluefield3'),
      notBefore: FROM,
      notAfter: TO,
      key: deviceKey,
      extensions: [
        basicConstraints(true, 0),
        keyUsage('keyCertSign'),
        { oid: COMPOSITE_DEVICE_ID, value: derSequence(derElement(0xa6, ...layers)) },
      ],
      signer: this.dpuRootKey,
      algorithm: 'ecdsa-sha384',
      ...edits.deviceId,
    });
    const alias = makeCertificate({
      serial: serial + 1n,
      issuer: name('bluefield3'),
      subject: name('bluefield3 alias'),
      notBefore: new Date(Math.floor(now.getTime() / 1000) * 1000 - 60_000),
      notAfter: new Date(now.getTime() + 24 * HOUR),
      key: aliasKey,
      extensions: [keyUsage('digitalSignature')],
      signer: deviceKey,
      algorithm: 'ecdsa-sha384',
      ...edits.alias,
    });
    return {
      root: this.#authority('NVIDIA DPU Root CA', 'dpu-root', 'NVIDIA DPU Root CA', 'dpu-root'),
      deviceId,
      alias,
    };
  }

  #authority(
    subject: string,
    label: string,
    issuer: string,
    issuerLabel: string,
    edit: Partial<CertificateFields> = {},
  ): EmulatedCertificate {
    return this.#issued(name(subject), this.key(label), name(issuer), issuerLabel, edit);
  }

  #issued(
    subject: EmulatedName,
    key: KeyObject,
    issuer: EmulatedName,
    issuerLabel: string,
    edit: Partial<CertificateFields> = {},
  ): EmulatedCertificate {
    return makeCertificate({
      serial: 1n + BigInt(`0x${hex(sha1(key))}`),
      issuer,
      subject,
      notBefore: FROM,
      notAfter: TO,
      key,
      extensions: [
        basicConstraints(true),
        keyUsage('keyCertSign', 'cRLSign'),
        subjectKeyIdentifier(key),
        authorityKeyIdentifier(this.key(issuerLabel)),
      ],
      signer: this.key(issuerLabel),
      algorithm: 'ecdsa-sha384',
      ...edit,
    });
  }
}

/** Key labels of issuers by the common name that they have: what a responder answers for. */
export const NVIDIA_ISSUERS: readonly (readonly [commonName: string, label: string])[] = [
  ['NVIDIA Device Identity CA', 'root'],
  ['NVIDIA GH100 Identity', 'identity'],
  ['NVIDIA GH100 Provisioner ICA 1', 'provisioner/HOPPER'],
  ['NVIDIA GB100 Provisioner ICA 1', 'provisioner/BLACKWELL'],
  ['NVIDIA LS_10 Provisioner ICA 1', 'provisioner/LS10'],
  ['NVIDIA CoRIM signing Root CA', 'rim-root'],
  ['NVIDIA Reference Value L2', 'rim-l2'],
];

export function nvidiaName(commonName: string): EmulatedName {
  return name(commonName);
}

function name(commonName: string, serial?: string): EmulatedName {
  return [
    ...(serial === undefined ? [] : [['serialNumber', serial] as const]),
    ['O', EMULATED_ORGANIZATION],
    ['OU', EMULATED_UNIT],
    ['CN', commonName],
  ];
}

/** CompositeDeviceID of Hopper, TcbInfo of newer parts. */
function firmwareId(oid: string, deviceId: KeyObject, fwid: Uint8Array): EmulatedExtension {
  const id = derSequence(derOid(SHA384), derOctetString(fwid));
  const value =
    oid === TCB_INFO ? derSequence(derElement(0xa6, id)) : derSequence(derInteger(1), publicKeyInfo(deviceId), id);
  return { oid, value };
}

function layer(what: string): Uint8Array {
  return Uint8Array.from(createHash('sha384').update(`emulated DPU ${what}`).digest());
}

function sha1(key: KeyObject): Uint8Array {
  return Uint8Array.from(createHash('sha1').update(publicKeyInfo(key)).digest()).subarray(0, 8);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
