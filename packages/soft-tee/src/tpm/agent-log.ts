import { createHash } from 'node:crypto';
import { concatBytes, encodeUtf8 } from '@assay/bytes';
import { u16, u32 } from '../fixed.js';
import type { TpmExtension } from './boot.js';

/** What the Attestation Agent measured into a PCR. */
export interface AgentTpmEvent {
  readonly pcr: number;
  /** `<domain> <operation> <content>` */
  readonly text: string;
}

const EV_EVENT_TAG = 6;
const AAEL_TAG = 0x4141454c;
const SHA256 = 0x0b;

export function agentExtension({ pcr, text }: AgentTpmEvent): TpmExtension {
  return { pcr, digest: digestOf(text) };
}

/** The agent's log: entries of one SHA-256 digest each, without a header. */
export function agentTpmLog(events: readonly AgentTpmEvent[]): Uint8Array {
  return concatBytes(
    ...events.map(({ pcr, text }) => {
      const data = dataOf(text);
      return concatBytes(u32(pcr), u32(EV_EVENT_TAG), u32(1), u16(SHA256), digestOf(text), u32(data.length), data);
    }),
  );
}

function digestOf(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(dataOf(text)).digest());
}

function dataOf(text: string): Uint8Array {
  const bytes = encodeUtf8(text);
  return concatBytes(u32(AAEL_TAG), u32(bytes.length), bytes);
}
