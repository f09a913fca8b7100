import { encodeUtf8, type JsonValue } from '@assay/bytes';
import type { Tee } from '@assay/protocol';
import type { Attester } from '../attester/attester.js';
import type { AgentConfig } from '../config/agent-config.js';
import { ConfigError } from '../config/config-error.js';
import { EventError, type MeasuredEvent } from './event-log/entry.js';
import type { EventLog } from './event-log/event-log.js';
import { checkInitData } from './init-data.js';
import { attestationServiceToken, kbsToken, type TokenSource } from './tokens.js';

export interface AgentOptions extends TokenSource {
  readonly config: AgentConfig;
  /** Absent where events are not logged, or the platform has no registers. */
  readonly eventLog?: EventLog;
}

/** What became of an event. */
export type Measured = 'measured' | 'not-supported' | 'not-enabled';

/** The Attestation Agent: evidence, tokens and runtime measurements of the TEE it runs in. Keeps no token. */
export class AttestationAgent {
  readonly #options: AgentOptions;
  #config: AgentConfig;

  constructor(options: AgentOptions) {
    this.#options = { ...options, attester: undisturbed(options) };
    this.#config = options.config;
  }

  get tee(): Tee {
    return this.#options.attester.tee;
  }

  get additionalTees(): readonly Tee[] {
    return this.#options.devices.map(({ tee }) => tee);
  }

  /** Evidence of the CPU's TEE, compact JSON. @param reportData already hashed by the caller */
  async getEvidence(reportData: Uint8Array): Promise<Uint8Array> {
    return encodeUtf8(JSON.stringify(await this.#options.attester.getEvidence(reportData)));
  }

  /** Evidence of the devices, one JSON object by TEE name; no bytes where there are none. */
  async getAdditionalEvidence(reportData: Uint8Array): Promise<Uint8Array> {
    const { devices } = this.#options;
    if (devices.length === 0) return new Uint8Array();
    const evidence: Record<string, JsonValue> = {};
    for (const device of devices) evidence[device.tee] = await device.getEvidence(reportData);
    return encodeUtf8(JSON.stringify(evidence));
  }

  /** @param type `kbs` or `coco_as`. @throws KbcError, ConfigError */
  async getToken(type: string): Promise<Uint8Array> {
    const { kbs, cocoAs } = this.#config;
    switch (type) {
      case 'kbs':
        if (kbs === undefined) throw new ConfigError('token_configs.kbs is not configured');
        return kbsToken(this.#options, kbs);
      case 'coco_as':
        if (cocoAs === undefined) throw new ConfigError('token_configs.coco_as is not configured');
        return attestationServiceToken(this.#options, cocoAs.url);
      default:
        throw new ConfigError('there are token types kbs and coco_as');
    }
  }

  /** @param register PCR to extend; default: the configured one. @throws EventError */
  async extendRuntimeMeasurement(event: MeasuredEvent, register: bigint | undefined): Promise<Measured> {
    const { eventLog } = this.#options;
    if (!this.#config.eventLog.enabled) return 'not-enabled';
    if (eventLog === undefined) return 'not-supported';
    if (register !== undefined && register > 23n) throw new EventError('the register index is not 0 to 23');
    await eventLog.extend(event, register === undefined ? undefined : Number(register));
    return 'measured';
  }

  /** @returns whether the platform could tell. @throws InitDataError when the guest was launched with another */
  bindInitData(digest: Uint8Array): Promise<boolean> {
    return checkInitData(this.#options.attester, digest);
  }

  /** Takes another configuration for the tokens to come; the event log stays as it was opened. */
  updateConfiguration(config: AgentConfig): void {
    this.#config = { ...config, eventLog: this.#config.eventLog };
  }
}

/** Evidence holds registers and the log of events: they must be of one moment. */
function undisturbed({ attester, eventLog }: AgentOptions): Attester {
  if (eventLog === undefined) return attester;
  return {
    ...attester,
    getEvidence: (reportData, challenge) => eventLog.undisturbed(() => attester.getEvidence(reportData, challenge)),
  };
}
