/** What the conformance runner offers as a host: a clock, randomness, and the upstream runner's `test.sleep`. */
import { randomBytes } from 'node:crypto';
import { T } from '../builtins/types.js';
import type { EvaluationSettings } from '../eval/evaluation.js';
import type { HostFunction } from '../eval/policy.js';

const UNITS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, ms: 1, s: 1_000, m: 60_000 };

/** Waits for real: cases compare clocks before and after. */
export const sleepFunction: HostFunction = {
  name: 'test.sleep',
  args: [T.string],
  result: T.null,
  impl: ([duration]) => {
    const found = /^(\d+)(ns|us|ms|s|m)$/.exec(String(duration));
    if (found === null) throw new Error(`test.sleep: ${String(duration)} is not a duration`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(found[1]) * (UNITS[found[2] ?? ''] ?? 0));
    return null;
  },
};

export function hostSettings(): EvaluationSettings {
  return {
    now: BigInt(Date.now()) * 1_000_000n,
    random: (length) => new Uint8Array(randomBytes(length)),
  };
}
