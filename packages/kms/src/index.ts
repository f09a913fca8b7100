export type { KeyManagement, KeyManagementHealth, RandomBytes } from './contract.js';
