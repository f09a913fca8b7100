/** Verdicts that the rendering tests share: a measurement that is not registered, a policy that compares two encodings. */
import { failed, notChecked, passed, warned } from '../make.js';
import type { FindingDraft, Verdict } from '../model.js';
import { assembleVerdict } from '../verdict.js';

const MEASUREMENT = 'a1f3930413247bb38cfc171579ea3c12d5fe4901f0c792f63fd75d98f1ef827c23500644e0e692e6be917f9050d3d38c';
const MEASUREMENT_BASE64 = 'ofOTBBMke7OM/BcVeeo8EtX+SQHwx5L2P9ddmPHvgnwjUAZE4OaS5r6Rf5BQ09OM';
const FOUND = '4953b1fb416fa874980e8442b3706d345926d5f38879134e00813c5d7abcbe78eafe7b422907be0b4698e2414a631942';
const REGISTERED = [
  '329c8ce0972ae52343b64d34a434a86f245dfd74f5ed7aae15d22efc78fb9683632b9b50e4e1d7fa41179ef98a7ef198',
  'e1e1ca029dd7973ab9513295be68198472dcd4fc834bd9af9b63f6e8a1674dbf281a9278a4a2ebe0eed9f22adbcd0e2b',
];

const authentic = (count: number): FindingDraft[] =>
  Array.from({ length: count }, (_, index) =>
    passed(index === 0 ? 'binding.report-data.match' : 'evidence.json.form', 'report'),
  );

const tier = (claims: string, causedBy: FindingDraft['causedBy'] & {}): FindingDraft =>
  failed('policy.tier.accepted', {
    subject: 'cpu0',
    params: { submod: 'cpu0', tier: 'warning', claims },
    expected: 'affirming',
    actual: 'warning',
    source: 'AR4SI trustworthiness tiers',
    causedBy,
  });

const release = failed('resource.policy.allows', {
  subject: 'kbs:///default/key/1',
  params: { resource: 'kbs:///default/key/1', location: 'affirming:7', why: 'status is not affirming' },
  expected: 'affirming',
  actual: 'warning',
  source: 'resource policy affirming, rule allow, line 7',
  causedBy: ['policy.tier.accepted'],
});

/** A measurement that is none of the registered ones, with the confirmed cause. */
export function measurementVerdict(): Verdict {
  return assembleVerdict({
    kind: 'snp',
    attempt: '5wq8k2n7r0gj',
    at: new Date('2026-11-21T10:02:13Z'),
    asked: true,
    tiers: { cpu0: 'warning' },
    findings: [
      ...authentic(38),
      failed('rv.match.any', {
        subject: 'snp.measurement',
        params: { claim: 'measurement', actual: FOUND, none: 'none of the 2 values', name: 'snp_launch_measurement' },
        expected: REGISTERED,
        actual: FOUND,
        compare: { relation: 'one-of', type: 'digest' },
        source: 'reference value snp_launch_measurement, set by ana@example.org on 2026-11-02, ends 2027-11-02',
        remedy:
          'If 4 vCPUs are intended, register that value. Otherwise launch with 1 vCPU (Kata: default_vcpus, cpu limits of the pod).',
        actions: [
          { run: 'assay rv set snp_launch_measurement --recipe guest-image-0.17.0 --vcpus 4 --add', on: 'owner' },
        ],
        causes: [
          {
            text: 'the guest was launched with 4 vCPUs: guest-image 0.17.0 with 4 instead of 1 gives exactly 4953b1fb…1942; firmware, kernel, initrd, command line, vCPU type and guest features are the same',
            confirmed: true,
          },
        ],
      }),
      failed('policy.rule.unmet', {
        subject: 'cpu0',
        params: { rule: 'executables', value: 33, location: 'default_cpu.rego:52', why: 'not in the list' },
        compare: {
          relation: 'rule',
          type: 'digest',
          operator: 'in',
          text: 'input.snp.measurement in query_reference_value("snp_launch_measurement")',
          held_before: 0,
          bodies: 1,
        },
        origin: {
          kind: 'policy',
          policy: 'default_cpu',
          rule: 'data.policy.executables',
          location: 'default_cpu.rego:52:2',
        },
        causedBy: ['rv.match.any'],
      }),
      tier('executables = 33', ['policy.rule.unmet']),
      release,
      warned('rv.value.ending', {
        subject: 'snp_bootloader',
        params: { name: 'snp_bootloader', time: '2026-11-30T00:00:00Z', distance: '9 days' },
      }),
    ],
  });
}

/** A policy that compares hexadecimal with base64. */
export function encodingVerdict(): Verdict {
  return assembleVerdict({
    kind: 'snp',
    attempt: '7tf2m9d4x1qa',
    at: new Date('2026-11-21T10:07:40Z'),
    asked: true,
    tiers: { cpu0: 'warning' },
    findings: [
      ...authentic(39),
      failed('policy.compare.encoding', {
        subject: 'cpu0',
        params: { path: 'input.snp.measurement', left: 'hex', other: 'literal', right: 'base64' },
        expected: MEASUREMENT_BASE64,
        actual: MEASUREMENT,
        compare: {
          relation: 'rule',
          type: 'bytes',
          operator: '==',
          text: 'input.snp.measurement == "ofOTBBMk…09OM"',
          held_before: 0,
          bodies: 1,
          left: { origin: { claim: 'input.snp.measurement' }, value: MEASUREMENT, encoding: 'hex', length: 48 },
          right: { origin: { literal: true }, value: MEASUREMENT_BASE64, encoding: 'base64', length: 48 },
        },
        source: 'claims table: snp.measurement is lower-case hex',
        origin: {
          kind: 'policy',
          policy: 'default_cpu',
          rule: 'data.policy.executables',
          location: 'default_cpu.rego:14:2',
        },
        remedy: 'Write the literal of line 14 in lower-case hex; this prints the changed file.',
        actions: [{ run: 'assay policy lint default_cpu --fix', on: 'owner' }],
        causes: [
          {
            text: 'as texts the two are never equal, so this rule is false for every guest; decoded they are the same 48 bytes',
            confirmed: true,
          },
        ],
      }),
      tier('executables = 33', ['policy.compare.encoding']),
      release,
    ],
  });
}

/** Nothing failed; something was not asked. */
export function acceptedVerdict(): Verdict {
  return assembleVerdict({
    kind: 'sample',
    at: new Date('2025-10-19T18:48:50Z'),
    asOf: true,
    asked: true,
    tiers: { cpu0: 'affirming' },
    findings: [
      ...authentic(4),
      notChecked('binding.init-data.match', 'not compared: no init-data was given', { subject: 'MRCONFIGID' }),
    ],
  });
}

/** Many roots with long texts: too much for one screen. */
export function crowdedVerdict(): Verdict {
  const words = Array.from({ length: 60 }, (_, index) => `word${index}`).join(' ');
  return assembleVerdict({
    kind: 'tdx',
    attempt: 'crowded',
    at: new Date('2026-11-21T10:07:40Z'),
    asked: true,
    findings: Array.from({ length: 14 }, (_, index) =>
      failed('rv.value.present', {
        subject: `name${index}`,
        params: { name: `name${index}`, nearest: 'none is registered' },
        causes: [{ text: words, confirmed: true }],
        expected: Array.from({ length: 9 }, (_, n) => `value ${n}`),
      }),
    ),
  });
}
