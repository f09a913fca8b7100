/** The shim's side of `grpc.Image`. */
import { setTimeout as wait } from 'node:timers/promises';
import { EnclaveImageService } from '@assay/protocol/guest';
import { callTtrpc, STATUS, StatusError, TtrpcClient } from '@assay/ttrpc';
import { containerIdOf } from '../container-id.js';

export interface AgentClientOptions {
  /** How long an agent that does not listen yet is waited for. Default 30 s. */
  readonly dialMs?: number;
  /** How long one pull may take; told to the agent too. Default 60 s. */
  readonly timeoutMs?: number;
}

const DIAL_MS = 30_000;
const PULL_MS = 60_000;
const BETWEEN_DIALS_MS = 200;

/**
 * Asks an agent enclave to pull images: one connection a request, TCP alone. An agent that could not be reached once is given up, as
 * shims do: its sandbox is to be made anew.
 */
export class EnclaveAgentClient {
  readonly #url: string;
  readonly #address: string;
  readonly #options: AgentClientOptions;
  #dead = false;

  /** @param url `tcp://HOST:PORT`. @throws StatusError INVALID_ARGUMENT for another scheme, RangeError for what is no address */
  constructor(url: string, options: AgentClientOptions = {}) {
    if (!url.startsWith('tcp://'))
      throw new StatusError(STATUS.invalidArgument, `Invalid scheme: ${url}, only support tcp scheme`);
    this.#url = url.replace(/^tcp:\/\/localhost:/, 'tcp://127.0.0.1:');
    this.#address = url.slice('tcp://'.length);
    this.#options = options;
    // Read now: a wrong address is no reason to dial.
    new TtrpcClient(this.#url).close();
  }

  /**
   * @param credentials `USER:PASSWORD` at the registry, or empty
   * @returns reference of the image, as the agent says it
   * @throws StatusError
   */
  async pullImage(image: string, containerId = containerIdOf(image), credentials = ''): Promise<string> {
    const client = await this.#dial();
    try {
      const { timeoutMs = PULL_MS } = this.#options;
      const request = { image, containerId, sourceCreds: credentials };
      return (await callTtrpc(client, EnclaveImageService.method.pullImage, request, { timeoutMs })).imageRef;
    } finally {
      client.close();
    }
  }

  async #dial(): Promise<TtrpcClient> {
    if (this.#dead)
      throw new StatusError(STATUS.unavailable, `the agent enclave at ${this.#address} was given up before`);
    const end = Date.now() + (this.#options.dialMs ?? DIAL_MS);
    do {
      const client = new TtrpcClient(this.#url, { connectTimeoutMs: Math.max(1, end - Date.now()) });
      try {
        await client.connect();
        return client;
      } catch (error) {
        client.close();
        if (!(error instanceof StatusError)) throw error;
      }
      await wait(Math.max(0, Math.min(BETWEEN_DIALS_MS, end - Date.now())));
    } while (Date.now() < end);
    this.#dead = true;
    throw new StatusError(STATUS.deadlineExceeded, `timed out connecting to tcp socket ${this.#address}`);
  }
}
