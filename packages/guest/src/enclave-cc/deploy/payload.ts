/** The payload: everything that an installer brings to a node. */
import { encodeUtf8 } from '@assay/bytes';
import { PACKAGED_SHIM_CONFIG, renderShimConfig, type ShimConfig } from '../config/shim-config.js';
import { type EnclaveMode, SHIM_BINARY } from '../names.js';
import { agentBundleConfig } from './agent-bundle.js';
import { renderContainerdRuntime } from './containerd.js';
import { installScript, PAYLOAD_FILES } from './install-script.js';
import { renderFile } from './render.js';

/** Where the payload lies in its image. */
export const PAYLOAD_FOLDER = 'opt/enclave-cc-artifacts';

export interface PayloadOptions {
  readonly mode: EnclaveMode;
  /** Tar archive of the unified instance: the build of Occlum. */
  readonly instance: Uint8Array;
  /** The shim's binary. */
  readonly shim: Uint8Array;
  readonly config?: ShimConfig;
}

export interface PayloadFile {
  /** Below {@link PAYLOAD_FOLDER}. */
  readonly path: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

/** Files of the payload, in order of their paths. */
export async function payloadFiles(options: PayloadOptions): Promise<readonly PayloadFile[]> {
  const { mode, instance, shim, config = PACKAGED_SHIM_CONFIG } = options;
  const runtimeClass = await renderFile('runtime-class', { mode, kbs: '', release: '' });
  const bundle = `${JSON.stringify(agentBundleConfig(mode, config.agentUrl), null, 2)}\n`;
  const file = (path: string, content: Uint8Array | string, executable = false): PayloadFile => ({
    path,
    mode: executable ? 0o755 : 0o644,
    content: typeof content === 'string' ? encodeUtf8(content) : content,
  });
  return [
    file('unified-instance.tar', instance),
    file('config.json', bundle),
    file('shim-rune-config.toml', renderShimConfig(config)),
    file(SHIM_BINARY, shim, true),
    file(PAYLOAD_FILES.runtimeClass, runtimeClass.text),
    file(PAYLOAD_FILES.runtime[1], renderContainerdRuntime(1)),
    file(PAYLOAD_FILES.runtime[2], renderContainerdRuntime(2)),
    file(PAYLOAD_FILES.script, installScript(config), true),
  ].sort((one, other) => (one.path < other.path ? -1 : 1));
}
