/** Transports that say what a test wants. */
import { TpmWriter } from '@assay/evidence/tpm';
import { Tpm } from './tpm.js';
import type { TpmTransport } from './transport/transport.js';

/** A response that says yes. @param sessions number of sessions that the command had */
export function response(
  parameters: Uint8Array = new Uint8Array(),
  options: { handle?: number; sessions?: number } = {},
): Uint8Array {
  const { handle, sessions = 0 } = options;
  const body = new TpmWriter();
  if (handle !== undefined) body.u32(handle);
  if (sessions > 0) body.u32(parameters.length);
  body.bytes(parameters);
  for (let n = 0; n < sessions; n += 1) body.u16(0).u8(1).u16(0);
  const bytes = body.finish();
  return new TpmWriter()
    .u16(sessions > 0 ? 0x8002 : 0x8001)
    .u32(10 + bytes.length)
    .u32(0)
    .bytes(bytes)
    .finish();
}

/** A response that says no. */
export const refused = (code: number): Uint8Array => new TpmWriter().u16(0x8001).u32(10).u32(code).finish();

export interface Scripted {
  readonly tpm: Tpm;
  /** Commands that were sent. */
  readonly commands: Uint8Array[];
}

/** A TPM that answers in turn; the last answer for ever. */
export function scripted(...answers: readonly (Uint8Array | ((command: Uint8Array) => Uint8Array))[]): Scripted {
  const commands: Uint8Array[] = [];
  const transport: TpmTransport = {
    name: 'scripted',
    transmit: async (command) => {
      const answer = answers[Math.min(commands.length, answers.length - 1)] ?? refused(0x101);
      commands.push(command);
      return typeof answer === 'function' ? answer(command) : answer;
    },
    close: async () => undefined,
  };
  return { tpm: new Tpm(transport), commands };
}
