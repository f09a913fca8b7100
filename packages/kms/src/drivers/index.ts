/** `@assay/kms/drivers`: key management services as a guest uses them. */
export { aliyunDriver } from './aliyun/aliyun.js';
export { awsDriver } from './aws/aws.js';
export { type KmsDriver, type KmsDrivers, KmsError, type KmsFault, type KmsReference } from './driver.js';
export { type KmsDriversOptions, kmsDrivers } from './drivers.js';
export { type EhsmOptions, ehsmDriver } from './ehsm/ehsm.js';
export type { DriverOptions } from './options.js';
export { type KmsAnswer, type KmsRequest, type SendKms, type SendOptions, sendOverHttps } from './send.js';
