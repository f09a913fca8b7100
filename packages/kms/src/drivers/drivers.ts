import { join } from 'node:path';
import { aliyunDriver } from './aliyun/aliyun.js';
import { awsDriver } from './aws/aws.js';
import type { KmsDriver, KmsDrivers } from './driver.js';
import { ehsmDriver } from './ehsm/ehsm.js';
import type { DriverOptions } from './options.js';
import { type SendKms, sendOverHttps } from './send.js';

export interface KmsDriversOptions {
  /** Folder with one folder of credentials for each provider: `<cdh>/kbs/kms-credential`. */
  readonly folder: string;
  /** `ALIYUN_IN_GUEST_KEY_PATH`, `AWS_IN_GUEST_KEY_PATH`, `EHSM_IN_GUEST_KEY_PATH` name other folders. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now?: () => Date;
  readonly send?: SendKms;
}

const MAKERS: Readonly<Record<string, (options: DriverOptions) => KmsDriver>> = {
  aliyun: aliyunDriver,
  aws: awsDriver,
  ehsm: ehsmDriver,
};

/** All drivers, by the names that sealed secrets and images have for them. */
export function kmsDrivers({
  folder,
  env,
  now = () => new Date(),
  send = sendOverHttps(),
}: KmsDriversOptions): KmsDrivers {
  return Object.fromEntries(
    Object.entries(MAKERS).map(([name, make]) => {
      const place = env[`${name.toUpperCase()}_IN_GUEST_KEY_PATH`] ?? join(folder, name);
      return [name, make({ folder: place, now, send })];
    }),
  );
}
