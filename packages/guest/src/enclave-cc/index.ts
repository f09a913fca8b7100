/** `@assay/guest/enclave-cc`: files, plans and interfaces of enclave-cc, and a simulated agent enclave. */
export { EnclaveAgent, type EnclaveAgentOptions, type EnclavePull } from './agent/agent.js';
export { PullRefusal } from './agent/refusal.js';
export { enclaveImageService } from './agent/service.js';
export { PLAIN_NOTE, plainStore } from './agent/store/plain-store.js';
export { IMAGE_FILE, KEY_FILE, sealedStore } from './agent/store/sealed-store.js';
export type { ImageStore } from './agent/store/store.js';
export { type BootRole, bootImage, bootRole } from './boot/boot.js';
export { formatKeyText, KeyTextError, parseKeyText } from './boot/key-text.js';
export {
  type DecryptConfig,
  readDecryptConfig,
  renderDecryptConfig,
  STRICTEST_DECRYPT_CONFIG,
} from './config/decrypt-config.js';
export { formatKeyProvider, type KeyProviderParameter, parseKeyProvider } from './config/key-provider.js';
export { KEY_PROVIDER_NAME, readOcicryptConfig, renderOcicryptConfig } from './config/ocicrypt-config.js';
export {
  isLoopback,
  PACKAGED_SHIM_CONFIG,
  readShimConfig,
  renderShimConfig,
  type ShimConfig,
} from './config/shim-config.js';
export { containerIdOf, isContainerId } from './container-id.js';
export { agentBundleConfig, lintAgentBundle } from './deploy/agent-bundle.js';
export { lintContainerdConfig, renderContainerdRuntime } from './deploy/containerd.js';
export { lintHost, lintJson } from './deploy/host.js';
export { type InstallStep, installStepInWords, planInstall, planUninstall, RESET_PLAN } from './deploy/install-plan.js';
export { ccRuntime, NODE_LABEL, RUNTIME_CLASS_OBJECT, samplePod } from './deploy/kubernetes.js';
export { lintOcclumConfig, occlumConfig } from './deploy/occlum.js';
export { PAYLOAD_FOLDER, type PayloadFile, payloadFiles } from './deploy/payload.js';
export { lintPodSpec } from './deploy/pod.js';
export { FILE_KINDS, type FileKind, type RenderOptions, renderFile } from './deploy/render.js';
export * from './names.js';
export { type AttestationPolicyOptions, attestationPolicy, RESOURCE_POLICY } from './policy/policies.js';
export { REFERENCE_VALUES, referenceValueMessage, referenceValuesOf } from './policy/reference-values.js';
export { type AgentClientOptions, EnclaveAgentClient } from './shim/agent-client.js';
export { pullThroughAgent, shimImageService } from './shim/image-service.js';
export { lintContainerSpec } from './shim/lint-spec.js';
export { type ContainerPlan, planContainer, planContainerCleanup } from './shim/plan-container.js';
export {
  agentRootfs,
  imageFolders,
  planPull,
  planSandbox,
  planSandboxCall,
  planSandboxCleanup,
  type SandboxPlan,
} from './shim/plan-sandbox.js';
export { AnnotationError, containerTypeOf, groupOf, imageOf, namespaceOf, type RuntimeSpec } from './shim/spec.js';
export { type Step, stepInWords } from './shim/step.js';
