import { randomBytes } from 'node:crypto';
import { encodeHex, encodeUtf8 } from '@assay/bytes';
import { createTdxVerifier, type VerifierResult } from '@assay/evidence';
import { expect, test } from 'vitest';
import { agentEvent, bootEvents, createTestWorld, emulatedEventLog, type TdxOverrides, tdxEvidence } from '../index.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const world = createTestWorld({ now: () => NOW, random: randomBytes });
const verifier = createTdxVerifier({ emulatedRoots: [world.anchors().intel] });

const PULL = agentEvent('github.com/confidential-containers', 'PullImage', '{"digest":"sha256:00","image":"alpine"}');
const eventLog = emulatedEventLog([
  ...bootEvents({ kernel: encodeUtf8('kernel'), cmdline: 'console=hvc0', initrd: encodeUtf8('initrd') }),
  PULL,
]);

function verify(overrides: TdxOverrides): VerifierResult {
  const collateral = world.intel.collateral({ tee: 'tdx', platform: world.intel.platform() });
  return verifier.verify({
    evidence: tdxEvidence(world, randomBytes(48), overrides),
    endorsements: { collateral: encodeUtf8(JSON.stringify(collateral)) },
    reportData: undefined,
    initData: undefined,
    now: NOW,
  });
}

test('an event of the agent extends RTMR3 to the published value', () => {
  expect(encodeHex(emulatedEventLog([PULL]).rtmrs[3])).toBe(
    '2ba7c3c7b0adfad288144b7e9608efb75bb21b6af62da85e0a2ca592827c5a3881ccddb5c31deb29abe3024b65ff2a2e',
  );
});

test('a log that replays becomes claims', () => {
  const result = verify({ eventLog });
  expect(result.findings.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
  expect(result.accepted).toBe(true);
  const claims = JSON.stringify(result.accepted && result.claimSets);
  for (const word of ['"uefi_event_logs"', 'File(kernel)', 'kernel_cmdline: console=hvc0', '"operation":"PullImage"']) {
    expect(claims).toContain(word);
  }
});

test('a log that does not replay is refused', () => {
  const other = emulatedEventLog([
    ...bootEvents({ kernel: encodeUtf8('other'), cmdline: 'console=hvc0', initrd: encodeUtf8('initrd') }),
    PULL,
  ]);
  const result = verify({ eventLog: { ...eventLog, log: other.log } });
  expect(result.accepted).toBe(false);
  const replay = result.findings.filter(({ id, outcome }) => id === 'eventlog.register.replay' && outcome === 'fail');
  expect(replay.map(({ subject }) => subject)).toEqual(['RTMR1']);
});
