/** Key providers behind TLS (`grpc-tls`): each side shows who it is. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { selfSigned } from '@assay/bytes/testing';
import { type ProviderTls, readUnwrapAnswer, writeProviderRequest, writeUnwrapAnswer } from '@assay/ocicrypt';
import { create } from '@assay/protocol/grpc';
import { grpcServiceDefinition, KeyProviderService } from '@assay/protocol/guest';
import { temporaryFolder } from '@assay/testkit';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askingProviders } from './ask.js';

const folder = temporaryFolder('assay-provider-tls-');
const at = (name: string): string => join(folder, name);
const bytes = Uint8Array.of(1, 2, 3);
const request = writeProviderRequest({ op: 'keyunwrap', parameters: {}, annotation: bytes });
const open: Server[] = [];

/** A certificate that is its own authority, and its key, as files. */
function identity(name: string): void {
  const { certificate, key } = selfSigned(name, [name]);
  writeFileSync(at(`${name}.crt`), certificate);
  writeFileSync(at(`${name}.key`), key);
}

async function serve(credentials: ServerCredentials): Promise<string> {
  const server = new Server();
  open.push(server);
  server.addService(grpcServiceDefinition(KeyProviderService), {
    unWrapKey: (_: unknown, done: (error: null, answer: unknown) => void) =>
      done(
        null,
        create(KeyProviderService.method.unWrapKey.output, {
          KeyProviderKeyWrapProtocolOutput: writeUnwrapAnswer(bytes),
        }),
      ),
    wrapKey: () => undefined,
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return `127.0.0.1:${port}`;
}

const material = async (name: string) => {
  const { readFileSync } = await import('node:fs');
  return [{ private_key: readFileSync(at(`${name}.key`)), cert_chain: readFileSync(at(`${name}.crt`)) }];
};

const ask = (address: string, tls?: Partial<ProviderTls>): Promise<Uint8Array> =>
  askingProviders(
    new Map([
      [
        'p',
        {
          kind: 'grpc',
          address,
          ...(tls === undefined ? {} : { tls: { insecureSkipVerify: false, ...tls } }),
        } as const,
      ],
    ]),
    { timeoutMs: 3000 },
  )('p', request);

describe('a provider with a certificate', () => {
  let address = '';
  let mutual = '';
  const believed = { rootCaFile: at('provider.example.crt'), serverName: 'provider.example' };
  const noAnswer = { code: 'image.provider.answers' };

  beforeAll(async () => {
    for (const name of ['provider.example', 'client.example', 'other.example']) identity(name);
    const { readFileSync } = await import('node:fs');
    address = await serve(ServerCredentials.createSsl(null, await material('provider.example')));
    const clients = readFileSync(at('client.example.crt'));
    mutual = await serve(ServerCredentials.createSsl(clients, await material('provider.example'), true));
  });
  afterAll(() => {
    for (const server of open) server.forceShutdown();
    rmSync(folder, { recursive: true, force: true });
  });

  test('is asked where its authority is named, and its name fits', async () => {
    expect(readUnwrapAnswer(await ask(address, believed))).toEqual(bytes);
    expect(readUnwrapAnswer(await ask(`https://${address}`, believed))).toEqual(bytes);
  });

  test.each<[string, Partial<ProviderTls> | undefined]>([
    ['in clear', undefined],
    ['with the authorities of the system', { serverName: 'provider.example' }],
    ['with another authority', { ...believed, rootCaFile: at('other.example.crt') }],
    ['under another name', { ...believed, serverName: 'other.example' }],
    ['under its address alone', { rootCaFile: believed.rootCaFile }],
    ['with an authority that is not there', { ...believed, rootCaFile: at('nothing') }],
  ])('is not asked %s', async (_, tls) => {
    await expect(ask(address, tls)).rejects.toMatchObject(noAnswer);
  });

  test('whose address says https is not asked in clear', async () => {
    await expect(ask(`https://${address}`)).rejects.toMatchObject(noAnswer);
    const plain = await serve(ServerCredentials.createInsecure());
    expect(readUnwrapAnswer(await ask(plain))).toEqual(bytes);
    await expect(ask(`https://${plain}`)).rejects.toMatchObject(noAnswer);
  });

  test('that wants to know who asks gets a certificate', async () => {
    const client = { certFile: at('client.example.crt'), keyFile: at('client.example.key') };
    expect(readUnwrapAnswer(await ask(mutual, { ...believed, client }))).toEqual(bytes);
    await expect(ask(mutual, believed)).rejects.toMatchObject(noAnswer);
    const stranger = { certFile: at('other.example.crt'), keyFile: at('other.example.key') };
    await expect(ask(mutual, { ...believed, client: stranger })).rejects.toMatchObject(noAnswer);
  });

  test('is asked by anybody’s certificate only where its owner says so', async () => {
    expect(readUnwrapAnswer(await ask(address, { insecureSkipVerify: true }))).toEqual(bytes);
  });
});
