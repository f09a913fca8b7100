/** The life of a pod's sandbox and its agent enclave, step by step. */
import { posix } from 'node:path';
import { encodeHex } from '@assay/bytes';
import type { ShimConfig } from '../config/shim-config.js';
import { containerIdOf } from '../container-id.js';
import { checkFolder, checkId } from './ids.js';
import { containerTypeOf, namespaceOf, type RuntimeSpec } from './spec.js';
import type { Step } from './step.js';

const { join } = posix;
/** System pods pull no confidential image. */
const WITHOUT_AGENT = 'kube-system';
const AGENT_ID_BYTES = 32;

export interface SandboxRequest {
  readonly spec: RuntimeSpec;
  /** Id of the pause container. */
  readonly id: string;
  /** Folder of its bundle. */
  readonly bundle: string;
}

export interface SandboxPlan {
  /** 64 hex digits; absent for sandboxes without an agent. */
  readonly agentId: string | undefined;
  readonly steps: readonly Step[];
}

/**
 * Creates a sandbox: the pause container, then the agent enclave over a writable copy of its template.
 *
 * @param random makes the id of the agent
 * @throws AnnotationError, RangeError for an id that names no folder
 */
export function planSandbox(
  { spec, id, bundle }: SandboxRequest,
  config: ShimConfig,
  random: (length: number) => Uint8Array,
): SandboxPlan {
  checkId(id);
  if (containerTypeOf(spec) !== 'sandbox') throw new RangeError(`${id} is a container of a pod, not its sandbox`);
  const pause: Step = { do: 'runtime', call: 'create', id, bundle };
  if (namespaceOf(spec) === WITHOUT_AGENT) return { agentId: undefined, steps: [pause] };
  const agentId = encodeHex(random(AGENT_ID_BYTES));
  const own = join(config.agentRootDir, agentId);
  const merged = join(own, 'merged');
  return {
    agentId,
    steps: [
      pause,
      ...['upper', 'work', 'merged'].map((name): Step => ({ do: 'make-folder', path: join(own, name) })),
      {
        do: 'mount',
        type: 'overlay',
        target: join(merged, 'rootfs'),
        options: [
          'index=off',
          `lowerdir=${join(config.agentInstance, 'rootfs')}`,
          `workdir=${join(own, 'work')}`,
          `upperdir=${join(own, 'upper')}`,
        ],
      },
      { do: 'copy', from: join(config.agentInstance, 'config.json'), to: join(merged, 'config.json') },
      ...['stdout', 'stderr'].map((name): Step => ({ do: 'write', path: join(own, name), content: '', mode: 0o644 })),
      { do: 'runtime', call: 'create', id: agentId, bundle: merged },
      { do: 'write', path: join(bundle, 'agent-id'), content: agentId, mode: 0o600 },
    ],
  };
}

/** Starts, kills or deletes a sandbox: the pause container, then the agent's. */
export function planSandboxCall(
  call: 'start' | 'kill' | 'delete',
  id: string,
  agentId: string | undefined,
): readonly Step[] {
  const ids = agentId === undefined ? [id] : [id, agentId];
  return ids.map((each): Step => ({ do: 'runtime', call, id: checkId(each) }));
}

/** Pulls an image: the folders that the agent writes to, then the call. @throws StatusError for an image without a name */
export function planPull(image: string, agentId: string, config: ShimConfig): readonly Step[] {
  const containerId = containerIdOf(image);
  return [
    ...imageFolders(agentRootfs(agentId, config), containerId).map((path): Step => ({ do: 'make-folder', path })),
    { do: 'pull', image, containerId, agentUrl: config.agentUrl },
  ];
}

/** Clears a sandbox away: what is left of an agent that may still run, then its own container. */
export function planSandboxCleanup(
  { id, bundle }: Omit<SandboxRequest, 'spec'>,
  agentId: string | undefined,
  config: ShimConfig,
): readonly Step[] {
  checkId(id);
  const own = agentId === undefined ? undefined : join(config.agentRootDir, checkId(agentId));
  const agent: readonly Step[] =
    own === undefined || agentId === undefined
      ? []
      : [
          { do: 'runtime', call: 'delete', id: agentId, force: true },
          { do: 'unmount', target: join(own, 'merged/rootfs') },
          { do: 'remove', path: own },
        ];
  return [
    ...agent,
    { do: 'runtime', call: 'delete', id, force: true },
    { do: 'unmount', target: join(bundle, 'rootfs') },
  ];
}

/** Root of an agent enclave's bundle, as the host sees it. */
export function agentRootfs(agentId: string, { agentRootDir }: ShimConfig): string {
  return join(agentRootDir, checkId(agentId), 'merged/rootfs');
}

/** Folders below an agent's root that back the file systems of an image, and of its key. @throws RangeError */
export function imageFolders(rootfs: string, containerId: string): readonly string[] {
  const image = join(rootfs, 'images', checkFolder(containerId));
  return ['sefs/upper', 'sefs/lower', 'keys/sefs/upper', 'keys/sefs/lower'].map((path) => join(image, path));
}
