import { describe, expect, test } from 'vitest';
import { compareInitData } from './init-data.js';

const digest = new Uint8Array(48).fill(5);

describe('init-data', () => {
  test('equal to the register, padded or cut to its size', () => {
    expect(compareInitData(digest, { digest }, 48, 'MRCONFIGID').holds).toBe(true);
    expect(compareInitData(digest.subarray(0, 32), { digest }, 32, 'HOST_DATA').holds).toBe(true);
    expect(compareInitData(digest, { digest: digest.subarray(0, 32) }, 48, 'MRCONFIGID').holds).toBe(false);
  });

  test('not asked is not checked, and holds', () => {
    expect(compareInitData(digest, undefined, 48, 'MRCONFIGID')).toMatchObject({
      holds: true,
      finding: { outcome: 'not-checked', subject: 'MRCONFIGID' },
    });
  });

  test('another one is told with both values, and what it looks like', () => {
    const { finding, holds } = compareInitData(new Uint8Array(48), { digest, algorithm: 'sha384' }, 48, 'MRCONFIGID');
    expect(holds).toBe(false);
    expect(finding).toMatchObject({ outcome: 'fail', expected: '05'.repeat(48), actual: '00'.repeat(48) });
    expect(finding.compare?.also).toEqual(['MRCONFIGID is all zero: it was not set']);
    expect(finding.title).toContain('sha384');
  });
});
