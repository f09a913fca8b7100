/** A registry of its own for the demo: what pushing and pulling needs of the OCI distribution API, in memory, on this machine. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isDigest, readManifest, type StoredManifest, sha256Digest } from '@assay/oci';

export interface DemoRegistry {
  /** `127.0.0.1:PORT`, plain HTTP. */
  readonly host: string;
  /** What whoever runs the registry can read and change. */
  readonly blobs: Map<string, Uint8Array>;
  /** By `REPOSITORY:TAG` and by `REPOSITORY@DIGEST`. */
  readonly manifests: Map<string, StoredManifest>;
  close(): Promise<void>;
}

const LARGEST_BODY = 64 * 1024 * 1024;
const ROUTE = /^\/v2\/([a-z0-9][a-z0-9/._-]*)\/(manifests|blobs)\/([\w.:+/=-]+)$/;

class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

export async function startRegistry(): Promise<DemoRegistry> {
  const blobs = new Map<string, Uint8Array>();
  const manifests = new Map<string, StoredManifest>();
  const uploads = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    answer({ blobs, manifests, uploads }, request, response).catch((error: unknown) => {
      const { status, code } = error instanceof Refused ? error : new Refused(500, 'UNKNOWN');
      if (response.headersSent) response.destroy();
      else json(response, status, { errors: [{ code }] });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    blobs,
    manifests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Store extends Pick<DemoRegistry, 'blobs' | 'manifests'> {
  /** Bytes so far, by id. */
  readonly uploads: Map<string, Buffer>;
}

async function answer(store: Store, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '', 'http://registry');
  if (url.pathname === '/v2/') return json(response, 200, {});
  const [, repository = '', kind, rest = ''] = ROUTE.exec(url.pathname) ?? [];
  const upload = kind === 'blobs' ? /^uploads\/(.*)$/.exec(rest)?.[1] : undefined;
  if (upload !== undefined) return take(store, request, response, { repository, upload, url });
  if (kind === 'blobs') return give(response, request, store.blobs.get(rest), 'application/octet-stream', rest);
  if (kind !== 'manifests') throw new Refused(404, 'NAME_UNKNOWN');
  if (request.method === 'PUT') return name(store, request, response, repository, rest);
  const found = store.manifests.get(`${repository}${isDigest(rest) ? '@' : ':'}${rest}`);
  return give(response, request, found?.bytes, found?.mediaType ?? '', found && sha256Digest(found.bytes));
}

/** POST begins an upload, PATCH adds to it, PUT ends it with the digest that it must have, DELETE forgets it. */
async function take(
  { blobs, uploads }: Store,
  request: IncomingMessage,
  response: ServerResponse,
  { repository, upload, url }: { readonly repository: string; readonly upload: string; readonly url: URL },
): Promise<void> {
  const id = request.method === 'POST' && upload === '' ? randomUUID() : upload;
  const before = request.method === 'POST' ? Buffer.alloc(0) : uploads.get(id);
  if (before === undefined) throw new Refused(404, 'BLOB_UPLOAD_UNKNOWN');
  if (request.method === 'DELETE') {
    uploads.delete(id);
    return void response.writeHead(204).end();
  }
  const bytes = Buffer.concat([before, await bodyOf(request, LARGEST_BODY - before.length)]);
  const digest = url.searchParams.get('digest');
  if (digest === null) {
    uploads.set(id, bytes);
    const headers = { location: `/v2/${repository}/blobs/uploads/${id}`, range: `0-${Math.max(0, bytes.length - 1)}` };
    return void response.writeHead(202, headers).end();
  }
  uploads.delete(id);
  if (sha256Digest(bytes) !== digest) throw new Refused(400, 'DIGEST_INVALID');
  blobs.set(digest, bytes);
  const headers = { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest };
  response.writeHead(201, headers).end();
}

async function name(
  { blobs, manifests }: Store,
  request: IncomingMessage,
  response: ServerResponse,
  repository: string,
  reference: string,
): Promise<void> {
  const bytes = await bodyOf(request, LARGEST_BODY);
  const digest = sha256Digest(bytes);
  if (isDigest(reference) && reference !== digest) throw new Refused(400, 'DIGEST_INVALID');
  const mediaType = request.headers['content-type'] ?? '';
  const manifest = readable(bytes, mediaType);
  if (manifest === undefined) throw new Refused(400, 'MANIFEST_INVALID');
  const needed = manifest.kind === 'manifest' ? [manifest.config, ...manifest.layers] : [];
  if (needed.some((blob) => !blobs.has(blob.digest))) throw new Refused(400, 'MANIFEST_BLOB_UNKNOWN');
  manifests.set(`${repository}@${digest}`, { bytes, mediaType });
  if (!isDigest(reference)) manifests.set(`${repository}:${reference}`, { bytes, mediaType });
  response.writeHead(201, { location: `/v2/${repository}/manifests/${digest}`, 'docker-content-digest': digest }).end();
}

function readable(bytes: Uint8Array, mediaType: string) {
  try {
    return readManifest(bytes, mediaType);
  } catch {
    return undefined;
  }
}

function give(
  response: ServerResponse,
  request: IncomingMessage,
  bytes: Uint8Array | undefined,
  mediaType: string,
  digest: string | undefined,
): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') throw new Refused(405, 'UNSUPPORTED');
  if (bytes === undefined || digest === undefined) throw new Refused(404, 'MANIFEST_UNKNOWN');
  response.writeHead(200, {
    'content-type': mediaType,
    'content-length': bytes.length,
    'docker-content-digest': digest,
  });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

async function bodyOf(request: IncomingMessage, room: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > room) throw new Refused(413, 'SIZE_INVALID');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function json(response: ServerResponse, status: number, value: object): void {
  const text = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'docker-distribution-api-version': 'registry/2.0',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
