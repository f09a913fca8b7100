import type { KeyObject } from 'node:crypto';
import type { TrustAnchor } from '@assay/evidence/x509';
import { EmulatedAmd } from './amd/amd.js';
import type { AmdProduct } from './amd/tcb.js';
import { EmulatedCca } from './cca/cca.js';
import { EmulatedHygon } from './csv/hygon.js';
import { EmulatedIntel } from './intel/intel.js';
import { type Curve, type KeyPems, KeyStore } from './keys/key-store.js';
import { EmulatedNitro } from './nitro/nitro.js';
import { EmulatedNvidia } from './nvidia/nvidia.js';
import { EmulatedSe } from './se/se.js';
import { EmulatedSev } from './sev/platform.js';
import { EmulatedTpms } from './tpm/tpm.js';
import { publicKeyInfo } from './x509/extension.js';

export interface TestWorldOptions {
  readonly now: () => Date;
  /** Source of the seed where none is given. */
  readonly random: (bytes: number) => Uint8Array;
  /** At least 16 bytes. The same seed gives the same EC keys, hence the same Intel roots. */
  readonly seed?: Uint8Array;
  /** Keys of an earlier world ({@link TestWorld.exportKeys}). */
  readonly keys?: KeyPems;
}

/** Emulated hardware vendors with a test root each. Nothing trusts them unless it is told to, by name. */
export interface TestWorld {
  readonly intel: EmulatedIntel;
  readonly amd: EmulatedAmd;
  readonly nitro: EmulatedNitro;
  readonly cca: EmulatedCca;
  readonly nvidia: EmulatedNvidia;
  /** Its root is a file of Hygon's own form (`hygon.hrk()`). */
  readonly hygon: EmulatedHygon;
  readonly se: EmulatedSe;
  /** Platforms of SEV and SEV-ES; their root is a file of AMD's own form (`sev.ark()`). */
  readonly sev: EmulatedSev;
  /** TPMs, and the maker who certifies their attestation keys. */
  readonly tpm: EmulatedTpms;
  readonly now: () => Date;
  /**
   * The roots, for an owner to add by name. Making those of AMD makes their RSA keys: name only products that are used.
   */
  anchors(products?: readonly AmdProduct[]): {
    readonly intel: TrustAnchor;
    readonly amd: readonly TrustAnchor[];
    readonly nitro: TrustAnchor;
    /** Root above host-key documents of Secure Execution. */
    readonly se: TrustAnchor;
    readonly tpm: TrustAnchor;
    /** Of devices, and of reference manifests. */
    readonly nvidia: readonly TrustAnchor[];
  };
  /** A key that nobody in this world vouches for. */
  stranger(curve: Curve): KeyObject;
  /** Private keys made so far, as PEM by label. */
  exportKeys(): KeyPems;
}

export function createTestWorld(options: TestWorldOptions): TestWorld {
  const keys = new KeyStore(options.seed ?? options.random(32), options.keys);
  const intel = new EmulatedIntel(keys, options.now);
  const amd = new EmulatedAmd(keys, options.now);
  const nitro = new EmulatedNitro(keys);
  const tpm = new EmulatedTpms(keys, options.now);
  const nvidia = new EmulatedNvidia(keys, options.now);
  const se = new EmulatedSe(keys, options.now);
  return {
    intel,
    amd,
    nitro,
    cca: new EmulatedCca(keys),
    nvidia,
    hygon: new EmulatedHygon(keys),
    se,
    sev: new EmulatedSev(keys),
    tpm,
    now: options.now,
    anchors: (products = []) => ({
      intel: { name: 'emulated Intel SGX Root CA', publicKey: publicKeyInfo(intel.pki.rootKey), emulated: true },
      amd: products.map((product) => ({
        name: `emulated ARK-${product}`,
        publicKey: publicKeyInfo(amd.pki.arkKey(product)),
        emulated: true,
      })),
      se: { name: 'emulated root of IBM Z host keys', publicKey: publicKeyInfo(se.pki.rootKey), emulated: true },
      nitro: { name: 'emulated aws.nitro-enclaves', publicKey: publicKeyInfo(nitro.pki.rootKey), emulated: true },
      tpm: { name: 'emulated TPM Root CA', publicKey: publicKeyInfo(tpm.rootKey), emulated: true },
      nvidia: [
        { name: 'emulated NVIDIA Device Identity CA', publicKey: publicKeyInfo(nvidia.pki.rootKey), emulated: true },
        { name: 'emulated NVIDIA CoRIM CA', publicKey: publicKeyInfo(nvidia.pki.manifestRootKey), emulated: true },
      ],
    }),
    stranger: (curve) => keys.ec(`stranger/${curve}`, curve),
    exportKeys: () => keys.export(),
  };
}
