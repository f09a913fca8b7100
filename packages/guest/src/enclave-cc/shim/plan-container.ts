/** The life of an application's container: its image over the boot instance. */
import { posix } from 'node:path';
import type { JsonObject } from '@assay/bytes';
import type { FindingDraft } from '@assay/bytes/findings';
import type { ShimConfig } from '../config/shim-config.js';
import { containerIdOf } from '../container-id.js';
import { APP_ROOT_DIR } from '../names.js';
import { checkFolder, checkId } from './ids.js';
import { lintContainerSpec } from './lint-spec.js';
import { agentRootfs } from './plan-sandbox.js';
import { containerTypeOf, imageOf, objectIn, type RuntimeSpec } from './spec.js';
import type { Step } from './step.js';

const { join } = posix;

export interface ContainerRequest {
  readonly spec: RuntimeSpec;
  readonly id: string;
  readonly bundle: string;
  /** Agent of the sandbox. */
  readonly agentId: string;
}

export interface ContainerPlan {
  /** What the runtime is given: the root file system is the bundle's. */
  readonly spec: RuntimeSpec;
  readonly steps: readonly Step[];
  /** What keeps its program out of an enclave: the shim goes on, whatever stands here. */
  readonly findings: readonly FindingDraft[];
}

/**
 * Creates a container. The folder of the image lies above the boot instance, so that `/sefs` and `/keys` appear in its root.
 *
 * @throws AnnotationError, StatusError for an image without a name, RangeError for an id that names no folder
 */
export function planContainer({ spec, id, bundle, agentId }: ContainerRequest, config: ShimConfig): ContainerPlan {
  if (containerTypeOf(spec) !== 'container')
    throw new RangeError(`${id} is the sandbox of a pod, not a container in it`);
  const own = join(APP_ROOT_DIR, checkId(id));
  const image = join(agentRootfs(agentId, config), 'images', checkFolder(containerIdOf(imageOf(spec))));
  const rewritten: JsonObject = { ...spec, root: { ...objectIn(spec, 'root'), path: 'rootfs' } };
  return {
    spec: rewritten,
    findings: lintContainerSpec(spec, id),
    steps: [
      ...['upper', 'work'].map((name): Step => ({ do: 'make-folder', path: join(own, name) })),
      {
        do: 'mount',
        type: 'overlay',
        target: join(bundle, 'rootfs'),
        options: [
          'index=off',
          `workdir=${join(own, 'work')}`,
          `upperdir=${join(own, 'upper')}`,
          `lowerdir=${image}:${join(config.bootInstance, 'rootfs')}`,
        ],
      },
      { do: 'runtime', call: 'create', id, bundle },
    ],
  };
}

export function planContainerCleanup({ id, bundle }: Pick<ContainerRequest, 'id' | 'bundle'>): readonly Step[] {
  return [
    { do: 'remove', path: join(APP_ROOT_DIR, checkId(id)) },
    { do: 'runtime', call: 'delete', id, force: true },
    { do: 'unmount', target: join(bundle, 'rootfs') },
  ];
}
