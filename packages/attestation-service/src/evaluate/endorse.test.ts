import { assayError } from '@assay/bytes/findings';
import { expect, test } from 'vitest';
import type { EvidenceEntry } from '../contract.js';
import { endorseEntries } from './endorse.js';

const entry: EvidenceEntry = { tee: 'tdx', evidence: {}, runtimeData: { form: 'none' }, initData: { form: 'none' } };
const now = new Date('2026-11-21T00:00:00Z');

test('each entry gets the endorsements of its own TEE, in order', async () => {
  const asked: string[] = [];
  const endorsed = await endorseEntries(
    [entry, { ...entry, tee: 'snp' }],
    (e) => e.tee,
    {
      endorse: async ({ tee }) => {
        asked.push(tee);
        return { endorsements: { [tee]: new Uint8Array() }, findings: [], collateral: [] };
      },
    },
    now,
  );
  expect(asked).toEqual(['tdx', 'snp']);
  expect(endorsed.map(({ endorsements }) => Object.keys(endorsements))).toEqual([['tdx'], ['snp']]);
});

test('a source that throws leaves the entry without endorsements, and says so', async () => {
  const error = assayError('net.peer.answers', {
    params: { address: 'pcs.example', reason: 'ECONNREFUSED', setting: 'collateral.pccs' },
  });
  const [endorsed] = await endorseEntries([entry], (e) => e.tee, { endorse: () => Promise.reject(error) }, now);
  expect(endorsed).toMatchObject({ endorsements: {}, findings: [{ id: 'net.peer.answers', outcome: 'fail' }] });
});

test('without a source nothing is endorsed', async () => {
  expect(await endorseEntries([entry], (e) => e.tee, undefined, now)).toEqual([
    { endorsements: {}, findings: [], collateral: [] },
  ]);
});
