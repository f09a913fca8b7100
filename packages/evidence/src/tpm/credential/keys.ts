/** What an endorsement key and an attestation key must be, by their public areas. Each question is answered on its own. */
import { hashOf, type ObjectAttribute, type PublicArea, TPM_ALG } from '../structures/index.js';

/** Set and not set on a key that may sign quotes: it then signs only what its TPM made, and no other TPM has it. */
const ATTESTATION = {
  set: ['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'restricted', 'sign'],
  clear: ['decrypt'],
} as const;

/** Set and not set on an endorsement key, a restricted decryption key of its TPM. */
const ENDORSEMENT = {
  set: ['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'restricted', 'decrypt'],
  clear: ['sign'],
} as const;

const SIGNING: readonly number[] = [TPM_ALG.rsassa, TPM_ALG.rsapss, TPM_ALG.ecdsa];
const SMALLEST_RSA = 2048;
const SHORTEST_DIGEST = 32;

/** What keeps a key from being an attestation key, one line each; empty when nothing does. */
export function attestationKeyFaults(area: PublicArea): readonly string[] {
  const { scheme } = area;
  const faults = [...attributeFaults(area, ATTESTATION), ...strengthFaults(area)];
  if (scheme === undefined || !SIGNING.includes(scheme.algorithm)) {
    faults.push('has no signing scheme of its own; RSASSA, RSAPSS or ECDSA is wanted');
  } else if (scheme.hash === undefined || hashOf(scheme.hash).size < SHORTEST_DIGEST) {
    faults.push(`signs with ${scheme.hash ?? 'no hash'}; SHA-256 or longer is wanted`);
  }
  return faults;
}

/** What keeps a key from being an endorsement key, one line each; empty when nothing does. */
export function endorsementKeyFaults(area: PublicArea): readonly string[] {
  return [...attributeFaults(area, ENDORSEMENT), ...strengthFaults(area)];
}

/** Attributes that a quote's key lacks, or must not have. */
function attributeFaults(
  { attributes }: PublicArea,
  wanted: { readonly set: readonly ObjectAttribute[]; readonly clear: readonly ObjectAttribute[] },
): string[] {
  const missing = wanted.set.filter((attribute) => !attributes.has(attribute));
  const extra = wanted.clear.filter((attribute) => attributes.has(attribute));
  return [
    ...(missing.length === 0 ? [] : [`lacks ${missing.join(', ')}`]),
    ...(extra.length === 0 ? [] : [`must not have ${extra.join(', ')}`]),
  ];
}

function strengthFaults(area: PublicArea): string[] {
  const faults: string[] = [];
  if (hashOf(area.nameAlg).size < SHORTEST_DIGEST)
    faults.push(`is named with ${area.nameAlg}; SHA-256 or longer is wanted`);
  if (area.type === 'rsa' && area.keyBits < SMALLEST_RSA)
    faults.push(`is RSA of ${area.keyBits} bits; 2048 is the least`);
  return faults;
}
