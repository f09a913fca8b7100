/** `@assay/kbs`: the Key Broker Service without its front doors. */
export type { AclEntry, AdminConfig, IdentityProvider } from './admin/config.js';
export { type AdminCredentialOptions, createAdminCredentials, writeAdminToken } from './admin/credentials.js';
export { type AdminGuardOptions, openAdminGuard } from './admin/guard.js';
export { DEFAULT_LIMITS, openKeyBroker } from './broker.js';
export { KbsRefusal, toKbsError } from './errors.js';
export { parseAttemptId } from './ids.js';
export { NO_METRICS } from './metrics.js';
export type { PluginConfig } from './plugins/config.js';
export { POLICY_TEXTS } from './policy/texts.gen.js';
export type {
  BundleCall,
  BundleReply,
  LaunchPolicies,
  LaunchPolicyRecord,
  OnlineSecretCall,
  OnlineSecretReply,
  ReportKeyRecord,
  ReportKeys,
  SecretCall,
  SecretDetails,
  SecretReply,
  SevBroker,
  SevConfig,
} from './sev/contract.js';
export { type LaunchPolicy, parseLaunchPolicy } from './sev/launch-policy.js';
export { SevRefusal } from './sev/refusal.js';
export type { TokenTrustConfig } from './token/config.js';
export * from './types.js';
