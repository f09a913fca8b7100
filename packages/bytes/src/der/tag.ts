/** Identifier octets (ITU-T X.690 section 8.1.2) of the universal types that certificates use. */
export const DER_TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  bmpString: 0x1e,
} as const;

/** Identifier octet of a context-specific tag `[number]`. */
export function contextTag(number: number, constructed: boolean): number {
  if (!Number.isInteger(number) || number < 0 || number > 30) throw new RangeError(`tag number ${number}`);
  return 0x80 | (constructed ? 0x20 : 0) | number;
}
