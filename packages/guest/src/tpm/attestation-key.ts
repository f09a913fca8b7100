import { flushing } from './commands/context.js';
import { createPrimary, type LoadedKey, readPublicKey } from './commands/object.js';
import { RH } from './constants.js';
import { akTemplate, type KeyKind } from './templates.js';
import type { Tpm } from './tpm.js';

/**
 * Which attestation key: the primary key that the endorsement hierarchy gives for the template of its kind (the same
 * each time, kept nowhere), or one that was made persistent before.
 */
export type AttestationKeyChoice = { readonly kind: KeyKind } | { readonly handle: number };

/** Does the work with the attestation key; one that was made for it is flushed afterwards. */
export async function withAttestationKey<T>(
  tpm: Tpm,
  choice: AttestationKeyChoice,
  work: (key: LoadedKey) => Promise<T>,
): Promise<T> {
  if ('handle' in choice) return work(await readPublicKey(tpm, choice.handle));
  const key = await createPrimary(tpm, RH.endorsement, akTemplate(choice.kind));
  return flushing.after(tpm, key.handle, () => work(key));
}
