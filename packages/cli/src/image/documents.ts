/** Documents and keys that commands of images read: files, or resources of a key broker. */
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { formatResourceUri, parseResourceUri, type ResourceUri } from '@assay/protocol';
import { configHome, readCredentials } from '../client/config-home.js';
import { readCa } from '../client/server.js';
import { CliError, EXIT } from '../exit.js';

/** Flags of commands that may fetch resources. */
export interface DocumentFlags {
  /** URL of a key broker. */
  readonly kbs?: string;
  readonly certFile?: string;
  /** TEE to attest as. */
  readonly tee?: string;
  readonly world?: string;
  /** Socket of a guest's data hub. */
  readonly dataHub?: string;
}

/** Content of what a name stands for: `kbs:///REPOSITORY/TYPE/TAG`, `file:///…`, or a path. @throws CliError */
export type FetchDocument = (name: string) => Promise<Uint8Array>;

const LARGEST_FILE = 8 * 1024 * 1024;
const TIMEOUT_MS = 50_000;

/** One client for all that a command fetches: it attests once. */
const known = new WeakMap<DocumentFlags, FetchDocument>();

export function documentsOf(flags: DocumentFlags): FetchDocument {
  const found = known.get(flags);
  if (found !== undefined) return found;
  let resources: Promise<(uri: ResourceUri) => Promise<Uint8Array>> | undefined;
  const fetch: FetchDocument = async (name) => {
    if (!isResource(name)) return readFile(name);
    // Asked for once, and kept also when it failed: several keys would only fail alike.
    resources ??= resourcesOf(flags);
    const uri = parseResourceUri(name);
    return (await resources)(uri);
  };
  known.set(flags, fetch);
  return fetch;
}

export function isResource(name: string): boolean {
  return /^kbs(\+[^:]*)?:\/\//i.test(name);
}

function readFile(name: string): Uint8Array {
  const path = name.startsWith('file:///') ? fileURLToPath(name) : name;
  if (statSync(path).size > LARGEST_FILE) {
    throw new CliError(`${path}: larger than ${LARGEST_FILE} bytes`, EXIT.malformed);
  }
  return readFileSync(path);
}

async function resourcesOf(flags: DocumentFlags): Promise<(uri: ResourceUri) => Promise<Uint8Array>> {
  if (flags.dataHub !== undefined && flags.kbs !== undefined) {
    throw new CliError('--data-hub and --kbs are two sources of resources: give one', EXIT.usage);
  }
  if (flags.dataHub !== undefined) return fromDataHub(flags.dataHub);
  if (flags.kbs !== undefined) return fromBroker(flags.kbs, flags);
  throw new CliError('kbs:///… is a resource of a key broker: --data-hub or --kbs is missing', EXIT.usage, {
    hint: 'in a guest: --data-hub unix:///run/confidential-containers/cdh.sock',
  });
}

/** As a guest of its own. */
async function fromBroker(url: string, { certFile, tee = 'sample', world }: DocumentFlags) {
  const { asCliError, attesterFor, createKbc, httpTransport } = await import('../client/broker.js');
  const ca = certFile === undefined ? readCredentials(configHome()).servers[url]?.ca : readCa(certFile);
  const kbc = createKbc({
    transport: httpTransport(url, ca, 'assay-image/0.1.0'),
    attester: await attesterFor(tee, world === undefined ? {} : { world }),
  });
  return async (uri: ResourceUri): Promise<Uint8Array> => {
    try {
      return await kbc.getResource(uri);
    } catch (error) {
      throw asCliError(error);
    }
  };
}

/** By way of the guest's own services, which attest for it. */
async function fromDataHub(address: string) {
  const { callTtrpc, TtrpcClient } = await import('@assay/ttrpc');
  const { GetResourceService } = await import('@assay/protocol/guest');
  return async (uri: ResourceUri): Promise<Uint8Array> => {
    const client = new TtrpcClient(address, { timeoutMs: TIMEOUT_MS, connectTimeoutMs: 10_000 });
    const ResourcePath = formatResourceUri(uri);
    try {
      return (await callTtrpc(client, GetResourceService.method.getResource, { ResourcePath })).Resource;
    } catch (error) {
      // The data hub does not tell why, lest containers learn it.
      const words = error instanceof Error ? error.message.replaceAll(/\s+/g, ' ').slice(0, 200) : 'no answer';
      throw new CliError(`${ResourcePath}: ${address}: ${words}`, EXIT.unreachable, {
        hint: 'look at the log of the guest’s services',
        cause: error,
      });
    } finally {
      client.close();
    }
  };
}
