export { BuiltinKms, type BuiltinKmsOptions, openBuiltinKeyManagement } from './builtin/builtin.js';
export type { KeyManagement, KeyManagementHealth, RandomBytes } from './contract.js';
export { open, type RecordName, rewrap, seal } from './envelope.js';
