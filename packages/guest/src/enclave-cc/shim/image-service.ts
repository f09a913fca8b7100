/** The image service that containerd's Confidential Containers fork asks on the socket of the shim. */
import { mkdir } from 'node:fs/promises';
import { ShimImageService } from '@assay/protocol/guest';
import { ttrpcService } from '@assay/ttrpc';
import { containerIdOf } from '../container-id.js';
import type { EnclaveAgentClient } from './agent-client.js';
import { imageFolders } from './plan-sandbox.js';

export interface ShimImages {
  readonly agent: EnclaveAgentClient;
  /** Root of the agent's bundle, as the host sees it. */
  readonly rootfs: string;
}

/** `containerd.task.v2.Image`: makes the folders that the agent writes to, and has it pull. One pull at a time. */
export function shimImageService(images: ShimImages): ReturnType<typeof ttrpcService> {
  let last: Promise<unknown> = Promise.resolve();
  return ttrpcService(ShimImageService, {
    pullImage: ({ image }) => {
      const pulled = last.then(() => pullThroughAgent(image, images));
      last = pulled.catch(() => undefined);
      return pulled.then((imageRef) => ({ imageRef }));
    },
  });
}

/** @returns the agent's reference of the image. @throws StatusError */
export async function pullThroughAgent(image: string, { agent, rootfs }: ShimImages): Promise<string> {
  const containerId = containerIdOf(image);
  for (const folder of imageFolders(rootfs, containerId)) await mkdir(folder, { recursive: true });
  return agent.pullImage(image, containerId);
}
