import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { bytes, type ContractCase } from './subject.js';

const CALLERS = 200;

/** The part of the contract that only shows when many ask at once. */
export const concurrencyCases: readonly ContractCase[] = [
  {
    name: `${CALLERS} concurrent takes of one key: exactly one gets it`,
    async run({ storage }) {
      for (let round = 0; round < 3; round++) {
        await storage.put('kbs_protocol_session', 'nonce', bytes(`round ${round}`));
        const takes = await Promise.all(
          Array.from({ length: CALLERS }, () => storage.take('kbs_protocol_session', 'nonce')),
        );
        const winners = takes.filter((entry) => entry !== undefined);
        deepStrictEqual(
          winners.map((entry) => entry.value),
          [bytes(`round ${round}`)],
        );
      }
    },
  },
  {
    name: `${CALLERS} concurrent ifAbsent puts of one key: exactly one writes`,
    async run({ storage }) {
      const puts = await Promise.all(
        Array.from({ length: CALLERS }, (_, i) => storage.put('kbs', 'a', bytes(`${i}`), { ifAbsent: true })),
      );
      const written = puts.flatMap((put, i) => (put.outcome === 'written' ? [{ ...put, i }] : []));
      strictEqual(written.length, 1);
      const entry = await storage.get('kbs', 'a');
      deepStrictEqual([entry?.version, entry?.value], [written[0]?.version, bytes(`${written[0]?.i}`)]);
    },
  },
  {
    name: 'concurrent increments under ifVersion lose no update',
    async run({ storage }) {
      await storage.put('kbs', 'counter', bytes('0'));
      const increment = async (): Promise<void> => {
        for (;;) {
          const entry = await storage.get('kbs', 'counter');
          const next = Number(new TextDecoder().decode(entry?.value)) + 1;
          const put = await storage.put('kbs', 'counter', bytes(`${next}`), { ifVersion: entry?.version ?? 0 });
          if (put.outcome === 'written') return;
        }
      };
      await Promise.all(Array.from({ length: 12 }, increment));
      strictEqual(new TextDecoder().decode((await storage.get('kbs', 'counter'))?.value), '12');
    },
  },
  {
    name: 'concurrent transactions over the same keys, in any order, are each whole',
    async run({ storage }) {
      const names = ['a', 'b', 'c', 'd'];
      const outcomes = await Promise.all(
        Array.from({ length: 40 }, (_, i) => {
          const turned = names.map((_, k) => names[(i + (i % 2 ? k : 3 - k)) % 4] as string);
          return storage.transact(turned.map((key) => ({ op: 'put', ns: 'kbs', key, value: bytes(`${i}`) })));
        }),
      );
      ok(outcomes.every((result) => result.outcome === 'committed'));
      const values = (await storage.list('kbs', { limit: 10, values: true })).map((e) => e.value?.join());
      strictEqual(values.length, 4);
      strictEqual(new Set(values).size, 1);
    },
  },
  {
    name: 'the revision misses none of many concurrent writes',
    async run({ storage }) {
      // A reader that keeps a snapshot as services do: load again only when the revision has risen.
      let revision = 0;
      let snapshot: readonly { readonly key: string }[] = [];
      const refresh = async (): Promise<void> => {
        const now = await storage.revision('kbs');
        ok(now >= revision, `revision fell from ${revision} to ${now}`);
        if (now === revision) return;
        snapshot = await storage.list('kbs', { limit: 1000 });
        revision = now;
        // each write of this case adds a key
        ok(snapshot.length >= revision, `${snapshot.length} keys at revision ${revision}`);
      };
      let done = false;
      const watching = (async () => {
        while (!done) {
          await refresh();
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      await Promise.all(Array.from({ length: 100 }, (_, i) => storage.put('kbs', `key-${i}`, bytes(`${i}`))));
      done = true;
      await watching;
      await refresh();
      strictEqual(snapshot.length, 100);
      strictEqual(await storage.revision('kbs'), 100);
    },
  },
];
