import { DecodeError } from '@assay/bytes';
import { formatUnwrapResponse, parseResourceUri, parseUnwrapRequest } from '@assay/protocol';
import { EarlyGetResourceService, KeyProviderService } from '@assay/protocol/guest';
import { STATUS, StatusError } from '@assay/ttrpc';
import { type KeySources, unwrapKey } from '../cdh/unwrap-key.js';
import { type RpcService, rpcService } from '../rpc/service.js';

export interface EarlyServicesOptions extends KeySources {
  readonly onFailure: (what: string, error: unknown) => void;
  readonly onDefect: (error: unknown) => void;
}

/** Services of Attestation Agents up to v0.8, each on a socket of its own. */
export interface EarlyServices {
  /** `getresource.GetResourceService` */
  readonly getResource: RpcService;
  /** `keyprovider.KeyProviderService` */
  readonly keyProvider: RpcService;
}

/**
 * What Attestation Agents did up to v0.8, and the data hub does since. The broker client and address that a request names do not count:
 * secrets come from where this guest's configuration says.
 */
export function earlyServices(options: EarlyServicesOptions): EarlyServices {
  const { onFailure, onDefect } = options;
  const failing = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      onFailure(what, error);
      throw new StatusError(STATUS.internal, `[ERROR:attestation-agent] ${what}`, { cause: error });
    }
  };
  return {
    getResource: rpcService(
      EarlyGetResourceService,
      {
        getResource: ({ ResourcePath }) =>
          failing('AA-KBC get resource failed', async () => ({
            Resource: await options.getResource(parseResourceUri(uriOf(ResourcePath))),
          })),
      },
      { onDefect },
    ),
    keyProvider: rpcService(
      KeyProviderService,
      {
        unWrapKey: async ({ KeyProviderKeyWrapProtocolInput: input }) => {
          const annotation = await failing('Parse request failed', async () => parseUnwrapRequest(input));
          return failing('AA-KBC key provider failed', async () => ({
            KeyProviderKeyWrapProtocolOutput: formatUnwrapResponse(await unwrapKey(annotation, options)),
          }));
        },
      },
      { onDefect },
    ),
  };
}

/** `/repository/type/tag` as these releases named a resource. @throws DecodeError */
function uriOf(path: string): string {
  if (!/^\/[^/]+\/[^/]+\/[^/]+$/.test(path)) throw new DecodeError('ResourcePath', 'not /REPOSITORY/TYPE/TAG');
  return `kbs://${path}`;
}
