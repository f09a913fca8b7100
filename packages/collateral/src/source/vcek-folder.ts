import type { VcekTcb } from '../item/item.js';
import type { VcekStore } from './kds.js';

/**
 * A folder of VCEKs as Trustee's offline store lays it out: `vcek/<hwID>/bl04_tee00_snp24_ucode219[_fmc01]_vcek.der`, else
 * `vcek/<hwID>/vcek.der`.
 *
 * @param name for findings
 * @param read gives a file of the folder by its relative path, or undefined where there is none
 */
export function vcekFolder(name: string, read: (path: string) => Promise<Uint8Array | undefined>): VcekStore {
  return {
    name,
    vcek: async (_, hwId, tcb) =>
      (await read(`vcek/${hwId}/${fileName(tcb)}`)) ?? (await read(`vcek/${hwId}/vcek.der`)),
  };
}

function fileName({ fmc, bootloader, tee, snp, microcode }: VcekTcb): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const tail = fmc === undefined ? '' : `_fmc${two(fmc)}`;
  return `bl${two(bootloader)}_tee${two(tee)}_snp${two(snp)}_ucode${two(microcode)}${tail}_vcek.der`;
}
