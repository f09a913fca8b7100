import type { Attester } from '../attester.js';
import type { System } from '../system.js';
import { padded } from './padded.js';
import { tsmReport } from './tsm-report.js';

/** Attester of an Arm CCA realm by configfs-tsm. */
export function ccaAttester(system: System): Attester {
  return {
    tee: 'cca',
    getEvidence: async (reportData) => {
      const { outblob } = await tsmReport(system, 'arm_cca_guest', padded(reportData, 64));
      return { token: [...outblob] };
    },
  };
}
