export type { AclEntry, AdminConfig, IdentityProvider } from './admin/config.js';
export type { PluginConfig } from './plugins/config.js';
export type { TokenTrustConfig } from './token/config.js';
export * from './types.js';
