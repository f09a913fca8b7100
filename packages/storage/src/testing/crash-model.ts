import { createHash } from 'node:crypto';
import type { Storage } from '../contract.js';

/*
 * What a writer of the crash test does, as a function of its number and of a step counter, so that the test knows the
 * whole content of the database after any step without having been told it.
 */

export const CRASH_NAMESPACE = 'kbs';
const SLOTS = 8;

/** Content of step `step` of `writer`: 16 bytes to 24 KiB (several pages of SQLite), never twice the same. */
export function stepValue(writer: number, step: number): Uint8Array {
  const seed = createHash('sha256').update(`${writer}/${step}`).digest();
  const outputLength = 16 + (step % 5 === 0 ? seed.readUInt16LE(0) % 24_576 : (seed[0] as number));
  return new Uint8Array(createHash('shake256', { outputLength }).update(seed).digest());
}

const slotKey = (writer: number, slot: number): string => `${writer}/slot/${slot}`;
const nonceKey = (writer: number, step: number): string => `${writer}/nonce/${step}`;

/** One step: a put, a transaction over two keys, a put of a nonce, a take of that nonce. Resolves when it is durable. */
export async function performStep(storage: Storage, writer: number, step: number): Promise<void> {
  const ns = CRASH_NAMESPACE;
  const value = stepValue(writer, step);
  switch (step % 4) {
    case 0:
      await storage.put(ns, slotKey(writer, (step / 4) % SLOTS), value);
      return;
    case 1: {
      const pair = ['a', 'b'].map((side) => ({ op: 'put', ns, key: `${writer}/pair/${side}`, value }) as const);
      await storage.transact(pair);
      return;
    }
    case 2:
      await storage.put(ns, nonceKey(writer, step), value, { ifAbsent: true });
      return;
    default:
      if ((await storage.take(ns, nonceKey(writer, step - 1))) === undefined)
        throw new Error(`writer ${writer}: the nonce of step ${step - 1} is gone`);
  }
}

/** Key → step whose value it holds, after the steps 0 to `last` of a writer (none for -1). */
export function contentAfter(writer: number, last: number): ReadonlyMap<string, number> {
  const content = new Map<string, number>();
  for (let step = Math.max(0, last - 4 * SLOTS); step <= last; step++) {
    if (step % 4 === 0) content.set(slotKey(writer, (step / 4) % SLOTS), step);
    if (step % 4 === 1) for (const side of ['a', 'b']) content.set(`${writer}/pair/${side}`, step);
    if (step % 4 === 2) content.set(nonceKey(writer, step), step);
    if (step % 4 === 3) content.delete(nonceKey(writer, step - 1));
  }
  return content;
}
