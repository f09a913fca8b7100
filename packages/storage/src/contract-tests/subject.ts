import type { Storage } from '../contract.js';

/** What a case is given: an empty store and the hand of its clock. */
export interface ContractSubject {
  readonly storage: Storage;
  readonly clock: { now: number };
}

/** One promise of the contract as a function that throws where it is broken; runnable under any test runner. */
export interface ContractCase {
  readonly name: string;
  readonly run: (subject: ContractSubject) => Promise<void>;
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Start of the clock in every case. */
export const CONTRACT_START = Date.UTC(2026, 10, 21);
