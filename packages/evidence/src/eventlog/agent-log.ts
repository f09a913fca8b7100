import { ByteReader, DecodeError } from '@assay/bytes';
import { isAgentEvent } from './aael.js';
import { algorithmOf } from './algorithm.js';
import { type EventRecord, type ParsedEventlog, readAgileRecord } from './parse.js';

/** Largest log of an agent, in bytes; ours stops at 1 MiB. */
export const LARGEST_AGENT_LOG = 1024 * 1024;

const BANK = 'sha256';

/**
 * Reads the log of a guest's agent as it stands beside a TPM's: entries without a header, one SHA-256 digest each, and nothing but
 * events of the agent.
 *
 * @throws DecodeError
 */
export function parseAgentLog(log: Uint8Array): readonly EventRecord[] {
  if (log.length > LARGEST_AGENT_LOG) throw new DecodeError('agent event log', `${log.length} bytes are too many`, 0);
  const reader = new ByteReader(log, 'agent event log');
  const algorithms = [algorithmOf(BANK)];
  const records: EventRecord[] = [];
  // Each entry takes 58 bytes at least of a bounded buffer.
  while (reader.remaining > 0) {
    const record = readAgileRecord(reader, algorithms, records.length + 1);
    if (!isAgentEvent(record)) {
      throw new DecodeError('agent event log', `record ${record.number} is not of the agent`, record.offset);
    }
    records.push(record);
  }
  return records;
}

/**
 * One log of the firmware's records and the agent's behind them: so the registers were extended.
 *
 * @param firmware undefined: there is none
 */
export function withAgentRecords(firmware: ParsedEventlog | undefined, agent: readonly EventRecord[]): ParsedEventlog {
  const before: ParsedEventlog = firmware ?? {
    kind: 'tpm',
    format: 'crypto-agile',
    algorithms: [algorithmOf(BANK)],
    records: [],
    startupLocality: 0,
  };
  const first = before.records.length;
  return {
    ...before,
    records: [...before.records, ...agent.map((record) => ({ ...record, number: first + record.number }))],
  };
}
