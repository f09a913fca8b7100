import {
  AttestationAgentService,
  GetResourceService,
  RUNTIME_MEASUREMENT_RESULT,
  SealedSecretService,
} from '@assay/protocol/guest';
import { callTtrpc, TtrpcClient } from '@assay/ttrpc';
import type { Measured } from '../agent/agent.js';
import type { MeasuredEvent } from '../agent/event-log/entry.js';

/** What the REST interface asks. Upstream's services answer it, or Assay's. */
export interface ApiBackend {
  getResource(uri: string): Promise<Uint8Array>;
  getToken(type: string): Promise<Uint8Array>;
  getEvidence(runtimeData: Uint8Array): Promise<Uint8Array>;
  getAdditionalEvidence(runtimeData: Uint8Array): Promise<Uint8Array>;
  extend(event: MeasuredEvent): Promise<Measured>;
  teeType(): Promise<string>;
  additionalTees(): Promise<readonly string[]>;
}

const { getEvidence, getAdditionalEvidence, getToken, extendRuntimeMeasurement, getTeeType, getAdditionalTees } =
  AttestationAgentService.method;

/** The services behind their ttrpc sockets. They need not run yet: each call connects where that is needed. */
export function ttrpcBackend(agentSocket: string, dataHubSocket: string): ApiBackend & { close(): void } {
  const agent = new TtrpcClient(agentSocket);
  const hub = new TtrpcClient(dataHubSocket);
  return {
    getResource: async (uri) =>
      (await callTtrpc(hub, GetResourceService.method.getResource, { ResourcePath: uri })).Resource,
    getToken: async (type) => (await callTtrpc(agent, getToken, { TokenType: type })).Token,
    getEvidence: async (data) => (await callTtrpc(agent, getEvidence, { RuntimeData: data })).Evidence,
    getAdditionalEvidence: async (data) =>
      (await callTtrpc(agent, getAdditionalEvidence, { RuntimeData: data })).Evidence,
    extend: async ({ domain, operation, content }) => {
      const request = { Domain: domain, Operation: operation, Content: content };
      return measured((await callTtrpc(agent, extendRuntimeMeasurement, request)).Result);
    },
    teeType: async () => (await callTtrpc(agent, getTeeType, {})).tee,
    additionalTees: async () => (await callTtrpc(agent, getAdditionalTees, {})).additionalTees,
    close: () => {
      agent.close();
      hub.close();
    },
  };
}

function measured(result: number): Measured {
  switch (result) {
    case RUNTIME_MEASUREMENT_RESULT.ok:
      return 'measured';
    case RUNTIME_MEASUREMENT_RESULT.notEnabled:
      return 'not-enabled';
    default:
      return 'not-supported';
  }
}

/** Unseals secrets by the Confidential Data Hub behind a ttrpc socket. @throws StatusError */
export function unsealRemotely(dataHubSocket: string) {
  const hub = new TtrpcClient(dataHubSocket);
  return {
    unseal: async (secret: Uint8Array): Promise<Uint8Array> =>
      (await callTtrpc(hub, SealedSecretService.method.unsealSecret, { secret })).plaintext,
    close: (): void => hub.close(),
  };
}
