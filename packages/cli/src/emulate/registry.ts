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
  readonly open: () => ImageSource;
}

const REQUEST = /^\/v2\/(.+)\/(manifests|blobs)\/([\w.:-]+)$/;

/** A registry that listens. */
export interface ReadOnlyRegistry {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  readonly names: readonly string[];
  close(): Promise<void>;
}

/** @throws CliError usage for images and addresses that are none */
export async function startRegistry({ image = [], listen }: RegistryFlags): Promise<ReadOnlyRegistry> {
  const images = image.map(servedOf);
  if (images.length === 0) throw new CliError('no --image REPOSITORY:TAG=oci:DIR:TAG is given', EXIT.usage);
  const [, port = ''] = /^(?:127\.0\.0\.1|localhost):(\d{1,5})$/.exec(listen) ?? [];
  if (port === '' || Number(port) > 65_535)
    throw new CliError(`--listen ${listen}: 127.0.0.1:PORT is due; nothing here is encrypted`, EXIT.usage);
  const server = createServer((request, response) => {
    answer(request, response, images).catch(() => (response.headersSent ? response.destroy() : end(response, 404)));
  });
  await listening(server, Number(port));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    names: images.map(({ repository, tag }) => `${repository}:${tag}`),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** `assay emulate registry`: runs until it is told to stop. */
export async function serveRegistry(flags: RegistryFlags): Promise<void> {
  const { address, names, close } = await startRegistry(flags);
  const registries = `[[registry]]\nprefix = "${address}"\nlocation = "${address}"\ninsecure = true\n`;
  outputOf(flags).result({ listening: address, registries }, (out) => {
    for (const name of names) out.write(`serving ${address}/${name}\n`);
  });
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  await close();
}

function servedOf(text: string): Served {
  const at = text.indexOf('=');
  const due = new CliError(`--image ${text}: REPOSITORY:TAG=oci:DIR:TAG is due`, EXIT.usage);
  if (at < 1) throw due;
  const { repository, tag = 'latest' } = parseReference(`registry.example/${text.slice(0, at)}`);
  const location = parseLocation(text.slice(at + 1));
  if (location.kind !== 'layout') throw due;
  return { repository, tag, open: () => layoutSource(location.folder, location.tag) };
}

async function answer(request: IncomingMessage, response: ServerResponse, images: readonly Served[]): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://registry');
  if (pathname === '/v2/') return end(response, 200);
  const [, repository, kind, name = ''] = REQUEST.exec(pathname) ?? [];
  const found = images.filter((image) => image.repository === repository);
  for (const { open, tag } of found) {
    // Anew each time: a source keeps the image that it found first.
    const source = open();
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
