import { DER_TAG, derElement, derOid, derPrintableString, derSequence, derSetOf, derUtf8String } from '@assay/bytes';

const TYPES = {
  CN: '2.5.4.3',
  serialNumber: '2.5.4.5',
  C: '2.5.4.6',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  O: '2.5.4.10',
  OU: '2.5.4.11',
} as const;

/** A distinguished name, in the order of its encoding. */
export type EmulatedName = readonly (readonly [type: keyof typeof TYPES, value: string])[];

/** Names as both vendors encode them: the country PrintableString, everything else UTF8String. */
export function encodeName(name: EmulatedName): Uint8Array {
  return derSequence(
    ...name.map(([type, value]) =>
      derSetOf(derSequence(derOid(TYPES[type]), type === 'C' ? derPrintableString(value) : derUtf8String(value))),
    ),
  );
}

/** IA5String, which product names and URLs use. */
export function derIa5String(text: string): Uint8Array {
  return derElement(DER_TAG.ia5String, Buffer.from(text, 'latin1'));
}
