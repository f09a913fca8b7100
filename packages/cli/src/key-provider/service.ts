/** The gRPC and ttrpc face of the key provider, as ocicrypt asks it. */
import { AssayError } from '@assay/bytes/findings';
import { type RpcService, rpcService } from '@assay/guest/services';
import { KeyProviderService } from '@assay/protocol/guest';
import { STATUS, StatusError } from '@assay/ttrpc';
import type { KeyProvider } from './provider.js';

export function keyProviderService(provider: KeyProvider, onDefect: (error: unknown) => void): RpcService {
  return rpcService(
    KeyProviderService,
    {
      wrapKey: async (request) => answer(await asStatus(provider.wrap(request.KeyProviderKeyWrapProtocolInput))),
      unWrapKey: async (request) => answer(await asStatus(provider.unwrap(request.KeyProviderKeyWrapProtocolInput))),
    },
    { onDefect },
  );
}

const answer = (bytes: Uint8Array) => ({ KeyProviderKeyWrapProtocolOutput: bytes });

/** Requests and packets that are none are the caller's fault, in words that hold nothing of what was wrapped. */
async function asStatus(work: Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AssayError) throw new StatusError(STATUS.invalidArgument, error.title, { cause: error });
    throw error;
  }
}
