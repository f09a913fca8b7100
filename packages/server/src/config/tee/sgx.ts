/** Rules of the owner for Intel SGX. */
import { type DcapVerifierOptions, SGX_FLAG_BITS } from '@assay/evidence/dcap';
import Type, { type Static } from 'typebox';
import { section } from '../field.js';
import { dcapRules, dcapSettings, loosenedDcap } from './dcap.js';
import type { Loosened } from './loosened.js';

/** INIT is always asked for, DEBUG never. */
const FLAGS = ['MODE64BIT', 'PROVISIONKEY', 'EINITTOKENKEY', 'CET', 'KSS', 'AEXNOTIFY'] as const;

export const SgxSettings = section('Rules for evidence of Intel SGX, judged before any policy.', {
  ...dcapSettings('enclave'),
  enclave_flags: Type.Array(Type.Enum([...FLAGS]), {
    description: `Flags that the ATTRIBUTES of an enclave must have, beside INIT: ${FLAGS.map((flag) => `\`${flag}\``).join(', ')}. CONFIGID, which carries the init-data, exists with \`KSS\` alone.`,
    default: [],
  }),
});

type SgxSection = Static<typeof SgxSettings>;

export function sgxRules(settings: SgxSection): DcapVerifierOptions {
  const enclaveFlags = settings.enclave_flags.reduce((bits, flag) => bits | (1n << BigInt(SGX_FLAG_BITS[flag])), 0n);
  return { ...dcapRules(settings), appraisal: { allowDebug: settings.debug_allowed, enclaveFlags } };
}

export function loosenedSgx(settings: SgxSection): readonly Loosened[] {
  return loosenedDcap(settings, 'enclave');
}
