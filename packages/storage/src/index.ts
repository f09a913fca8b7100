export type * from './contract.js';
export { LIMITS, NAMESPACES } from './contract.js';
export { MemoryStorage } from './memory.js';
