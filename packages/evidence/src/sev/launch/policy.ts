/** The guest policy of SEV and SEV-ES: what the firmware enforces for a guest. */
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';

const BITS = { NODBG: 0, NOKS: 1, ES: 2, NOSEND: 3, DOMAIN: 4, SEV: 5 } as const;
export type SevPolicyBit = keyof typeof BITS;
/** Bits 6 to 15: libraries drop them when they rebuild the word, so a policy that has them is two policies. */
const RESERVED = 0xffc0;

export interface SevPolicy {
  readonly value: number;
  /** Bits that are set, in their order. */
  readonly names: readonly SevPolicyBit[];
  /** Least API version of the firmware that may run the guest. */
  readonly minApi: { readonly major: number; readonly minor: number };
}

/** What the owner wants of guest policies. */
export interface SevPolicyRules {
  /** Refuse guests without encrypted register state. */
  readonly requireEs?: boolean;
  /** Let guests run that the host may debug. */
  readonly allowDebug?: boolean;
  /** Let guests share a key. */
  readonly allowKeySharing?: boolean;
}

/** @param value unsigned, 32 bits */
export function readSevPolicy(value: number): SevPolicy {
  const names = (Object.keys(BITS) as SevPolicyBit[]).filter((name) => ((value >>> BITS[name]) & 1) === 1);
  return { value, names, minApi: { major: (value >>> 16) & 0xff, minor: value >>> 24 } };
}

/** The form of a policy, and what the owner's rules say of it. */
export function checkSevPolicy(value: number, rules: SevPolicyRules = {}): readonly FindingDraft[] {
  const policy = readSevPolicy(value);
  const actual = `0x${value.toString(16)}`;
  if ((value & RESERVED) !== 0) {
    return [
      failed('sev.policy.form', {
        subject: 'policy',
        params: { actual, expected: '0xffc0' },
        expected: 0,
        actual: `0x${(value & RESERVED).toString(16)}`,
        compare: { relation: 'equal', type: 'flags' },
        source: 'SEV API: guest policy',
        origin: { kind: 'spec', document: 'AMD 55766' },
      }),
    ];
  }
  const wanted: readonly SevPolicyBit[] = [
    ...(rules.allowDebug === true ? [] : (['NODBG'] as const)),
    ...(rules.allowKeySharing === true ? [] : (['NOKS'] as const)),
    ...(rules.requireEs === true ? (['ES'] as const) : []),
  ];
  const form = passed('sev.policy.form', 'policy', actual);
  if (wanted.every((name) => policy.names.includes(name))) return [form, passed('sev.guest.policy', 'policy', actual)];
  return [
    form,
    failed('sev.guest.policy', {
      subject: 'policy',
      params: { actual, names: policy.names.join(', ') || 'no bit set', expected: wanted.join(', ') },
      expected: wanted,
      actual: policy.names,
      compare: { relation: 'within', type: 'flags' },
      source: 'settings sev.require_es, sev.allow_debug, sev.allow_key_sharing',
      origin: { kind: 'setting', key: 'sev' },
    }),
  ];
}
