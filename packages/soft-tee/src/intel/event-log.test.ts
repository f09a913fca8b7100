import { createHash, randomBytes } from 'node:crypto';
import { encodeHex, encodeUtf8 } from '@assay/bytes';
import { createTdxVerifier, type Verifier, type VerifierResult } from '@assay/evidence';
import type { EventRules } from '@assay/evidence/eventlog';
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

function verify(overrides: TdxOverrides, by: Verifier = verifier): VerifierResult {
  const collateral = world.intel.collateral({ tee: 'tdx', platform: world.intel.platform() });
  return by.verify({
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
  for (const word of [
    '"uefi_event_logs"',
    'File(kernel)',
    'LOADED_IMAGE::LoadOptions',
    '"Linux initrd"',
    '"operation":"PullImage"',
  ]) {
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

test('the owner’s rules for the boot of a TD: each refuses what it does not know, and lets the rest through', () => {
  const sha384 = (bytes: Uint8Array): string => createHash('sha384').update(bytes).digest('hex');
  const boot = { kernel: encodeUtf8('kernel'), cmdline: 'console=hvc0', initrd: encodeUtf8('initrd') };
  const log = emulatedEventLog(bootEvents({ ...boot, secureBoot: true }));
  const good = {
    logRequired: true,
    secureBoot: true,
    kernels: [sha384(boot.kernel)],
    commandLines: [sha384(Buffer.from(`${boot.cmdline}\0`, 'utf16le'))],
    initrds: [sha384(boot.initrd)],
  };
  const failuresWith = (rules: EventRules, overrides: TdxOverrides): string[] => {
    const judging = createTdxVerifier({ emulatedRoots: [world.anchors().intel], events: rules });
    const result = verify(overrides, judging);
    expect(result.accepted).toBe(result.findings.every(({ outcome }) => outcome !== 'fail'));
    return result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
  };
  expect(failuresWith(good, { eventLog: log })).toEqual([]);
  expect(failuresWith(good, {})).toEqual(['eventlog.log.missing']);
  const strange = emulatedEventLog(
    bootEvents({ kernel: encodeUtf8('x'), cmdline: 'y', initrd: encodeUtf8('z'), secureBoot: false }),
  );
  expect(failuresWith(good, { eventLog: strange })).toEqual([
    'eventlog.event.kernel',
    'eventlog.event.cmdline',
    'eventlog.event.initrd',
    'eventlog.event.secure-boot',
  ]);
  // A log of another boot is refused for that, and vouches for nothing.
  expect(new Set(failuresWith(good, { eventLog: { ...strange, log: log.log } }))).toEqual(
    new Set(['eventlog.register.replay']),
  );
});
