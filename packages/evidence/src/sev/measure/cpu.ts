/** CPUID signatures by QEMU's names of processors. */
const SIGNATURES: { readonly [model: string]: number } = {
  EPYC: 0x800f12,
  'EPYC-v1': 0x800f12,
  'EPYC-v2': 0x800f12,
  'EPYC-v3': 0x800f12,
  'EPYC-v4': 0x800f12,
  'EPYC-IBPB': 0x800f12,
  'EPYC-Rome': 0x830f10,
  'EPYC-Rome-v1': 0x830f10,
  'EPYC-Rome-v2': 0x830f10,
  'EPYC-Rome-v3': 0x830f10,
  'EPYC-Milan': 0xa00f11,
  'EPYC-Milan-v1': 0xa00f11,
  'EPYC-Milan-v2': 0xa00f11,
};

/** Names that {@link cpuSignatureOf} knows. */
export const CPU_MODELS: readonly string[] = Object.keys(SIGNATURES);

/** Signature of a model by its name; undefined for an unknown one. */
export function cpuSignatureOf(model: string): number | undefined {
  return Object.hasOwn(SIGNATURES, model) ? SIGNATURES[model] : undefined;
}

/** CPUID signature (leaf 1, EAX) of family, model and stepping as processors are named: family 25 is 0x19. */
export function cpuSignature(family: number, model: number, stepping: number): number {
  const low = Math.min(family, 15);
  const extended = family > 15 ? family - 15 : 0;
  return ((extended << 20) | ((model >>> 4) << 16) | (low << 8) | ((model & 0xf) << 4) | (stepping & 0xf)) >>> 0;
}
