/** TCB statuses and how the parts of a platform are merged into one (Intel QVL, `convergeTcbStatus`). */

/** Statuses of a platform's TCB levels. */
export const PLATFORM_STATUSES = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
] as const;
export type PlatformStatus = (typeof PLATFORM_STATUSES)[number];

/** Statuses of a TDX module's levels. */
export const MODULE_STATUSES = ['UpToDate', 'OutOfDate', 'Revoked'] as const;
export type ModuleStatus = (typeof MODULE_STATUSES)[number];

/** Statuses that a QE identity may carry; what is neither UpToDate nor Revoked counts as OutOfDate. */
export const QE_STATUSES = [
  'UpToDate',
  'ConfigurationNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
] as const;

/** All statuses, from best to worst; the last one is never acceptable. */
export const TCB_STATUSES = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'TDRelaunchAdvised',
  'TDRelaunchAdvisedConfigurationNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
] as const;
export type TcbStatus = (typeof TCB_STATUSES)[number];

/** Status of the platform together with that of a part of it (module or quoting enclave). */
export function mergeStatus(platform: TcbStatus, part: ModuleStatus): TcbStatus {
  if (part === 'Revoked') return 'Revoked';
  if (part === 'UpToDate') return platform;
  switch (platform) {
    case 'UpToDate':
    case 'SWHardeningNeeded':
      return 'OutOfDate';
    case 'ConfigurationNeeded':
    case 'ConfigurationAndSWHardeningNeeded':
      return 'OutOfDateConfigurationNeeded';
    default:
      return platform;
  }
}

/** Whether a status asks for a change of the platform's configuration. */
export function wantsConfiguration(status: TcbStatus): boolean {
  return (
    status === 'ConfigurationNeeded' ||
    status === 'ConfigurationAndSWHardeningNeeded' ||
    status === 'OutOfDateConfigurationNeeded'
  );
}
