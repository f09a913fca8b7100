/**
 * TCB_VERSION: eight security version numbers, laid out by product (AMD 56860, section 2.2). They are compared component
 * by component: as 64-bit numbers they have no order.
 */
import type { Product } from './product.js';

export const TCB_COMPONENTS = ['fmc', 'bootloader', 'tee', 'snp', 'microcode'] as const;
export type TcbComponent = (typeof TCB_COMPONENTS)[number];

/** Component to security version number; `fmc` on Turin only. */
export type Tcb = { readonly [component in Exclude<TcbComponent, 'fmc'>]: number } & { readonly fmc?: number };

/** Byte of each component, and the reserved bytes with the `spl` extension that a VCEK has for them. */
interface Layout {
  readonly components: readonly (readonly [TcbComponent, number])[];
  readonly reserved: readonly (readonly [spl: 4 | 5 | 6 | 7, byte: number])[];
}

const MILAN: Layout = {
  components: [
    ['bootloader', 0],
    ['tee', 1],
    ['snp', 6],
    ['microcode', 7],
  ],
  reserved: [
    [4, 2],
    [5, 3],
    [6, 4],
    [7, 5],
  ],
};

const TURIN: Layout = {
  components: [
    ['fmc', 0],
    ['bootloader', 1],
    ['tee', 2],
    ['snp', 3],
    ['microcode', 7],
  ],
  reserved: [
    [5, 4],
    [6, 5],
    [7, 6],
  ],
};

export function tcbLayout(product: Product): Layout {
  return product === 'Turin' ? TURIN : MILAN;
}

export function readTcb(raw: Uint8Array, product: Product): Tcb {
  return Object.fromEntries(tcbLayout(product).components.map(([name, byte]) => [name, raw[byte] ?? 0])) as Tcb;
}

/** Components of the product in the order of the bytes, with their values. */
export function tcbEntries(tcb: Tcb): [TcbComponent, number][] {
  return TCB_COMPONENTS.flatMap((name): [TcbComponent, number][] => {
    const value = tcb[name];
    return value === undefined ? [] : [[name, value]];
  });
}
