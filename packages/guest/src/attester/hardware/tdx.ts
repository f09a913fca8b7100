import { encodeBase64 } from '@assay/bytes';
import type { Attester, MeasurementRegisters } from '../attester.js';
import { AttesterError } from '../attester-error.js';
import { readIfThere, type System } from '../system.js';
import { ccEventLog } from './cc-event-log.js';
import { padded } from './padded.js';
import { tsmReport } from './tsm-report.js';

const MEASUREMENTS = 'sys/devices/virtual/misc/tdx_guest/measurements';
const SHA384_LENGTH = 48;

/**
 * Attester of a TDX guest: quotes by configfs-tsm, RTMRs by the kernel's measurement files (Linux 6.16).
 */
export async function tdxAttester(system: System, agentLog?: string): Promise<Attester> {
  const quote = async (reportData: Uint8Array): Promise<Uint8Array> =>
    (await tsmReport(system, 'tdx_guest', padded(reportData, 64))).outblob;
  const hasRegisters = await system.exists(rtmrFile(3));
  return {
    tee: 'tdx',
    getEvidence: async (reportData) => ({
      cc_eventlog: await ccEventLog(system, agentLog),
      quote: encodeBase64(await quote(reportData)),
    }),
    initDataField: () => mrConfigId(system, quote),
    ...(hasRegisters ? { registers: rtmrs(system) } : {}),
  };
}

function rtmrs(system: System): MeasurementRegisters {
  return {
    algorithm: 'sha384',
    logIndex: measurementRegister,
    read: async (pcr) => {
      const value = await system.read(rtmrFile(measurementRegister(pcr) - 1));
      if (value.length !== SHA384_LENGTH) throw new AttesterError(`an RTMR of ${value.length} bytes`);
      return value;
    },
    extend: async (pcr, digest) => {
      if (digest.length !== SHA384_LENGTH) throw new AttesterError('an RTMR is extended with 48 bytes');
      await system.write(rtmrFile(measurementRegister(pcr) - 1), digest);
    },
  };
}

/** PCR → measurement register of a CC event log; RTMR n is register n + 1. PCR 0 is not RTMR0 (which is 1), as upstream has it. */
export function measurementRegister(pcr: number): number {
  if (pcr === 1 || pcr === 7) return 1;
  if (pcr >= 2 && pcr <= 6) return 2;
  if (pcr >= 8 && pcr <= 15) return 3;
  return 4;
}

function rtmrFile(index: number): string {
  return `${MEASUREMENTS}/rtmr${index}:sha384`;
}

/** Offset of MRCONFIGID in a version 4 quote: header 48, then 184 into the TD report body. */
const MR_CONFIG_ID = { version: 4, offset: 48 + 184, end: 48 + 184 + SHA384_LENGTH };

/** From the kernel's file; from an own quote on kernels without it. */
async function mrConfigId(system: System, quote: (data: Uint8Array) => Promise<Uint8Array>): Promise<Uint8Array> {
  const file = `${MEASUREMENTS}/mrconfigid`;
  const value = await readIfThere(system, file);
  if (value !== undefined) {
    if (value.length !== SHA384_LENGTH) throw new AttesterError(`an MRCONFIGID of ${value.length} bytes`);
    return value;
  }
  const own = await quote(new Uint8Array(64));
  const version = (own[0] ?? 0) | ((own[1] ?? 0) << 8);
  if (version !== MR_CONFIG_ID.version || own.length < MR_CONFIG_ID.end)
    throw new AttesterError(`MRCONFIGID: no /${file}, and an own quote of version ${version} does not tell it`);
  return own.subarray(MR_CONFIG_ID.offset, MR_CONFIG_ID.end);
}
