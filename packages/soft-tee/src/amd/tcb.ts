export type AmdProduct = 'Milan' | 'Genoa' | 'Turin';

/** TCB_VERSION by component. `fmc` exists on Turin only. */
export interface AmdTcb {
  readonly fmc?: number;
  readonly bootloader: number;
  readonly tee: number;
  readonly snp: number;
  readonly microcode: number;
}

/** The eight bytes of TCB_VERSION in the product's layout (AMD 56860, table 3). */
export function encodeTcb(tcb: AmdTcb, product: AmdProduct): Uint8Array {
  return product === 'Turin'
    ? Uint8Array.of(tcb.fmc ?? 0, tcb.bootloader, tcb.tee, tcb.snp, 0, 0, 0, tcb.microcode)
    : Uint8Array.of(tcb.bootloader, tcb.tee, 0, 0, 0, 0, tcb.snp, tcb.microcode);
}

/** `3.0.8.115`: names a TCB in labels of keys. */
export function tcbLabel({ fmc, bootloader, tee, snp, microcode }: AmdTcb): string {
  return [...(fmc === undefined ? [] : [fmc]), bootloader, tee, snp, microcode].join('.');
}

/** CPUID family, model and stepping of a product's usual part. */
export const CPUID: Readonly<Record<AmdProduct, readonly [family: number, model: number, step: number]>> = {
  Milan: [0x19, 0x01, 0x01],
  Genoa: [0x19, 0x11, 0x01],
  Turin: [0x1a, 0x02, 0x01],
};
