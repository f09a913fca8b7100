import { resolve } from 'node:path';
import { assayError } from '@assay/bytes/findings';
import { AGENT_URL, containerIdOf, EnclaveAgentClient, pullThroughAgent } from '@assay/guest/enclave-cc';
import { STATUS, StatusError } from '@assay/ttrpc';
import { type CommonFlags, outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';

export interface PullFlags extends CommonFlags {
  readonly agent?: string;
  readonly rootfs?: string;
  readonly containerId?: string;
  readonly dialTimeout?: string;
}

/** `assay enclave-cc pull`: asks an agent enclave as the shim does. */
export async function pullImage(image: string, flags: PullFlags): Promise<void> {
  const containerId = naming(() => flags.containerId ?? containerIdOf(image));
  const client = naming(
    () => new EnclaveAgentClient(flags.agent ?? AGENT_URL, { dialMs: millisecondsOf(flags.dialTimeout ?? '30') }),
  );
  try {
    const imageRef =
      flags.rootfs === undefined || flags.containerId !== undefined
        ? await client.pullImage(image, containerId)
        : await pullThroughAgent(image, { agent: client, rootfs: resolve(flags.rootfs) });
    const result = { image_ref: imageRef, container_id: containerId };
    outputOf(flags).result(result, (out) => out.write(`pulled ${imageRef} as ${containerId}\n`));
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const unreached = error.code === STATUS.deadlineExceeded || error.code === STATUS.unavailable;
    const facts = { params: { image, reason: error.message }, subject: image, actual: error.message };
    const told = assayError('enclave-cc.agent.answers', { ...facts, cause: error });
    // Titles are cut; the agent's reason is told whole.
    throw new CliError(
      `the agent enclave did not pull ${image}: ${error.message}`,
      unreached ? EXIT.unreachable : EXIT.refused,
      {
        hint: told.remedy ?? '',
        data: { ...told.toProblem(), code: error.code, reason: error.message },
        cause: error,
      },
    );
  }
}

function naming<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof StatusError || error instanceof RangeError)
      throw new CliError(error.message, EXIT.usage, { cause: error });
    throw error;
  }
}

function millisecondsOf(seconds: string): number {
  if (!/^\d{1,4}$/.test(seconds)) throw new CliError(`--dial-timeout ${seconds}: seconds are due`, EXIT.usage);
  return Number(seconds) * 1000;
}
