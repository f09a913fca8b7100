/** Product lines of AMD EPYC, as AMD's key distribution service names them: Bergamo and Siena are `Genoa` there. */
export const PRODUCTS = ['Milan', 'Genoa', 'Turin'] as const;
export type Product = (typeof PRODUCTS)[number];

export function isProduct(text: string): text is Product {
  return (PRODUCTS as readonly string[]).includes(text);
}

/** Product line of the combined CPUID family and model; undefined for those that have no pinned root here. */
export function productOfCpuid(family: number, model: number): Product | undefined {
  if (family === 0x19) {
    if (model <= 0x0f) return 'Milan';
    // 0x10 to 0x1f Genoa, 0xa0 to 0xaf Bergamo and Siena.
    return (model >= 0x10 && model <= 0x1f) || (model >= 0xa0 && model <= 0xaf) ? 'Genoa' : undefined;
  }
  return family === 0x1a && model <= 0x11 ? 'Turin' : undefined;
}
