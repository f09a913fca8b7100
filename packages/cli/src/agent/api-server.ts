import {
  AGENT_SOCKET,
  API_ADDRESS,
  type ApiFeature,
  DATA_HUB_SOCKET,
  serveApi,
  ttrpcBackend,
} from '@assay/guest/services';
import type { Output } from '../terminal/output.js';
import { VERSION } from '../version.js';
import type { Closable } from './lifetime.js';
import { reporter } from './report.js';

export interface ApiServerFlags {
  readonly bind?: string;
  readonly features?: ApiFeature;
  readonly cdh_addr?: string;
  readonly aa_addr?: string;
}

/** Starts the REST interface. */
export async function startApiServer(
  flags: ApiServerFlags,
  output: Output,
): Promise<Closable & { readonly address: string }> {
  const backend = ttrpcBackend(flags.aa_addr ?? AGENT_SOCKET, flags.cdh_addr ?? DATA_HUB_SOCKET);
  const { onFailure } = reporter(output, 'api-server-rest');
  const server = await serveApi(flags.bind ?? API_ADDRESS, {
    backend,
    feature: flags.features ?? 'resource',
    version: VERSION,
    onFailure: (error) => onFailure('request failed', error),
  });
  return {
    address: `http://${server.address}`,
    close: async () => {
      await server.close();
      backend.close();
    },
  };
}
