import { vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { areaRunners, type CaseReport } from './areas.js';

/** Areas of the published vectors that this release judges; Rego has a test of its own beside its engine. */
const areas = Object.keys(areaRunners).filter((area) => area !== 'rego');
const there = vectorsArea('image') !== undefined;

describe.skipIf(!there)('published vectors', () => {
  test.each(areas)('%s', async (area) => {
    const failures: CaseReport[] = [];
    let cases = 0;
    await areaRunners[area]?.(vectorsArea(area) ?? '', (report) => {
      cases += 1;
      if (!report.pass) failures.push(report);
    });
    expect(failures.map(({ id, differing }) => ({ id, differing }))).toEqual([]);
    expect(cases).toBeGreaterThan(0);
  });
});
