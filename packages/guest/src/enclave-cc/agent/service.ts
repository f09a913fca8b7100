import { EnclaveImageService } from '@assay/protocol/guest';
import { STATUS, StatusError, ttrpcService } from '@assay/ttrpc';
import { PullError } from '../../cdh/image/pull-error.js';
import { KbcError } from '../../kbc/kbc-error.js';
import type { EnclaveAgent } from './agent.js';
import { PullRefusal } from './refusal.js';

/** `grpc.Image`. Every failure is INTERNAL with one line: the connection is not trusted, and neither side of it is told more. */
export function enclaveImageService(
  agent: EnclaveAgent,
  onFailure: (what: string, error: unknown) => void,
): ReturnType<typeof ttrpcService> {
  return ttrpcService(EnclaveImageService, {
    pullImage: async ({ image, containerId, sourceCreds }) => {
      try {
        return { imageRef: await agent.pullImage({ image, containerId, sourceCreds }) };
      } catch (error) {
        const attempt = attemptOf(error);
        const why = attempt === undefined ? '' : ` (assay audit show ${attempt})`;
        onFailure(`PullImage of ${image.slice(0, 300)}${why}`, error);
        throw new StatusError(STATUS.internal, told(error), { cause: error });
      }
    },
  });
}

function told(error: unknown): string {
  if (error instanceof PullRefusal) return error.message;
  return error instanceof PullError ? `${error.part} error: ${error.message}` : 'the image was not put away';
}

/** Id under which the owner of the key broker finds why it refused. */
function attemptOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1)
    if (at instanceof KbcError && at.attempt !== undefined) return at.attempt;
  return undefined;
}
