import type { JsonObject } from '@assay/bytes';
import { TEE_KEY_ALGORITHMS, type TeeKeyAlgorithm } from '@assay/protocol';
import { ConfigError } from './config-error.js';
import { flagOf, numberOf, tableOf, textOf } from './field.js';
import type { KbcParams } from './kbc-params.js';

/** Settings of the Attestation Agent. */
export interface AgentConfig {
  /** Absent: tokens of that kind are refused. */
  readonly kbs?: KbsTokenConfig;
  readonly cocoAs?: { readonly url: string };
  readonly eventLog: EventLogConfig;
}

export interface KbsTokenConfig {
  readonly url: string;
  /** PEM certificates believed beside the built-in roots. */
  readonly cert?: string;
  readonly teeKeyAlgorithm: TeeKeyAlgorithm;
}

export interface EventLogConfig {
  /** PCR that events are measured into where a request names none. */
  readonly initPcr: number;
  readonly enabled: boolean;
}

const DEFAULT_EVENT_LOG: EventLogConfig = { initPcr: 17, enabled: false };

/** Reads `[token_configs.kbs]`, `[token_configs.coco_as]`, `[eventlog_config]`. @throws ConfigError */
export function parseAgentConfig(document: JsonObject): AgentConfig {
  const tokens = tableOf(document, 'token_configs');
  const log = tableOf(document, 'eventlog_config');
  return {
    ...(Object.hasOwn(tokens, 'kbs') ? { kbs: kbsConfig(tableOf(tokens, 'kbs')) } : {}),
    ...(Object.hasOwn(tokens, 'coco_as')
      ? { cocoAs: { url: urlOf(tableOf(tokens, 'coco_as'), 'token_configs.coco_as.url') } }
      : {}),
    eventLog: {
      initPcr: numberOf(log, 'init_pcr', 23, 'eventlog_config.init_pcr') ?? DEFAULT_EVENT_LOG.initPcr,
      enabled: flagOf(log, 'enable_eventlog', 'eventlog_config.enable_eventlog') ?? DEFAULT_EVENT_LOG.enabled,
    },
  };
}

/** Settings of an agent without a file: only the broker of `cc_kbc` is known. @throws ConfigError */
export function agentConfigOf({ name, uri }: KbcParams): AgentConfig {
  const kbs = name === 'cc_kbc' ? kbsConfig({ url: uri }) : undefined;
  return { ...(kbs === undefined ? {} : { kbs }), eventLog: DEFAULT_EVENT_LOG };
}

function kbsConfig(table: JsonObject): KbsTokenConfig {
  const cert = textOf(table, 'cert', 'token_configs.kbs.cert');
  const algorithm = textOf(table, 'tee_key_algorithm', 'token_configs.kbs.tee_key_algorithm') ?? 'ECDH-ES+A256KW-P256';
  if (algorithm === 'RSA1_5' || !(TEE_KEY_ALGORITHMS as readonly string[]).includes(algorithm)) {
    const known = TEE_KEY_ALGORITHMS.filter((name) => name !== 'RSA1_5').join(', ');
    throw new ConfigError(`token_configs.kbs.tee_key_algorithm must be one of ${known}`);
  }
  return {
    url: urlOf(table, 'token_configs.kbs.url'),
    ...(cert === undefined || cert.trim() === '' ? {} : { cert }),
    teeKeyAlgorithm: algorithm as TeeKeyAlgorithm,
  };
}

function urlOf(table: JsonObject, where: string): string {
  const url = textOf(table, 'url', where);
  if (url === undefined || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new ConfigError(`${where} must be an http or https URL`);
  return url;
}
