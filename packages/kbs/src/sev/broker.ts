/** The front end for SEV and SEV-ES, put together. */
import type { KeyManagement } from '@assay/kms';
import type { Storage } from '@assay/storage';
import type { AuditLog } from '../audit/log.js';
import type { ResourcePolicyStore } from '../policy/store.js';
import type { ResourceService } from '../resources/service.js';
import type { KbsMetrics } from '../types.js';
import { getBundle } from './bundle.js';
import type { SevBroker, SevConfig } from './contract.js';
import { Fulfilment } from './fulfil.js';
import { getOnlineSecret } from './online.js';
import type { SevParts } from './parts.js';
import { LaunchPolicyStore } from './policy-store.js';
import { SevRecords } from './records.js';
import { ReportKeyStore } from './report-keys.js';
import { getSecret } from './secret.js';

export interface SevBrokerOptions {
  readonly config: SevConfig;
  readonly storage: Storage;
  readonly kms: KeyManagement;
  readonly audit: AuditLog;
  readonly policies: ResourcePolicyStore;
  readonly resources: ResourceService;
  readonly metrics: KbsMetrics;
  readonly now: () => Date;
  readonly random: (bytes: number) => Uint8Array;
}

/** Holds nothing itself: sessions and connections are in the store, so any replica can answer any call. */
export function openSevBroker(options: SevBrokerOptions): SevBroker {
  const { config, storage, kms, audit, policies, resources, metrics, now, random } = options;
  const launchPolicies = new LaunchPolicyStore(storage, audit, now);
  const reportKeys = new ReportKeyStore({ storage, kms, audit, now, random });
  const parts: SevParts = {
    config,
    records: new SevRecords({ storage, kms, random }),
    fulfilment: new Fulfilment({ policies, launchPolicies, resources, reportKeys, metrics, now }),
    audit,
    metrics,
    now,
    random,
  };
  return {
    getBundle: (call) => getBundle(parts, call),
    getSecret: (call) => getSecret(parts, call),
    getOnlineSecret: (call) => getOnlineSecret(parts, call),
    launchPolicies,
    reportKeys,
  };
}
