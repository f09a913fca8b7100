/**
 * `@assay/storage/contract`: the contract as tests, for any back end and any test runner.
 *
 * ```ts
 * for (const { name, run } of contractCases)
 *   test(name, async () => {
 *     const clock = { now: CONTRACT_START };
 *     const storage = await openMine({ now: () => clock.now });
 *     await run({ storage, clock }).finally(() => storage.close());
 *   });
 * ```
 */
export { contractCases } from './cases.js';
export { CONTRACT_START, type ContractCase, type ContractSubject } from './subject.js';
