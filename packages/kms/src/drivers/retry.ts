import { setTimeout as wait } from 'node:timers/promises';
import { KmsError } from './driver.js';

/** Times that a service that says "too often" is asked again, and the wait before the first of them, which triples. */
const RETRIES = 2;
const FIRST_WAIT_MS = 250;

/** Asks again where the service throttles. Each try is a request of its own: nonce, time and signature are made anew. */
export async function throttledAgain<T>(ask: () => Promise<T>, firstWaitMs = FIRST_WAIT_MS): Promise<T> {
  for (let n = 0, pause = firstWaitMs; ; n += 1, pause *= 3) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof KmsError) || error.fault !== 'throttled' || n >= RETRIES) throw error;
      await wait(pause);
    }
  }
}
