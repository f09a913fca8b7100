import type { VcekTcb } from '../item/item.js';
import type { LeafStore } from './kds.js';

/**
 * A folder of leaf certificates, each of them DER (`.der`) or PEM (`.pem`).
 *
 * VCEKs as Trustee's offline store lays them out: `vcek/<hwID>/bl04_tee00_snp24_ucode219[_fmc01]_vcek.der`, else
 * `vcek/<hwID>/vcek.der`. VLEKs, which are of a provider and not of a chip, in the same way under the product:
 * `vlek/<product>/bl04_tee00_snp24_ucode219[_fmc01]_vlek.der`, else `vlek/<product>/vlek.der`.
 *
 * @param name for findings
 * @param read gives a file of the folder by its relative path, or undefined where there is none
 */
export function leafFolder(name: string, read: (path: string) => Promise<Uint8Array | undefined>): LeafStore {
  const first = async (folder: string, kind: 'vcek' | 'vlek', tcb: VcekTcb): Promise<Uint8Array | undefined> => {
    for (const file of [`${tcbName(tcb)}_${kind}`, kind]) {
      for (const form of ['der', 'pem']) {
        const found = await read(`${kind}/${folder}/${file}.${form}`);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  };
  return {
    name,
    vcek: (_, hwId, tcb) => first(hwId, 'vcek', tcb),
    vlek: (product, tcb) => first(product, 'vlek', tcb),
  };
}

function tcbName({ fmc, bootloader, tee, snp, microcode }: VcekTcb): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const tail = fmc === undefined ? '' : `_fmc${two(fmc)}`;
  return `bl${two(bootloader)}_tee${two(tee)}_snp${two(snp)}_ucode${two(microcode)}${tail}`;
}
