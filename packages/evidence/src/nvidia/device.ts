/** What is known of one device before its report is compared with anything: its architecture, by its leaf certificate. */
import type { Certificate } from '../x509/index.js';

export const ARCHITECTURES = ['HOPPER', 'BLACKWELL', 'LS10'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** Spellings of evidence: exactly these. */
const SPELLINGS: ReadonlyMap<string, Architecture> = new Map([
  ['Hopper', 'HOPPER'],
  ['HOPPER', 'HOPPER'],
  ['Blackwell', 'BLACKWELL'],
  ['BLACKWELL', 'BLACKWELL'],
  ['LS10', 'LS10'],
]);

/** How claims of local verification spell it. */
export const CLAIMED: { readonly [arch in Architecture]: string } = {
  HOPPER: 'Hopper',
  BLACKWELL: 'Blackwell',
  LS10: 'LS10',
};

/** Chips by the first word of the leaf's common name: `GH100 A01 GSP FMC LF`. */
const CHIPS: readonly (readonly [RegExp, Architecture])[] = [
  [/^GH\d{3}\b/, 'HOPPER'],
  [/^GB\d{3}\b/, 'BLACKWELL'],
  [/^LS_?10\b/, 'LS10'],
];

export function architectureOf(leaf: Certificate): Architecture | undefined {
  const name = leaf.subject.commonName ?? '';
  return CHIPS.find(([pattern]) => pattern.test(name))?.[1];
}

export function parseArchitecture(text: string): Architecture | undefined {
  return SPELLINGS.get(text);
}

export function isSwitch(arch: Architecture | undefined): boolean {
  return arch === 'LS10';
}
