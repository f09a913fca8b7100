import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DecodeError, decodeBase64 } from '@assay/bytes';
import type { Attester } from '@assay/guest';
import {
  AGENT_LOG,
  AGENT_SOCKET,
  type AgentConfig,
  AttestationAgent,
  agentConfigOf,
  agentService,
  detectAttester,
  detectDevices,
  EventLog,
  httpTransport,
  kbcParamsOf,
  parseAgentConfig,
  type RpcServer,
  readConfigFile,
  readKernelCommandLine,
  serveRpc,
  systemAt,
  unspokenDevices,
} from '@assay/guest/services';
import { parseInitData } from '@assay/protocol';
import { CliError, EXIT } from '../exit.js';
import type { Output } from '../terminal/output.js';
import { type EarlySocketFlags, serveEarly } from './early-sockets.js';
import { reporter } from './report.js';

/** Makes the attester of a TEE that is emulated; a guest's own bundle has none. */
export type EmulatedAttester = (tee: string, options: EmulatedTeeOptions) => Promise<Attester>;

export interface EmulatedTeeOptions {
  /** File of the emulated world. */
  readonly world?: string;
  /** SIGSTRUCT of the enclave that is emulated. */
  readonly enclave?: string;
}

export interface AttestationAgentFlags extends EarlySocketFlags {
  readonly attestation_sock?: string;
  readonly configFile?: string;
  readonly initdataDigest?: string;
  readonly initdataToml?: string;
  readonly grpc?: string;
  readonly allowConfigurationUpdate?: boolean;
  readonly tee?: string;
  readonly world?: string;
}

/** Starts the Attestation Agent on its faces. */
export async function startAttestationAgent(
  flags: AttestationAgentFlags,
  output: Output,
  emulated: EmulatedAttester | undefined,
): Promise<readonly RpcServer[]> {
  const told = reporter(output, 'attestation-agent');
  const platform = { system: systemAt('/'), env: process.env, arch: process.arch };
  const attester = await attesterOf(flags, platform, emulated);
  if (attester.tee === 'sample')
    output.note('attestation-agent: no TEE was found; evidence is of kind sample, which proves nothing');
  for (const device of await unspokenDevices(platform))
    output.note(`attestation-agent: ${device} is here, and will be in no evidence: this agent cannot speak for it`);
  const config = await configOf(flags);
  const initDataToml = flags.initdataToml === undefined ? undefined : readFileSync(flags.initdataToml, 'utf8');
  const eventLog = await eventLogOf(config, attester);
  const agent = new AttestationAgent({
    attester,
    devices: detectDevices(platform),
    ...(initDataToml === undefined ? {} : { initDataToml }),
    transport: (url, ca) => httpTransport({ url, ...(ca === undefined ? {} : { ca }) }),
    random: (length) => randomBytes(length),
    now: () => new Date(),
    config,
    ...(eventLog === undefined ? {} : { eventLog }),
  });
  await bindInitData(agent, flags, initDataToml, told.onFailure);
  const services = [agentService(agent, { ...told, updatable: flags.allowConfigurationUpdate === true })];
  const addresses = [flags.attestation_sock ?? AGENT_SOCKET, ...(flags.grpc === undefined ? [] : [flags.grpc])];
  const servers: RpcServer[] = [];
  for (const address of addresses)
    servers.push(await serveRpc(address, services, { ...told, makeFolder: address === AGENT_SOCKET }));
  return [...servers, ...(await serveEarly(flags, agent, config, told))];
}

async function attesterOf(
  { tee, world }: AttestationAgentFlags,
  platform: Parameters<typeof detectAttester>[0],
  emulated: EmulatedAttester | undefined,
): Promise<Attester> {
  if (tee === undefined) return detectAttester(platform);
  if (emulated === undefined) throw new CliError('--tee: this program has no emulated hardware', EXIT.usage);
  return emulated(tee, world === undefined ? {} : { world });
}

async function configOf({ configFile }: AttestationAgentFlags): Promise<AgentConfig> {
  if (configFile !== undefined) return parseAgentConfig(await readConfigFile(configFile));
  return agentConfigOf(kbcParamsOf(process.env, await readKernelCommandLine('/')));
}

async function eventLogOf({ eventLog }: AgentConfig, { registers }: Attester): Promise<EventLog | undefined> {
  if (!eventLog.enabled || registers === undefined) return undefined;
  return EventLog.open({ registers, initPcr: eventLog.initPcr, path: process.env['AAEL_PATH'] ?? `/${AGENT_LOG}` });
}

/** The document wins over the digest, as upstream. */
async function bindInitData(
  agent: AttestationAgent,
  flags: AttestationAgentFlags,
  toml: string | undefined,
  onFailure: (what: string, error: unknown) => void,
): Promise<void> {
  const digest = toml === undefined ? digestOf(flags.initdataDigest) : parseInitData(toml).digest;
  if (digest === undefined || (await agent.bindInitData(digest))) return;
  onFailure('init-data is not bound', new DecodeError(agent.tee, 'does not tell what it was launched with'));
}

function digestOf(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined;
  try {
    return decodeBase64(text);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new CliError('--initdata-digest must be base64', EXIT.usage, { cause: error });
  }
}
