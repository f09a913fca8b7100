import { DecodeError } from '@assay/bytes';

const FORM = /^([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/i;

/** 16 bytes of a GUID, its first three fields little-endian as UEFI stores them. @throws DecodeError */
export function guidBytes(text: string): Uint8Array {
  const fields = FORM.exec(text);
  if (fields === null) throw new DecodeError('GUID', 'not of the form 8-4-4-4-12 hex digits');
  const [a = '', b = '', c = '', d = '', e = ''] = fields.slice(1);
  const reversed = (hex: string): Buffer => Buffer.from(hex, 'hex').reverse();
  return Uint8Array.from([...reversed(a), ...reversed(b), ...reversed(c), ...Buffer.from(d + e, 'hex')]);
}

/** The GUID of 16 stored bytes, in lower case. */
export function guidText(bytes: Uint8Array): string {
  const hex = (from: number, to: number): string => Buffer.from(bytes.subarray(from, to)).toString('hex');
  const reversed = (from: number, to: number): string => Buffer.from(bytes.slice(from, to).reverse()).toString('hex');
  return `${reversed(0, 4)}-${reversed(4, 6)}-${reversed(6, 8)}-${hex(8, 10)}-${hex(10, 16)}`;
}
