import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rpcService, serveRpc } from '@assay/guest/services';
import { GetResourceService } from '@assay/protocol/guest';
import { temporaryFolder } from '@assay/testkit';
import { STATUS, StatusError } from '@assay/ttrpc';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXIT } from '../exit.js';
import { documentsOf, isResource } from './documents.js';

const folder = temporaryFolder('assay-documents-');
const at = (name: string): string => join(folder, name);
let broker: Server;
let asked = 0;

beforeAll(async () => {
  process.env['ASSAY_CONFIG_HOME'] = folder;
  broker = createServer((_, response) => {
    asked += 1;
    response.writeHead(503).end();
  });
  await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  delete process.env['ASSAY_CONFIG_HOME'];
  broker.close();
  rmSync(folder, { recursive: true, force: true });
});

test('files are read by path and by URL, and not when they are no documents', async () => {
  writeFileSync(at('policy.json'), 'text');
  const fetch = documentsOf({});
  expect(Buffer.from(await fetch(at('policy.json'))).toString()).toBe('text');
  expect(Buffer.from(await fetch(pathToFileURL(at('policy.json')).href)).toString()).toBe('text');
  await expect(fetch(at('nothing'))).rejects.toMatchObject({ code: 'ENOENT' });
  writeFileSync(at('large'), '');
  truncateSync(at('large'), 9 * 1024 * 1024);
  await expect(fetch(at('large'))).rejects.toMatchObject({ exit: EXIT.malformed });
});

test.each([
  ['kbs:///default/key/1', true],
  ['KBS://host/default/key/1', true],
  ['kbs+pkcs11:///default/key/1', true],
  ['kbs.json', false],
  ['/kbs://x', false],
])('%s is a resource: %s', (name, resource) => expect(isResource(name)).toBe(resource));

test('resources want a place that has them, and one alone', async () => {
  const name = 'kbs:///default/key/1';
  await expect(documentsOf({})(name)).rejects.toMatchObject({
    exit: EXIT.usage,
    message: expect.stringContaining('--data-hub or --kbs is missing'),
  });
  await expect(documentsOf({ kbs: 'http://x', dataHub: 'unix:///x' })(name)).rejects.toMatchObject({
    exit: EXIT.usage,
    message: expect.stringContaining('give one'),
  });
  await expect(documentsOf({ kbs: 'http://x' })('kbs:///a//c')).rejects.toThrow();
  await expect(documentsOf({ kbs: 'http://x', tee: 'none' })(name)).rejects.toMatchObject({ exit: EXIT.usage });
});

test('a broker that does not answer is told', async () => {
  const kbs = `http://127.0.0.1:${(broker.address() as AddressInfo).port}`;
  await expect(documentsOf({ kbs })('kbs:///default/key/1')).rejects.toMatchObject({ exit: EXIT.unreachable });
  expect(asked).toBeGreaterThan(0);
}, 30_000);

test('the data hub of a guest is asked by the canonical name; what it does not give is told', async () => {
  const names: string[] = [];
  const service = rpcService(
    GetResourceService,
    {
      getResource: async ({ ResourcePath: name }) => {
        names.push(name);
        if (name.endsWith('none')) throw new StatusError(STATUS.internal, '[CDH] [ERROR]: Get Resource failed');
        return { Resource: Buffer.from('a key') };
      },
    },
    { onDefect: () => undefined },
  );
  const server = await serveRpc(`unix://${at('cdh.sock')}`, [service], { onDefect: () => undefined });
  const flags = { dataHub: server.address };
  try {
    expect(documentsOf(flags)).toBe(documentsOf(flags));
    expect(Buffer.from(await documentsOf(flags)('kbs:///default/key/1')).toString()).toBe('a key');
    await expect(documentsOf(flags)('kbs:///default/key/none')).rejects.toMatchObject({
      exit: EXIT.unreachable,
      message: expect.stringContaining('kbs:///default/key/none'),
    });
    expect(names).toEqual(['kbs:///default/key/1', 'kbs:///default/key/none']);
  } finally {
    await server.close();
  }
  await expect(documentsOf({ dataHub: `unix://${at('nobody.sock')}` })('kbs:///default/key/1')).rejects.toMatchObject({
    exit: EXIT.unreachable,
  });
});
