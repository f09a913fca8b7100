import { encodeBase64 } from '@assay/bytes';
import type { Attester } from '../attester.js';
import { AttesterError } from '../attester-error.js';
import { lineOf, type System } from '../system.js';
import { padded } from './padded.js';

const FOLDER = 'dev/attestation';

/** Whether this process runs in a Gramine enclave that makes DCAP quotes. */
export async function isGramine(system: System): Promise<boolean> {
  return (await lineOf(system, `${FOLDER}/attestation_type`))?.trim() === 'dcap';
}

/**
 * Attester of an SGX enclave by the pseudo-files of Gramine. They belong to the process as a whole, so that requests take turns.
 */
export function gramineAttester(system: System): Attester {
  let turn: Promise<unknown> = Promise.resolve();
  const quote = async (reportData: Uint8Array): Promise<Uint8Array> => {
    await system.write(`${FOLDER}/user_report_data`, padded(reportData, 64));
    const bytes = await system.read(`${FOLDER}/quote`);
    if (bytes.length === 0) throw new AttesterError('Gramine gave an empty quote');
    return bytes;
  };
  return {
    tee: 'sgx',
    getEvidence: async (reportData) => {
      const mine = turn.then(
        () => quote(reportData),
        () => quote(reportData),
      );
      turn = mine;
      return { quote: encodeBase64(await mine) };
    },
  };
}
