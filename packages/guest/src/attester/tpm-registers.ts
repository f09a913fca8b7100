import { constantTimeEqual, encodeHex } from '@assay/bytes';
import { INIT_DATA_PCR, initDataPcr } from '@assay/evidence/tpm';
import { extendPcr, readPcrs } from '../tpm/commands/pcr.js';
import { Tpm } from '../tpm/tpm.js';
import { TpmError } from '../tpm/tpm-error.js';
import { openTransport } from '../tpm/transport/open.js';
import type { MeasurementRegisters } from './attester.js';
import { AttesterError } from './attester-error.js';
import { InitDataError } from './init-data-error.js';

const BANK = 'sha256';
const SIZE = 32;
/** TPM_RC_LOCALITY */
const WRONG_LOCALITY = 0x907;

/** Does something with a TPM over a connection of its own. */
export async function withTpm<T>(
  address: string,
  timeoutMs: number | undefined,
  work: (tpm: Tpm) => Promise<T>,
): Promise<T> {
  const tpm = new Tpm(await openTransport(address, timeoutMs));
  try {
    return await work(tpm);
  } finally {
    await tpm.close();
  }
}

/** PCRs of the SHA-256 bank as registers of a running guest: those that a quote is about. Other banks are not extended. */
export function tpmRegisters(address: string, timeoutMs?: number): MeasurementRegisters {
  return {
    algorithm: BANK,
    logIndex: (pcr) => pcr,
    read: (pcr) => withTpm(address, timeoutMs, (tpm) => pcrValue(tpm, pcr)),
    extend: (pcr, digest) => withTpm(address, timeoutMs, (tpm) => extend(tpm, pcr, digest)),
  };
}

/**
 * Binds init-data to PCR 8, as Confidential Containers do: the register is extended once with their SHA-256 digest. Twice is the same
 * as once: an agent may be started again.
 *
 * @throws InitDataError where the register holds anything else; AttesterError for a digest of another size
 */
export async function bindInitDataToTpm(
  address: string,
  timeoutMs: number | undefined,
  digest: Uint8Array,
): Promise<void> {
  if (digest.length !== SIZE) {
    throw new AttesterError(
      `init-data has a digest of ${digest.length} bytes, and a TPM takes ${SIZE}: use algorithm = "sha256"`,
    );
  }
  await withTpm(address, timeoutMs, async (tpm) => {
    const value = await pcrValue(tpm, INIT_DATA_PCR);
    const bound = initDataPcr(digest);
    if (constantTimeEqual(value, bound)) return;
    if (value.some((byte) => byte !== 0)) {
      throw new InitDataError(
        `PCR ${INIT_DATA_PCR} holds ${encodeHex(value)}, and init-data would make it ${encodeHex(bound)}: other init-data were bound, or a boot loader measures into it`,
      );
    }
    await extend(tpm, INIT_DATA_PCR, digest);
  });
}

async function pcrValue(tpm: Tpm, pcr: number): Promise<Uint8Array> {
  const value = (await readPcrs(tpm, BANK, [pcr])).get(pcr);
  if (value === undefined)
    throw new TpmError('unfit', `${tpm.name} has no PCR ${pcr} in its ${BANK} bank`, 'Name another PCR.');
  return value;
}

async function extend(tpm: Tpm, pcr: number, digest: Uint8Array): Promise<void> {
  try {
    await extendPcr(tpm, pcr, [{ bank: BANK, digest }]);
  } catch (error) {
    if (!(error instanceof TpmError) || error.code !== WRONG_LOCALITY) throw error;
    // PCRs 17 to 22 belong to a dynamic launch, also 17, which agents extend where nothing else is configured.
    throw new TpmError(
      'refused',
      `${tpm.name} lets nobody extend PCR ${pcr} from here`,
      'Set `init_pcr` of [eventlog_config] to a PCR from 8 to 15 that nothing else extends.',
      { cause: error },
    );
  }
}
