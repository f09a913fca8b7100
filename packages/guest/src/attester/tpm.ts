import { encodeBase64, encodeHex } from '@assay/bytes';
import { spkiOf } from '@assay/evidence/tpm';
import { type AttestationKeyChoice, withAttestationKey } from '../tpm/attestation-key.js';
import { readEventLog } from '../tpm/event-log.js';
import { quoteReportData } from '../tpm/quoted.js';
import { TpmError } from '../tpm/tpm-error.js';
import type { Attester } from './attester.js';
import { bindInitDataToTpm, tpmRegisters, withTpm } from './tpm-registers.js';

export interface TpmAttesterOptions {
  /** `/dev/tpmrm0`, `tcp:HOST:PORT`, `unix:PATH`. */
  readonly address: string;
  /** Default: the RSA key that the endorsement hierarchy gives. */
  readonly key?: AttestationKeyChoice;
  /** Path of the event log. Default: that of Linux for a device; none for an emulator, whose log is not the machine's. */
  readonly eventLog?: string;
  /** Path of the Attestation Agent's log. Default: none is sent. */
  readonly agentLog?: string;
  /** Where the file system of the machine begins. Default `/`. */
  readonly root?: string;
  /** For each command. */
  readonly timeoutMs?: number;
}

/**
 * Attester of TEE `tpm`: a quote of all PCRs of the SHA-256 bank, with their values, the attestation key and the
 * firmware's event log, and the agent's. Members as in guest-components; `ak_area`, `event_log` and `agent_event_log` are additions.
 */
export function tpmAttester(options: TpmAttesterOptions): Attester {
  const choice = options.key ?? { kind: 'rsa2048' };
  return {
    tee: 'tpm',
    getEvidence: async (reportData) => {
      const eventLog = await eventLogOf(options);
      const agentLog = await agentLogOf(options);
      return withTpm(options.address, options.timeoutMs, (tpm) =>
        withAttestationKey(tpm, choice, async ({ handle, publicArea, publicBytes }) => {
          const { attest, signature, pcrs } = await quoteReportData(tpm, handle, reportData);
          return {
            ak_public: encodeBase64(spkiOf(publicArea)),
            ak_area: encodeBase64(publicBytes),
            tpm_quote: {
              signature: encodeBase64(signature),
              message: encodeBase64(attest),
              pcrs: pcrs.map((value) => encodeHex(value)),
            },
            ...(eventLog === undefined ? {} : { event_log: encodeBase64(eventLog) }),
            ...(agentLog === undefined ? {} : { agent_event_log: encodeBase64(agentLog) }),
          };
        }),
      );
    },
    bindInitData: (digest) => bindInitDataToTpm(options.address, options.timeoutMs, digest),
    registers: tpmRegisters(options.address, options.timeoutMs),
  };
}

/** An agent that has measured nothing yet has no log. */
async function agentLogOf({ agentLog, root }: TpmAttesterOptions): Promise<Uint8Array | undefined> {
  const log = agentLog === undefined ? undefined : await readEventLog(agentLog, root);
  return log === undefined || log.length === 0 ? undefined : log;
}

/** A log that was named must be there; the usual one may be absent. */
async function eventLogOf({ address, eventLog, root }: TpmAttesterOptions): Promise<Uint8Array | undefined> {
  if (eventLog !== undefined) {
    const log = await readEventLog(eventLog, root);
    if (log === undefined)
      throw new TpmError('unfit', `event log ${eventLog} is not there`, 'Give the path of the log.');
    return log;
  }
  const device = address.startsWith('/') || address.startsWith('device:');
  return device ? readEventLog(undefined, root) : undefined;
}
