export type * from './contract.js';
export { LIMITS, NAMESPACES } from './contract.js';
export { MemoryStorage } from './memory.js';
export { openPostgresStorage, type PostgresOptions } from './postgres/open.js';
export { openSqliteStorage, type SqliteOptions } from './sqlite/open.js';
