/** What is said of a level that is not UpToDate: which components fall short, what to do, which finding is the cause. */
import { describe, expect, test } from 'vitest';
import { judge } from '../testing/run.js';
import { type JsonMap, put, type Spoil, tcbLevel } from '../testing/world.js';

const levels =
  (...tcbLevels: JsonMap[]) =>
  (document: JsonMap): JsonMap => ({ ...document, tcbLevels });
const said = (spoil: Spoil) => judge(spoil).findings.find(({ id }) => id === 'dcap.tcb.level');
const rowsOf = (spoil: Spoil): string[] =>
  (said(spoil)?.compare?.rows ?? []).map((row) => `${row['component']} ${row['has']} < ${row['wants']}`);

describe('components', () => {
  const below = tcbLevel('tdx', 5, 'OutOfDate', 5);

  test.each<[string, JsonMap, string[]]>([
    ['an SGX component', tcbLevel('tdx', 6, 'UpToDate', 13), ['sgx[0] 5 < 6']],
    ['the PCE', tcbLevel('tdx', 5, 'UpToDate', 14), ['pcesvn 13 < 14']],
    ['both', tcbLevel('tdx', 6, 'UpToDate', 14), ['sgx[0] 5 < 6', 'pcesvn 13 < 14']],
  ])('of the wanted level that are not reached: %s', (_, wanted, rows) => {
    expect(rowsOf({ tcbInfo: levels(wanted, below) })).toEqual(rows);
  });

  test('of the TDX module', () => {
    const svn = (first: number) => Array.from({ length: 16 }, (_, index) => ({ svn: index === 0 ? first : 0 }));
    const wanted = tcbLevel('tdx', 5, 'UpToDate', 13);
    const tcb = { ...(wanted['tcb'] as JsonMap), tdxtcbcomponents: svn(5) };
    const spoil = { tcbInfo: levels({ ...wanted, tcb }, below) };
    // The module's own level counts where it has an identity: components from 2 on are compared.
    expect(rowsOf(spoil)).toEqual([]);
    expect(rowsOf({ ...spoil, body: (body) => put(body, 0, 4, 0) })).toEqual(['tdx[0] 4 < 5']);
  });
});

describe('remedies', () => {
  const remedy = (status: string, advisories: string[] = []): string | undefined =>
    said({ tcbInfo: levels(tcbLevel('tdx', 5, status, 5, advisories)) })?.remedy;

  test('an update, a build, a configuration, or two of them', () => {
    expect(remedy('OutOfDate')).toMatch(/^Update BIOS and microcode of the host, reboot it, then attest again\. Or/);
    expect(remedy('SWHardeningNeeded')).toMatch(/^Build the TD with the mitigations .* then accept them by id\.$/);
    expect(remedy('ConfigurationNeeded')).toMatch(/^On the host .*, then attest again\. Or accept/);
    expect(remedy('ConfigurationAndSWHardeningNeeded')).toMatch(/^On the host .*, then attest again\. Build the TD/);
  });

  test('advisories are counted in words', () => {
    expect(remedy('OutOfDate')).toContain('naming its reason.');
    expect(remedy('OutOfDate', ['INTEL-SA-00001'])).toContain('naming the one advisory.');
    expect(remedy('OutOfDate', ['INTEL-SA-00001', 'INTEL-SA-00002'])).toContain('naming the two advisories.');
  });
});

test('a status that is refused names the part that decided as its cause', () => {
  const causes = (spoil: Spoil): unknown =>
    judge(spoil, { acceptedStatuses: ['UpToDate'] }).findings.find(({ id }) => id === 'dcap.tcb.status')?.causedBy;
  const relaunch: Spoil = { version: 5, tdReport15: true, body: (body) => put(body, 0, 2) };
  expect(causes(relaunch)).toEqual(['dcap.tcb.relaunch']);
  expect(causes({ body: (body) => put(body, 0, 2) })).toEqual(['tdx.module.level']);
  expect(causes({ qeReport: (report) => put(report, 258, 6) })).toEqual(['dcap.qe.level']);
  expect(causes({ tcbInfo: levels(tcbLevel('tdx', 5, 'OutOfDate', 5)) })).toEqual(['dcap.tcb.level']);
});
