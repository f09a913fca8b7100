/** Rules of the owner for Intel TDX. */
import type { DcapVerifierOptions } from '@assay/evidence/dcap';
import Type, { type Static } from 'typebox';
import { Flag, section } from '../field.js';
import { dcapRules, dcapSettings, loosenedDcap } from './dcap.js';
import type { Loosened } from './loosened.js';

/** SHA-384 in hex, as RTMRs are made of. */
const digests = (what: string) =>
  Type.Optional(
    Type.Array(Type.String({ pattern: '^[0-9a-f]{96}$', examples: ['SHA-384 in 96 hex digits, lower case'] }), {
      description: `SHA-384 of ${what}. A TD that booted another one, or shows no event log, is refused.`,
    }),
  );

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
  event_log_required: Flag('Accept no TD without the event log of its boot (CCEL).', false),
  kernel_digests: digests(
    'the EFI applications that firmware may load, as its event log has them: the kernel, and boot loaders before it',
  ),
  cmdline_digests: digests('kernel command lines, as the Linux EFI stub measures them: UTF-16LE with its NUL'),
  initrd_digests: digests('initrds, as the Linux EFI stub measures them'),
  secure_boot_required: Flag('Accept no TD unless its firmware measured Secure Boot as on.', false),
});

type TdxSection = Static<typeof TdxSettings>;

export function tdxRules(settings: TdxSection): DcapVerifierOptions {
  const { cmdline_digests: commandLines, initrd_digests: initrds, kernel_digests: kernels } = settings;
  return {
    ...dcapRules(settings),
    appraisal: {
      allowDebug: settings.debug_allowed,
      allowUnknownAttributes: settings.unknown_attributes_allowed,
      allowSeptVe: settings.sept_ve_allowed,
    },
    events: {
      logRequired: settings.event_log_required,
      secureBoot: settings.secure_boot_required,
      ...(kernels === undefined ? {} : { kernels }),
      ...(commandLines === undefined ? {} : { commandLines }),
      ...(initrds === undefined ? {} : { initrds }),
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
