/** A registry that can only be read, over HTTP on this machine: images out of layouts. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import {
  type Descriptor,
  type ImageSource,
  layoutSource,
  parseLocation,
  parseReference,
  readManifest,
  sha256Digest,
} from '@assay/oci';
import { type CommonFlags, outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';

export interface RegistryFlags extends CommonFlags {
  readonly image?: readonly string[];
  readonly listen: string;
}

interface Served {
  readonly repository: string;
  readonly tag: string;
  readonly source: ImageSource;
}

const REQUEST = /^\/v2\/(.+)\/(manifests|blobs)\/([\w.:-]+)$/;

/** `assay emulate registry`: runs until it is told to stop. */
export async function serveRegistry(flags: RegistryFlags): Promise<void> {
  const images = (flags.image ?? []).map(servedOf);
  if (images.length === 0) throw new CliError('no --image REPOSITORY:TAG=oci:DIR:TAG is given', EXIT.usage);
  const [, host = '', port = ''] = /^(127\.0\.0\.1|localhost):(\d{1,5})$/.exec(flags.listen) ?? [];
  if (host === '' || Number(port) > 65_535)
    throw new CliError(`--listen ${flags.listen}: 127.0.0.1:PORT is due; nothing here is encrypted`, EXIT.usage);
  const server = createServer((request, response) => {
    answer(request, response, images).catch(() => (response.headersSent ? response.destroy() : end(response, 404)));
  });
  await listening(server, Number(port));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const rules = `[[registry]]\nprefix = "${address}"\nlocation = "${address}"\ninsecure = true\n`;
  outputOf(flags).result({ listening: address, registries: rules }, (out) => {
    for (const { repository, tag } of images) out.write(`serving ${address}/${repository}:${tag}\n`);
  });
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

function servedOf(text: string): Served {
  const at = text.indexOf('=');
  const { repository, tag = 'latest' } = parseReference(`registry.example/${text.slice(0, Math.max(0, at))}`);
  const location = parseLocation(text.slice(at + 1));
  if (at < 1 || location.kind !== 'layout')
    throw new CliError(`--image ${text}: REPOSITORY:TAG=oci:DIR:TAG is due`, EXIT.usage);
  return { repository, tag, source: layoutSource(location.folder, location.tag) };
}

async function answer(request: IncomingMessage, response: ServerResponse, images: readonly Served[]): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://registry');
  if (pathname === '/v2/') return end(response, 200);
  const [, repository, kind, name = ''] = REQUEST.exec(pathname) ?? [];
  const found = images.filter((image) => image.repository === repository);
  for (const { source, tag } of found) {
    const top = await source.manifest();
    const digest = sha256Digest(top.bytes);
    if (kind === 'manifests' && (name === tag || name === digest)) {
      response.writeHead(200, {
        'content-type': top.mediaType,
        'content-length': top.bytes.length,
        'docker-content-digest': digest,
      });
      response.end(request.method === 'HEAD' ? undefined : top.bytes);
      return;
    }
    const blob = kind === 'blobs' ? blobsOf(top.bytes, top.mediaType).find((each) => each.digest === name) : undefined;
    if (blob !== undefined) {
      response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': blob.size });
      if (request.method === 'HEAD') response.end();
      else await pipeline(await source.blob(blob), response);
      return;
    }
  }
  end(response, 404);
}

function blobsOf(bytes: Uint8Array, mediaType: string): readonly Descriptor[] {
  const manifest = readManifest(bytes, mediaType);
  return 'layers' in manifest ? [manifest.config, ...manifest.layers] : [];
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': 0 });
  response.end();
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
}
