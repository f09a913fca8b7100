/** HSK and CEK as the vendor serves them: 2916 bytes, HSK then CEK, under the chip's serial number. */
import { DecodeError } from '@assay/bytes';
import type { Endorsements } from '../verifier.js';
import { CA_SIZE, HSK_CEK_SIZE } from './certificate/certificate.js';
import type { HskCek } from './verify.js';

/** Name of the endorsement of one chip; `hsk_cek` alone stands for any. */
export function hskCekName(serial: string): string {
  return `hsk_cek/${serial}`;
}

/** Cuts what `cert.hygon.cn` answers in two. @throws DecodeError */
export function splitHskCek(bytes: Uint8Array): { readonly hsk: Uint8Array; readonly cek: Uint8Array } {
  if (bytes.length !== HSK_CEK_SIZE) {
    throw new DecodeError('hsk_cek', `${bytes.length} bytes; ${HSK_CEK_SIZE} are right`, 0);
  }
  return { hsk: bytes.subarray(0, CA_SIZE), cek: bytes.subarray(CA_SIZE) };
}

/** The endorsement of a chip; what is not cut in two is left to the chain, which says what is wrong with it. */
export function endorsedHskCek(endorsements: Endorsements, serial: string): HskCek | undefined {
  const bytes = [hskCekName(serial), 'hsk_cek'].flatMap((name) => {
    const found = Object.hasOwn(endorsements, name) ? endorsements[name] : undefined;
    return found === undefined || found.length === 0 ? [] : [found];
  })[0];
  if (bytes === undefined) return undefined;
  return { hsk: bytes.subarray(0, CA_SIZE), cek: bytes.subarray(CA_SIZE), from: 'endorsement' };
}
