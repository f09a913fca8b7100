import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { AttestationAgentService } from '@assay/protocol/guest';
import { temporaryFolder } from '@assay/testkit';
import { callTtrpc, TtrpcClient } from '@assay/ttrpc';
import { type AgentOptions, AttestationAgent } from './agent/agent.js';
import { type AgentServiceOptions, agentService } from './agent/service.js';
import { readKbsToken } from './agent/tokens.js';
import { sampleAttester } from './attester/sample.js';
import { DataHub, type DataHubOptions } from './cdh/data-hub.js';
import { dataHubServices } from './cdh/service.js';
import { FakeBroker, type FakeBrokerOptions } from './kbc/fake-broker.test.helper.js';
import { TokenKbc } from './kbc/token-kbc.js';
import { type Call, grpcCaller, ttrpcCaller } from './rpc/independent-clients.test.helper.js';
import { type RpcServer, serveRpc } from './rpc/serve.js';

export interface TestGuestOptions {
  readonly broker?: Partial<FakeBrokerOptions>;
  readonly agent?: Partial<AgentOptions>;
  readonly agentService?: Partial<AgentServiceOptions>;
  readonly hub?: Partial<DataHubOptions>;
  readonly now?: () => Date;
}

/** A guest with both services on real sockets, on both faces, and a broker that behaves. */
export interface TestGuest {
  readonly folder: string;
  readonly broker: FakeBroker;
  readonly agentPath: string;
  readonly hubPath: string;
  /** Why calls failed, as the services told their owner. */
  readonly failures: { readonly what: string; readonly error: unknown }[];
  readonly agent: Readonly<Record<'ttrpc' | 'grpc', Call>>;
  readonly hub: Readonly<Record<'ttrpc' | 'grpc', Call>>;
  stop(): Promise<void>;
}

export const KBS_URL = 'http://broker';

export async function startTestGuest(options: TestGuestOptions = {}): Promise<TestGuest> {
  const folder = temporaryFolder('guest-');
  const now = options.now ?? (() => new Date());
  const broker = new FakeBroker({ now, ...options.broker });
  const failures: { what: string; error: unknown }[] = [];
  const told = {
    onFailure: (what: string, error: unknown) => void failures.push({ what, error }),
    onDefect: (error: unknown) => void failures.push({ what: 'defect', error }),
  };
  const random = (length: number): Uint8Array => randomBytes(length);
  const agent = new AttestationAgent({
    attester: sampleAttester(),
    devices: [],
    transport: () => broker.transport,
    random,
    now,
    retryMs: 1,
    config: {
      kbs: { url: KBS_URL, teeKeyAlgorithm: 'ECDH-ES+A256KW-P256' },
      eventLog: { initPcr: 17, enabled: false },
    },
    ...options.agent,
  });
  const agentPath = join(folder, 'aa.sock');
  const hubPath = join(folder, 'cdh.sock');
  const servers: RpcServer[] = [];
  const serve = async (path: string, services: Parameters<typeof serveRpc>[1]): Promise<string> => {
    servers.push(await serveRpc(`unix://${path}`, services, told));
    const grpc = await serveRpc('127.0.0.1:0', services, told);
    servers.push(grpc);
    return grpc.address;
  };
  const agentGrpc = grpcCaller(await serve(agentPath, [agentService(agent, { ...told, ...options.agentService })]));
  const toAgent = new TtrpcClient(`unix://${agentPath}`);
  const hub = new DataHub({
    kbc: new TokenKbc({
      transport: broker.transport,
      credential: async () =>
        readKbsToken((await callTtrpc(toAgent, AttestationAgentService.method.getToken, { TokenType: 'kbs' })).Token),
      random,
      now,
    }),
    kms: {},
    skipSealedSecretVerification: false,
    folder,
    root: folder,
    run: () => Promise.reject(new Error('no program was expected')),
    ...options.hub,
  });
  const hubGrpc = grpcCaller(await serve(hubPath, dataHubServices(hub, told)));
  const agentTtrpc = await ttrpcCaller(agentPath);
  const hubTtrpc = await ttrpcCaller(hubPath);
  return {
    folder,
    broker,
    agentPath,
    hubPath,
    failures,
    agent: { ttrpc: agentTtrpc.call, grpc: agentGrpc.call },
    hub: { ttrpc: hubTtrpc.call, grpc: hubGrpc.call },
    stop: async () => {
      for (const client of [agentTtrpc, hubTtrpc, agentGrpc, hubGrpc]) client.close();
      toAgent.close();
      await Promise.all(servers.map((server) => server.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
