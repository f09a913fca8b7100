/** Rules of the owner for AWS Nitro Enclaves. */
import type { NitroRules } from '@assay/evidence/nitro';
import Type, { type Static } from 'typebox';
import { Count, Flag, section } from '../field.js';
import type { Loosened } from './loosened.js';

export const NitroSettings = section('Rules for evidence of AWS Nitro Enclaves, judged before any policy.', {
  debug_allowed: Flag(
    'Accept enclaves in debug mode, whose PCR0 to PCR2 are zero and whose console the host can read. Claims and a warning still say so; for development only.',
    false,
  ),
  report_data: Type.Enum(['user_data', 'nonce'], {
    description:
      'Member of the attestation document that carries the report data: its digest as it is, or zero-padded to 64 bytes. The other member is a claim and binds nothing.',
    default: 'user_data',
  }),
  clock_skew: Count(
    'Seconds by which this server’s clock may be behind that of AWS: so much later may a certificate begin or a document be made. No certificate lives longer by it.',
    60,
    0,
    3600,
  ),
});

type NitroSection = Static<typeof NitroSettings>;

/** What the verifier of `@assay/evidence` takes. */
export function nitroRules(settings: NitroSection): NitroRules {
  return {
    debugAllowed: settings.debug_allowed,
    reportData: settings.report_data,
    clockSkew: settings.clock_skew,
  };
}

export function loosenedNitro(settings: NitroSection): readonly Loosened[] {
  if (!settings.debug_allowed) return [];
  return [{ key: 'debug_allowed', actual: true, why: 'the host can see into an enclave that is accepted' }];
}
