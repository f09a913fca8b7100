import { DecodeError, isJsonObject, parseJsonStrict } from '@assay/bytes';
import { AttestationAgentService, RUNTIME_MEASUREMENT_RESULT } from '@assay/protocol/guest';
import { STATUS, StatusError } from '@assay/ttrpc';
import { parseAgentConfig } from '../config/agent-config.js';
import { ConfigError } from '../config/config-error.js';
import { type Face, type RpcService, rpcService } from '../rpc/service.js';
import type { AttestationAgent, Measured } from './agent.js';

export interface AgentServiceOptions {
  /** Hears why a call failed: callers are told what failed, not why. */
  readonly onFailure: (what: string, error: unknown) => void;
  readonly onDefect: (error: unknown) => void;
  /** Serves UpdateConfiguration of v0.9 to v0.11. Whoever reaches the agent can then send its evidence elsewhere. Default false. */
  readonly updatable?: boolean;
}

const RESULTS: Readonly<Record<Measured, number>> = {
  measured: RUNTIME_MEASUREMENT_RESULT.ok,
  'not-supported': RUNTIME_MEASUREMENT_RESULT.notSupported,
  'not-enabled': RUNTIME_MEASUREMENT_RESULT.notEnabled,
};

/** `attestation_agent.AttestationAgentService`, with the codes and texts of upstream's servers. */
export function agentService(agent: AttestationAgent, options: AgentServiceOptions): RpcService {
  const { onFailure, onDefect } = options;
  const failing = async <T>(face: Face, what: Readonly<Record<Face, string>>, act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      if (error instanceof StatusError) throw error;
      onFailure(what[face], error);
      throw new StatusError(STATUS.internal, `[ERROR:attestation-agent] ${what[face]}`, { cause: error });
    }
  };
  const bindInitData = async ({ Digest }: { readonly Digest: Uint8Array }, { face }: { readonly face: Face }) => {
    await failing(face, both('AA bind init data failed'), async () => {
      if (!(await agent.bindInitData(Digest)))
        onFailure('init-data is not bound', new Error(`${agent.tee} does not tell what it was launched with`));
    });
    return {};
  };
  return rpcService(
    AttestationAgentService,
    {
      getEvidence: ({ RuntimeData }, { face }) =>
        failing(face, EVIDENCE, async () => ({ Evidence: await agent.getEvidence(RuntimeData) })),
      getAdditionalEvidence: ({ RuntimeData }, { face }) =>
        failing(face, ADDITIONAL_EVIDENCE, async () => ({ Evidence: await agent.getAdditionalEvidence(RuntimeData) })),
      getToken: ({ TokenType }, { face }) =>
        failing(face, TOKEN, async () => ({ Token: await agent.getToken(TokenType) })),
      extendRuntimeMeasurement: ({ Domain, Operation, Content, RegisterIndex }, { face }) =>
        failing(face, both('AA extend runtime measurement failed'), async () => {
          // A request of v0.9 has other fields under the same numbers, and decodes to an event without an operation.
          if (Operation === '') throw new StatusError(STATUS.invalidArgument, 'an event has a Domain and an Operation');
          const event = { domain: Domain, operation: Operation, content: Content };
          return { Result: RESULTS[await agent.extendRuntimeMeasurement(event, RegisterIndex)] };
        }),
      bindInitData,
      checkInitData: bindInitData,
      getTeeType: async () => ({ tee: agent.tee }),
      getAdditionalTees: async () => ({ additionalTees: [...agent.additionalTees] }),
      ...(options.updatable === true
        ? {
            updateConfiguration: async ({ config }: { readonly config: string }) => {
              agent.updateConfiguration(configOf(config));
              return {};
            },
          }
        : {}),
    },
    // Upstream's ttrpc server leaves it out, and kata-agent knows that.
    { grpcOnly: ['bindInitData'], onDefect },
  );
}

const EVIDENCE = { ttrpc: 'AA-KBC get evidence failed', grpc: 'AA get evidence failed' };
const ADDITIONAL_EVIDENCE = { ttrpc: 'AA-KBC get evidence failed', grpc: 'AA get additional evidence failed' };
const TOKEN = { ttrpc: 'AA-KBC get token failed', grpc: 'AA get token failed' };

function both(text: string): Readonly<Record<Face, string>> {
  return { ttrpc: text, grpc: text };
}

function configOf(text: string) {
  try {
    const document = parseJsonStrict(Buffer.from(text));
    if (isJsonObject(document)) return parseAgentConfig(document);
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof ConfigError)) throw error;
    throw new StatusError(STATUS.invalidArgument, error.message, { cause: error });
  }
  throw new StatusError(STATUS.invalidArgument, 'the configuration is not a JSON object');
}
