/** Every file of enclave-cc that can be written, by name. */
import type { JsonObject } from '@assay/bytes';
import { renderDecryptConfig } from '../config/decrypt-config.js';
import { formatKeyProvider } from '../config/key-provider.js';
import { renderOcicryptConfig } from '../config/ocicrypt-config.js';
import { PACKAGED_SHIM_CONFIG, renderShimConfig, type ShimConfig } from '../config/shim-config.js';
import type { EnclaveMode } from '../names.js';
import { agentBundleConfig } from './agent-bundle.js';
import { renderContainerdRuntime } from './containerd.js';
import { ccRuntime, RUNTIME_CLASS_OBJECT, samplePod } from './kubernetes.js';
import { occlumConfig } from './occlum.js';

export interface RenderOptions {
  readonly mode: EnclaveMode;
  /** URL of the key broker. */
  readonly kbs: string;
  readonly release: string;
  readonly shim?: ShimConfig;
  readonly image?: string;
  readonly command?: readonly string[];
}

const DEFAULT_IMAGE = 'registry.example/team/app:v1';

const FILES = {
  'shim-config': { file: 'config.toml', text: ({ shim }) => renderShimConfig(shim ?? PACKAGED_SHIM_CONFIG) },
  'decrypt-config': {
    file: 'decrypt_config.conf',
    text: ({ kbs }) => renderDecryptConfig(formatKeyProvider({ kbc: 'cc_kbc', uri: kbs }), true),
  },
  'ocicrypt-config': { file: 'ocicrypt.conf', text: () => renderOcicryptConfig() },
  'agent-bundle': { file: 'config.json', text: ({ mode, shim }) => json(agentBundleConfig(mode, shim?.agentUrl)) },
  occlum: { file: 'Occlum.json', text: ({ mode }) => json(occlumConfig({}, mode)) },
  containerd: { file: 'containerd.toml', text: () => renderContainerdRuntime() },
  'runtime-class': { file: 'runtime-class.yaml', text: () => yaml(RUNTIME_CLASS_OBJECT) },
  'cc-runtime': { file: 'cc-runtime.yaml', text: (options) => yaml(ccRuntime(options)) },
  pod: {
    file: 'pod.yaml',
    text: ({ mode, image = DEFAULT_IMAGE, command = ['/bin/hello_world'] }) =>
      yaml(samplePod({ mode, image, command })),
  },
} as const satisfies Record<
  string,
  { readonly file: string; readonly text: (options: RenderOptions) => string | Promise<string> }
>;

export type FileKind = keyof typeof FILES;

export const FILE_KINDS = Object.keys(FILES) as readonly FileKind[];

export async function renderFile(
  kind: FileKind,
  options: RenderOptions,
): Promise<{ readonly name: string; readonly text: string }> {
  const { file, text } = FILES[kind];
  return { name: file, text: await text(options) };
}

function json(value: JsonObject): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

async function yaml(value: JsonObject): Promise<string> {
  const { stringify } = await import('yaml');
  // Kubernetes reads YAML 1.1, where a plain yes is a boolean.
  return stringify(value, { lineWidth: 0, version: '1.1' });
}
