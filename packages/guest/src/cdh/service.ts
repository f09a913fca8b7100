import { DecodeError } from '@assay/bytes';
import { formatUnwrapResponse, parseUnwrapRequest } from '@assay/protocol';
import {
  EarlyKeyProviderService,
  GetResourceService,
  ImagePullService,
  KeyProviderService,
  SealedSecretService,
  SecureMountService,
} from '@assay/protocol/guest';
import { STATUS, StatusError } from '@assay/ttrpc';
import { type RpcService, rpcService } from '../rpc/service.js';
import type { DataHub } from './data-hub.js';
import { PullError } from './image/pull-error.js';

export interface DataHubServiceOptions {
  /** Hears why a call failed: callers are told what failed, not why. */
  readonly onFailure: (what: string, error: unknown) => void;
  readonly onDefect: (error: unknown) => void;
}

/** The services of the Confidential Data Hub, with the codes and texts of upstream's servers. */
export function dataHubServices(hub: DataHub, options: DataHubServiceOptions): readonly RpcService[] {
  const { onFailure, onDefect } = options;
  const failing = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      onFailure(what, error);
      throw new StatusError(STATUS.internal, `[CDH] [ERROR]: ${what}`, { cause: error });
    }
  };
  const unWrapKey = async ({
    KeyProviderKeyWrapProtocolInput: input,
  }: {
    KeyProviderKeyWrapProtocolInput: Uint8Array;
  }) => {
    const annotation = readRequest(input);
    const output = await failing('Decrypt Image (UnwrapKey) failed', () => hub.unwrapKey(annotation));
    return { KeyProviderKeyWrapProtocolOutput: formatUnwrapResponse(output) };
  };
  const made = { onDefect };
  return [
    rpcService(
      GetResourceService,
      {
        getResource: ({ ResourcePath }) =>
          failing('Get Resource failed', async () => ({ Resource: await hub.getResource(ResourcePath) })),
      },
      made,
    ),
    rpcService(
      SealedSecretService,
      {
        unsealSecret: ({ secret }) =>
          failing('Unseal Secret failed', async () => ({ plaintext: await hub.unseal(secret) })),
      },
      made,
    ),
    rpcService(
      SecureMountService,
      {
        secureMount: ({ volumeType, options: mountOptions, mountPoint }) =>
          failing('Secure Mount failed', async () => {
            await hub.secureMount({ volumeType, options: mountOptions, mountPoint });
            return { mountPath: mountPoint };
          }),
      },
      made,
    ),
    rpcService(
      ImagePullService,
      {
        // Alone among the calls it tells why: what is told holds no secret.
        pullImage: async ({ imageUrl, bundlePath }) => {
          try {
            return { manifestDigest: await hub.pullImage({ image: imageUrl, bundle: bundlePath }) };
          } catch (error) {
            onFailure('Image Pull failed', error);
            const told = error instanceof PullError ? `${error.part} error: ${error.message}` : 'Image Pull error';
            throw new StatusError(STATUS.internal, `[CDH] [ERROR]: ${told}`, { cause: error });
          }
        },
      },
      made,
    ),
    rpcService(KeyProviderService, { unWrapKey }, made),
    rpcService(EarlyKeyProviderService, { unWrapKey }, made),
  ];
}

/** The annotation in a request of the key provider protocol; one that is none has a text of its own. */
function readRequest(input: Uint8Array): Uint8Array {
  try {
    return parseUnwrapRequest(input);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new StatusError(STATUS.internal, '[ERROR] UnwrapKey Parse request failed', { cause });
  }
}
