import {
  type AgentConfig,
  type AttestationAgent,
  earlyServices,
  kbcParamsOf,
  type RpcServer,
  readKernelCommandLine,
  serveRpc,
} from '@assay/guest/services';
import { keyBrokerClient } from './key-broker-client.js';
import type { reporter } from './report.js';

export interface EarlySocketFlags {
  readonly keyprovider_sock?: string;
  readonly getresource_sock?: string;
}

/** Folder of the sockets that these releases had when none was named. */
const FOLDER = 'unix:///run/confidential-containers/attestation-agent/';

/** Serves what Attestation Agents served up to v0.8, on the sockets that are named. */
export async function serveEarly(
  flags: EarlySocketFlags,
  agent: AttestationAgent,
  config: AgentConfig,
  told: ReturnType<typeof reporter>,
): Promise<readonly RpcServer[]> {
  const { getresource_sock: resources, keyprovider_sock: keys } = flags;
  if (resources === undefined && keys === undefined) return [];
  const kbc = await keyBrokerClient(await brokerOf(config), () => agent.getToken('kbs'));
  const services = earlyServices({
    getResource: (uri) => kbc.getResource(uri),
    // Packets of these releases knew the key broker only.
    kms: {},
    ...told,
  });
  const servers: RpcServer[] = [];
  for (const [address, service] of [
    [resources, services.getResource],
    [keys, services.keyProvider],
  ] as const) {
    if (address === undefined) continue;
    servers.push(await serveRpc(address, [service], { ...told, makeFolder: address.startsWith(FOLDER) }));
  }
  return servers;
}

/** The broker of the settings, else of environment and kernel command line, as those releases had it. */
async function brokerOf({ kbs }: AgentConfig) {
  if (kbs === undefined) return { kbc: kbcParamsOf(process.env, await readKernelCommandLine('/')) };
  return {
    kbc: { name: 'cc_kbc', uri: kbs.url },
    ...(kbs.cert === undefined ? {} : { kbsCert: kbs.cert }),
  };
}
