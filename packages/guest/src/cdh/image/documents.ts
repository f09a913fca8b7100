import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseResourceUri, type ResourceUri } from '@assay/protocol';
import { ConfigError } from '../../config/config-error.js';
import type { Document } from '../../config/image-config.js';

const LARGEST_FILE = 8 * 1024 * 1024;

/** Fetches what a URI names: `kbs:///…` and `kbs+plugin:///…` through the guest's key broker client, `file:///…` and paths from its files. */
export type FetchDocument = (uri: string) => Promise<Uint8Array>;

/** @throws ConfigError, ProtocolError, KbcError; the system's error when a file cannot be read */
export function documentsBy(getResource: (uri: ResourceUri) => Promise<Uint8Array>): FetchDocument {
  return async (uri) => {
    if (/^kbs(\+[^:]*)?:/.test(uri)) return getResource(parseResourceUri(uri));
    const path = uri.startsWith('file:///') ? fileURLToPath(uri) : uri;
    if (!path.startsWith('/')) throw new ConfigError(`${uri}: kbs:///…, file:///… or an absolute path is wanted`);
    const { size } = await stat(path);
    if (size > LARGEST_FILE) throw new ConfigError(`${path}: larger than ${LARGEST_FILE} bytes`);
    return readFile(path);
  };
}

/** A document, and its name for errors. */
export async function contentOf(document: Document, where: string, fetch: FetchDocument) {
  return 'uri' in document
    ? { bytes: await fetch(document.uri), name: document.uri }
    : { bytes: Buffer.from(document.text), name: where };
}
