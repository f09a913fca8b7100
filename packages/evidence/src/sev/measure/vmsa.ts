/** The register state of a vCPU at launch, as QEMU and KVM set it and SEV-ES measures it: one page. */

/** Where a vCPU starts. */
export interface VcpuStart {
  readonly eip: number;
  /** CPUID signature, which the processor leaves in RDX. */
  readonly signature: number;
  /** Registers of the floating-point unit: `zero` with the hosts of CC-0.5.0, `reset` (MXCSR 0x1f80, control word 0x37f) with later ones. */
  readonly fpu?: FpuState;
}

export type FpuState = 'zero' | 'reset';

const PAGE = 4096;

/** Segment registers: offset, attributes, limit; selector and base are 0 but for CS. */
const SEGMENTS: readonly (readonly [offset: number, attributes: number])[] = [
  [0x00, 0x93],
  [0x20, 0x93],
  [0x30, 0x93],
  [0x40, 0x93],
  [0x50, 0x93],
  [0x60, 0],
  [0x70, 0x82],
  [0x80, 0],
  [0x90, 0x8b],
];
const CS = 0x10;

/** Registers of 64 bits that are not zero. */
const REGISTERS: readonly (readonly [offset: number, value: bigint])[] = [
  [0xd0, 0x1000n],
  [0x148, 0x40n],
  [0x158, 0x10n],
  [0x160, 0x400n],
  [0x168, 0xffff_0ff0n],
  [0x170, 0x2n],
  [0x268, 0x0007_0406_0007_0406n],
  [0x3e8, 0x1n],
];
const RIP = 0x178;
const RDX = 0x310;
const MXCSR = 0x408;
const X87_FCW = 0x410;

/** One page; features of SNP are zero. */
export function sevEsVmsa({ eip, signature, fpu = 'zero' }: VcpuStart): Uint8Array {
  const page = new Uint8Array(PAGE);
  const view = new DataView(page.buffer);
  const segment = (offset: number, selector: number, attributes: number, base: bigint): void => {
    view.setUint16(offset, selector, true);
    view.setUint16(offset + 2, attributes, true);
    view.setUint32(offset + 4, 0xffff, true);
    view.setBigUint64(offset + 8, base, true);
  };
  for (const [offset, attributes] of SEGMENTS) segment(offset, 0, attributes, 0n);
  segment(CS, 0xf000, 0x9b, BigInt((eip & 0xffff_0000) >>> 0));
  for (const [offset, value] of REGISTERS) view.setBigUint64(offset, value, true);
  view.setBigUint64(RIP, BigInt(eip & 0xffff), true);
  view.setBigUint64(RDX, BigInt(signature), true);
  if (fpu === 'reset') {
    view.setUint32(MXCSR, 0x1f80, true);
    view.setUint16(X87_FCW, 0x37f, true);
  }
  return page;
}
