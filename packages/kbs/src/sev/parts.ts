import type { AuditLog } from '../audit/log.js';
import type { KbsMetrics } from '../types.js';
import type { SevConfig } from './contract.js';
import type { Fulfilment } from './fulfil.js';
import type { SevRecords } from './records.js';

/** What the three calls need. */
export interface SevParts {
  readonly config: SevConfig;
  readonly records: SevRecords;
  readonly fulfilment: Fulfilment;
  readonly audit: AuditLog;
  readonly metrics: KbsMetrics;
  readonly now: () => Date;
  readonly random: (bytes: number) => Uint8Array;
}

/** Longest time between GetBundle and GetSecret, seconds. */
export const LONGEST_SESSION = 300;
/** Most sessions that may be open: as many as one look into the store can count. */
export const MOST_SESSIONS = 1000;
export const DEFAULT_SESSIONS_PER_PLATFORM = 100;
export const DEFAULT_CONNECTION_HOURS = 720;
