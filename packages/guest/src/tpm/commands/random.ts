import { DecodeError } from '@assay/bytes';
import { TpmWriter } from '@assay/evidence/tpm';
import { CC } from '../constants.js';
import { parametersOf, sized, type Tpm } from '../tpm.js';

/** Bytes asked for at a time: the size of the largest digest, which a TPM must be able to give. */
const AT_ONCE = 32;
const NAME = 'TPM2_GetRandom';

/** Random bytes of the TPM. */
export async function random(tpm: Tpm, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const wanted = Math.min(AT_ONCE, length - at);
    const answer = await tpm.execute({
      name: NAME,
      code: CC.getRandom,
      parameters: new TpmWriter().u16(wanted).finish(),
    });
    const got = parametersOf(NAME, answer, (reader) => {
      const some = sized(reader, 'random bytes', wanted);
      if (some.length === 0) throw new DecodeError(NAME, 'no random bytes');
      return some;
    });
    bytes.set(got, at);
    at += got.length;
  }
  return bytes;
}
