/** Registers of a TPM in settings: texts of their numbers, as every list of settings. */
import Type from 'typebox';

export const requiredPcrs = Type.Array(
  Type.String({ pattern: '^([0-9]|1[0-9]|2[0-3])$', examples: ['a register’s number, `"7"`'] }),
  {
    description:
      'Registers (PCRs) of the SHA-256 bank that every quote must cover, `["4", "7"]`. What a quote leaves out is no claim, so policies that read a register refuse without it as well.',
    default: [],
  },
);

export function pcrNumbers(texts: readonly string[]): readonly number[] {
  return texts.map(Number);
}
