/** `@assay/guest/services`: the guest's services. Apart from the main entry, so that a client of a broker does not load them. */
export { AttestationAgent } from './agent/agent.js';
export { type EarlyServices, earlyServices } from './agent/early-services.js';
export { EventError } from './agent/event-log/entry.js';
export { EventLog } from './agent/event-log/event-log.js';
export { agentService } from './agent/service.js';
export { readKbsToken } from './agent/tokens.js';
export { type ApiBackend, ttrpcBackend, unsealRemotely } from './api/backend.js';
export type { ApiFeature } from './api/router.js';
export { API_ADDRESS, serveApi } from './api/server.js';
export { AttesterError } from './attester/attester-error.js';
export { detectAttester, detectDevices, unspokenDevices } from './attester/detect.js';
export { AGENT_LOG } from './attester/hardware/cc-event-log.js';
export { InitDataError } from './attester/init-data-error.js';
export { systemAt } from './attester/system.js';
export { DataHub } from './cdh/data-hub.js';
export { PullError } from './cdh/image/pull-error.js';
export { MountError } from './cdh/secure-mount/mount-error.js';
export { runProgram } from './cdh/secure-mount/run-program.js';
export { dataHubServices } from './cdh/service.js';
export { openSecret, type Unsealing, unsealPayload } from './cdh/unseal.js';
export { type AgentConfig, agentConfigOf, parseAgentConfig } from './config/agent-config.js';
export { ConfigError } from './config/config-error.js';
export {
  AGENT_SOCKET,
  DATA_HUB_FOLDER,
  DATA_HUB_SOCKET,
  type DataHubConfig,
  parseDataHubConfig,
} from './config/data-hub-config.js';
export { readConfigFile } from './config/document.js';
export { DEFAULT_IMAGE_CONFIG, type ImageConfig, type ImageProxy } from './config/image-config.js';
export { kbcParamsOf, readKernelCommandLine } from './config/kbc-params.js';
export { httpTransport } from './kbc/http-transport.js';
export { type Credential, TokenKbc } from './kbc/token-kbc.js';
export { type RpcServer, serveRpc } from './rpc/serve.js';
export { type RpcService, rpcService } from './rpc/service.js';
export { TpmError } from './tpm/tpm-error.js';
