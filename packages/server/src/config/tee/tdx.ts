/** Rules of the owner for Intel TDX. */
import type { DcapVerifierOptions } from '@assay/evidence/dcap';
import type { Static } from 'typebox';
import { Flag, section } from '../field.js';
import { dcapRules, dcapSettings, loosenedDcap } from './dcap.js';
import type { Loosened } from './loosened.js';

export const TdxSettings = section('Rules for evidence of Intel TDX, judged before any policy.', {
  ...dcapSettings('TD'),
  unknown_attributes_allowed: Flag(
    'Accept TDs with bits in TDATTRIBUTES or XFAM whose meaning this release does not know.',
    false,
  ),
  sept_ve_allowed: Flag(
    'Accept TDs without SEPT_VE_DISABLE: the host can then interrupt the guest with #VE at any access to its memory.',
    false,
  ),
});

type TdxSection = Static<typeof TdxSettings>;

export function tdxRules(settings: TdxSection): DcapVerifierOptions {
  return {
    ...dcapRules(settings),
    appraisal: {
      allowDebug: settings.debug_allowed,
      allowUnknownAttributes: settings.unknown_attributes_allowed,
      allowSeptVe: settings.sept_ve_allowed,
    },
  };
}

export function loosenedTdx(settings: TdxSection): readonly Loosened[] {
  return [
    ...loosenedDcap(settings, 'TD'),
    ...(settings.unknown_attributes_allowed
      ? [{ key: 'unknown_attributes_allowed', actual: true, why: 'attributes that nobody here can judge are accepted' }]
      : []),
    ...(settings.sept_ve_allowed
      ? [{ key: 'sept_ve_allowed', actual: true, why: 'the host may interrupt a TD at each access to its memory' }]
      : []),
  ];
}
