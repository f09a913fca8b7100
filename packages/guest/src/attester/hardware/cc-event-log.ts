import { ByteReader, concatBytes, DecodeError, encodeBase64 } from '@assay/bytes';
import { readIfThere, type System } from '../system.js';

/** Event log of the Attestation Agent (AAEL). */
export const AGENT_LOG = 'run/attestation-agent/eventlog';
const FIRMWARE_LOG = 'sys/firmware/acpi/tables/data/CCEL';

/** Eight ff end a log. */
const END = new Uint8Array(8).fill(0xff);

/**
 * `cc_eventlog` of evidence: the firmware's log (CCEL) up to its end, the agent's after it, an end marker; base64. Where the
 * firmware has no log, the agent's gets a header of its own. `null` where there is neither.
 *
 * @param agentLog other place of the agent's log, as `AAEL_PATH` names it
 */
export async function ccEventLog(system: System, agentLog: string = AGENT_LOG): Promise<string | null> {
  const firmware = await readIfThere(system, FIRMWARE_LOG);
  const agent = await readIfThere(system, agentLog);
  if (firmware === undefined && agent === undefined) return null;
  const head = firmware === undefined ? agentOnlyHeader() : firmware.subarray(0, logEnd(firmware));
  return encodeBase64(concatBytes(head, agent ?? new Uint8Array(), END));
}

/**
 * Where the entries of a log end: before eight ff or eight 00 in the place of an entry. The table is larger than the log in it.
 * Entries are walked by their lengths, because digests and data may hold such bytes too. A log that cannot be walked is taken
 * as a whole: the verifier judges it.
 */
export function logEnd(log: Uint8Array): number {
  const reader = new ByteReader(log, 'CCEL');
  let at = 0;
  try {
    // The first entry has one SHA-1 digest and no count (TCG_PCClientPCREvent).
    reader.skip(28, 'header');
    reader.skip(reader.u32le('header size'), 'header data');
    for (;;) {
      at = log.length - reader.remaining;
      const next = log.subarray(at, at + 8);
      if (next.every((byte) => byte === 0xff) || next.every((byte) => byte === 0)) return at;
      skipEntry(reader);
    }
  } catch (error) {
    if (error instanceof DecodeError) return log.length;
    throw error;
  }
}

const DIGEST_LENGTHS: Readonly<Record<number, number>> = { 4: 20, 11: 32, 12: 48, 13: 64, 18: 32 };

function skipEntry(reader: ByteReader): void {
  reader.skip(8, 'register and type');
  const digests = reader.u32le('digest count');
  if (digests > 8) throw new DecodeError('CCEL', 'more digests than algorithms');
  for (let n = 0; n < digests; n += 1) {
    const length = DIGEST_LENGTHS[reader.u16le('algorithm')];
    if (length === undefined) throw new DecodeError('CCEL', 'an unknown algorithm');
    reader.skip(length, 'digest');
  }
  reader.skip(reader.u32le('event size'), 'event');
}

/** 69 bytes: a specification id event that lists SHA-384 and SM3, for a log that no firmware began. */
function agentOnlyHeader(): Uint8Array {
  const header = new Uint8Array(69);
  const view = new DataView(header.buffer);
  view.setUint32(4, 3, true);
  view.setUint32(28, 37, true);
  // Signature (16), platform class (4), version and sizes (4) are zero.
  view.setUint32(56, 2, true);
  view.setUint16(60, 0x0c, true);
  view.setUint16(62, 48, true);
  view.setUint16(64, 0x12, true);
  view.setUint16(66, 32, true);
  return header;
}
