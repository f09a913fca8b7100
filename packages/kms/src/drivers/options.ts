import type { SendKms } from './send.js';

/** What drivers are made with. */
export interface DriverOptions {
  /** Folder of the provider's credentials: `/run/confidential-containers/cdh/kbs/kms-credential/<provider>` on a real guest. */
  readonly folder: string;
  readonly now: () => Date;
  readonly send: SendKms;
}
