import { AttesterError } from '../attester-error.js';

/** Report data filled with zeros to the size of its field. @throws AttesterError when it is larger: cutting would bind less than was asked */
export function padded(reportData: Uint8Array, length: number): Uint8Array {
  if (reportData.length > length)
    throw new AttesterError(`report data has ${reportData.length} bytes; its field has ${length}`);
  const field = new Uint8Array(length);
  field.set(reportData);
  return field;
}
