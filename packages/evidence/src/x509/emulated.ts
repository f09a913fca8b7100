import { ATTRIBUTE_TYPE, attributeTexts, type Name } from './name.js';

/** Organization in the names of emulated hardware's certificates: a verifier recognises them, and still refuses them. */
export const EMULATED_ORGANIZATION = 'Assay emulated TEE';

/** Whether a name says that its certificate is of emulated hardware. It proves nothing; it explains a refusal. */
export function saysEmulated(name: Name): boolean {
  return attributeTexts(name, ATTRIBUTE_TYPE.organization).includes(EMULATED_ORGANIZATION);
}
