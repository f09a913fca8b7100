import { describe, expect, test } from 'vitest';
import { judge } from '../testing/run.js';
import { type JsonMap, moduleLevel, put, type Spoil, tcbLevel } from '../testing/world.js';
import { type ModuleStatus, mergeStatus, TCB_STATUSES, type TcbStatus } from './status.js';

describe('merge', () => {
  const table: readonly (readonly [TcbStatus, TcbStatus])[] = [
    ['UpToDate', 'OutOfDate'],
    ['SWHardeningNeeded', 'OutOfDate'],
    ['ConfigurationNeeded', 'OutOfDateConfigurationNeeded'],
    ['ConfigurationAndSWHardeningNeeded', 'OutOfDateConfigurationNeeded'],
    ['TDRelaunchAdvised', 'TDRelaunchAdvised'],
    ['TDRelaunchAdvisedConfigurationNeeded', 'TDRelaunchAdvisedConfigurationNeeded'],
    ['OutOfDate', 'OutOfDate'],
    ['OutOfDateConfigurationNeeded', 'OutOfDateConfigurationNeeded'],
    ['Revoked', 'Revoked'],
  ];
  test.each(table)('%s with a part that is OutOfDate is %s', (platform, merged) => {
    expect(mergeStatus(platform, 'OutOfDate')).toBe(merged);
    expect(mergeStatus(platform, 'UpToDate')).toBe(platform);
    expect(mergeStatus(platform, 'Revoked')).toBe('Revoked');
  });

  test('never makes a status better', () => {
    for (const platform of TCB_STATUSES) {
      for (const part of ['UpToDate', 'OutOfDate', 'Revoked'] satisfies ModuleStatus[]) {
        const merged = mergeStatus(platform, part);
        expect(TCB_STATUSES.indexOf(merged)).toBeGreaterThanOrEqual(TCB_STATUSES.indexOf(platform));
      }
    }
  });
});

describe('relaunch', () => {
  // Launched with module SVN 2 (OutOfDate); the module that runs now has SVN 4 (UpToDate).
  const launched = (body: Uint8Array): Uint8Array => put(body, 0, 2);
  const base: Spoil = { version: 5, tdReport15: true, body: launched };
  const status = (spoil: Spoil): TcbStatus | undefined =>
    judge({ ...base, ...spoil }).authentication?.authentic?.tcb.status;
  const current =
    (...svn: readonly number[]) =>
    (body: Uint8Array) =>
      put(launched(body), 584, ...svn);
  const levels =
    (...tcbLevels: JsonMap[]) =>
    (document: JsonMap): JsonMap => ({ ...document, tcbLevels });

  test('is advised when the module that runs now would be good', () => {
    expect(status({})).toBe('TDRelaunchAdvised');
    expect(judge(base).warned).toEqual(['tdx.module.level', 'dcap.tcb.relaunch']);
    expect(status({ tdReport15: false })).toBe('OutOfDate');
  });

  test.each<[string, Spoil, TcbStatus]>([
    ['module that runs now is one too old', { body: current(3) }, 'OutOfDate'],
    ['microcode of the latest level is not reached', { body: current(4, 1, 0), tcbInfo: latestTdx(2, 1) }, 'OutOfDate'],
    [
      'microcode of the latest level is reached',
      { body: current(4, 1, 1), tcbInfo: latestTdx(2, 1) },
      'TDRelaunchAdvised',
    ],
    [
      'module of version 0 that reaches the latest level',
      { body: current(9, 0, 0), tcbInfo: latestTdx(0, 9) },
      'TDRelaunchAdvised',
    ],
    ['module of version 0 below it', { body: current(8, 0, 0), tcbInfo: latestTdx(0, 9) }, 'OutOfDate'],
    ['quoting enclave OutOfDate', { qeReport: (r) => put(r, 258, 6) }, 'OutOfDate'],
    ['quoting enclave Revoked', { qeReport: (r) => put(r, 258, 5) }, 'Revoked'],
    ['platform OutOfDate on SGX components', { tcbInfo: levels(tcbLevel('tdx', 5, 'OutOfDate')) }, 'OutOfDate'],
    ['module good at launch', { body: (b) => put(b, 0, 4) }, 'UpToDate'],
    [
      'configuration of the platform',
      { tcbInfo: levels(tcbLevel('tdx', 5, 'ConfigurationNeeded')) },
      'TDRelaunchAdvisedConfigurationNeeded',
    ],
    [
      'configuration and hardening of the platform',
      { tcbInfo: levels(tcbLevel('tdx', 5, 'ConfigurationAndSWHardeningNeeded')) },
      'TDRelaunchAdvisedConfigurationNeeded',
    ],
    ['hardening of the platform', { tcbInfo: levels(tcbLevel('tdx', 5, 'SWHardeningNeeded')) }, 'TDRelaunchAdvised'],
  ])('%s', (_, spoil, expected) => {
    expect(status(spoil)).toBe(expected);
  });

  test('an unknown module that runs now is refused, but only where it would be asked', () => {
    expect(judge({ ...base, body: current(4, 2, 0) }).failed).toEqual(['tdx.module.identity']);
    expect(judge({ ...base, body: (b) => put(b, 584, 4, 2, 0) }).failed).toEqual([]);
  });

  /** The first level wants an SVN of one TDX component; a second one is reached by all. */
  function latestTdx(index: number, svn: number) {
    return (document: JsonMap): JsonMap => {
      const latest = structuredClone(tcbLevel('tdx', 5, 'UpToDate', 12)) as {
        tcb: { tdxtcbcomponents: { svn: number }[] };
      };
      const component = latest.tcb.tdxtcbcomponents[index];
      if (component !== undefined) component.svn = svn;
      return { ...document, tcbLevels: [latest as unknown as JsonMap, tcbLevel('tdx', 5, 'UpToDate', 11)] };
    };
  }
});

test('module advisories and dates come from the levels that were used', () => {
  const tcbInfo = (document: JsonMap): JsonMap => ({
    ...document,
    tdxModuleIdentities: (document['tdxModuleIdentities'] as JsonMap[]).map((identity) => ({
      ...identity,
      id: 'tdx_01',
      tcbLevels: [
        moduleLevel(4, 'UpToDate', ['INTEL-SA-9']),
        moduleLevel(2, 'OutOfDate', ['INTEL-SA-1', 'INTEL-SA-00002']),
      ],
    })),
  });
  const spoil = { tcbInfo, body: (b: Uint8Array) => put(b, 0, 3), qeReport: (r: Uint8Array) => put(r, 258, 6) };
  expect(judge(spoil).authentication?.authentic?.tcb.advisoryIds).toEqual(['INTEL-SA-1', 'INTEL-SA-00002']);
});
