import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DATA_HUB_FOLDER,
  DATA_HUB_SOCKET,
  DataHub,
  type DataHubConfig,
  dataHubServices,
  kbcParamsOf,
  parseDataHubConfig,
  type RpcServer,
  readConfigFile,
  readKernelCommandLine,
  runProgram,
  serveRpc,
  ttrpcBackend,
} from '@assay/guest/services';
import { kmsDrivers } from '@assay/kms/drivers';
import type { Output } from '../terminal/output.js';
import { keyBrokerClient } from './key-broker-client.js';
import { reporter } from './report.js';

export interface DataHubFlags {
  readonly config?: string;
  readonly socket?: string;
  readonly grpc?: string;
  /** Other place than `/run/confidential-containers/cdh`. */
  readonly folder?: string;
  /** Agent that wins over the configuration: the one of the same process. */
  readonly agentSocket?: string;
}

/** A data hub of this process, without a socket. */
export interface OwnDataHub {
  readonly hub: DataHub;
  readonly config: DataHubConfig;
  readonly folder: string;
  /** Lets go of the Attestation Agent. */
  readonly close: () => void;
}

/** Makes the data hub that settings and environment describe, and fetches what they want as files. */
export async function makeDataHub(flags: DataHubFlags, output: Output): Promise<OwnDataHub> {
  const config = await configOf(flags);
  const folder = flags.folder ?? DATA_HUB_FOLDER;
  const agentSocket = flags.agentSocket ?? config.agentSocket;
  const agent = ttrpcBackend(agentSocket, agentSocket);
  const hub = new DataHub({
    kbc: await keyBrokerClient(config, () => agent.getToken('kbs')),
    kms: kmsDrivers({ folder: join(folder, 'kbs/kms-credential'), env: process.env }),
    skipSealedSecretVerification: config.skipSealedSecretVerification,
    folder,
    root: '/',
    run: runProgram,
    image: config.image,
    // A guest without an agent has no event log.
    measure: async (event) => (existsSync(pathOf(agentSocket)) ? agent.extend(event) : 'not-supported'),
  });
  if (config.skipSealedSecretVerification)
    output.note('confidential-data-hub: signatures of sealed secrets are NOT verified, as the configuration says');
  if (config.kbc.name === 'sample_kbc')
    output.note('confidential-data-hub: the key of sample_kbc is public; what it opens is open to everybody');
  await hub.fetchCredentials(config.credentials);
  return { hub, config, folder, close: () => agent.close() };
}

/** Starts the Confidential Data Hub on its faces. */
export async function startDataHub(flags: DataHubFlags, output: Output): Promise<readonly RpcServer[]> {
  const told = reporter(output, 'confidential-data-hub');
  const { hub, config, folder } = await makeDataHub(flags, output);
  const socket = flags.socket ?? config.socket;
  writeKeyProviderConfig(folder, socket);
  const services = dataHubServices(hub, told);
  const servers = [await serveRpc(socket, services, { ...told, makeFolder: socket === DATA_HUB_SOCKET })];
  if (flags.grpc !== undefined) servers.push(await serveRpc(flags.grpc, services, told));
  return servers;
}

async function configOf({ config }: DataHubFlags): Promise<DataHubConfig> {
  const commandLine = await readKernelCommandLine('/');
  const document = config === undefined ? undefined : await readConfigFile(config);
  return parseDataHubConfig(document, kbcParamsOf(process.env, commandLine), { env: process.env, commandLine });
}

/** Path of a socket that is named `unix://PATH`. */
function pathOf(socket: string): string {
  return socket.replace(/^unix:\/\//, '');
}

/** Where ocicrypt libraries find this process as key provider. */
function writeKeyProviderConfig(folder: string, socket: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const providers = { 'key-providers': { 'attestation-agent': { ttrpc: socket } } };
  writeFileSync(join(folder, 'ocicrypt_config.json'), JSON.stringify(providers), { mode: 0o644 });
}
