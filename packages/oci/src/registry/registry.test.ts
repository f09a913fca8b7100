/** What a registry may do wrong: a small one of ours does it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type Credentials,
  copyImage,
  credentialFor,
  layoutSource,
  layoutTarget,
  parseReference,
  readCredentials,
  registrySource,
  sha256Digest,
} from '../index.js';
import { makeImage, temporary } from '../testing/image.test.helper.js';
import { readChallenge } from './challenge.js';
import { directHosts } from './proxy.js';

const image = makeImage(1);
const source = layoutSource(image.folder, 'v1');
type Handler = (request: IncomingMessage, response: ServerResponse, path: string) => boolean | Promise<boolean>;

let server: Server;
let host = '';
let handler: Handler = () => false;
const seen: { path: string; authorization: string | undefined; range: string | undefined }[] = [];

/** Serves the image, unless the test's own handler has answered. */
async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '';
  seen.push({ path, authorization: request.headers.authorization, range: request.headers.range });
  if (await handler(request, response, path)) return;
  const manifest = await source.manifest();
  if (path.startsWith('/v2/a/b/manifests/')) {
    response.writeHead(200, { 'content-type': manifest.mediaType }).end(manifest.bytes);
    return;
  }
  const digest = path.split('/').at(-1) ?? '';
  const chunks: Buffer[] = [];
  for await (const chunk of await source.blob({ mediaType: '', digest: digest as never, size: 0 }))
    chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  response.writeHead(from === 0 ? 200 : 206, { 'content-length': bytes.length - from }).end(bytes.subarray(from));
}

beforeAll(async () => {
  server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());
beforeEach(() => {
  seen.length = 0;
  handler = () => false;
});

async function pull(options: object = {}, reference = `${host}/a/b:v1`) {
  const from = await registrySource(parseReference(reference), { insecure: true, timeout: 2000, ...options });
  return copyImage({ source: from, target: layoutTarget(temporary(), 'v1') }).finally(() => from.close());
}

describe('a registry', () => {
  test('is asked for content as it is stored', async () => {
    let asked = 0;
    handler = async (request, response, path) => {
      asked += 1;
      if (request.headers['accept-encoding'] === 'identity' || !path.includes('/manifests/')) return false;
      response.writeHead(415).end();
      return true;
    };
    expect(await pull()).toMatchObject({ digest: image.manifest });
    expect(asked).toBeGreaterThan(2);
  });

  test('that drops the connection is asked for the rest', async () => {
    const layer = sha256Digest(image.layers[0] ?? Buffer.alloc(0));
    let drops = 0;
    handler = (request, response, path) => {
      if (!path.endsWith(layer) || drops >= 2) return false;
      drops += 1;
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const bytes = (image.layers[0] ?? Buffer.alloc(0)).subarray(from);
      response.writeHead(from === 0 ? 200 : 206, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 700), () => response.destroy());
      return true;
    };
    expect(await pull()).toMatchObject({ digest: image.manifest });
    expect(seen.map(({ range }) => range).filter((range) => range !== undefined)).toHaveLength(2);
  });

  test('that knows no ranges begins anew, and what was seen is passed over', async () => {
    const layer = sha256Digest(image.layers[0] ?? Buffer.alloc(0));
    let dropped = false;
    handler = (_, response, path) => {
      if (!path.endsWith(layer)) return false;
      const bytes = image.layers[0] ?? Buffer.alloc(0);
      response.writeHead(200, { 'content-length': bytes.length });
      if (dropped) response.end(bytes);
      else response.write(bytes.subarray(0, 900), () => response.destroy());
      dropped = true;
      return true;
    };
    expect(await pull()).toMatchObject({ digest: image.manifest });
  });

  test.each([500, 503, 429])('that answers %i is asked again', async (status) => {
    let failures = 2;
    handler = (_, response) => {
      if (failures === 0) return false;
      failures -= 1;
      response.writeHead(status).end();
      return true;
    };
    expect(await pull()).toMatchObject({ digest: image.manifest });
  });

  test('that goes on failing is told', async () => {
    handler = (_, response) => {
      response.writeHead(500).end();
      return true;
    };
    await expect(pull({ attempts: 2 })).rejects.toMatchObject({
      code: 'image.registry.answers',
      finding: { actual: 'status 500' },
    });
    expect(seen).toHaveLength(2);
  });

  test('that gives another blob or another manifest is found out', async () => {
    handler = (_, response, path) => {
      if (!path.includes('/blobs/')) return false;
      response.writeHead(200).end(Buffer.alloc(10));
      return true;
    };
    await expect(pull()).rejects.toMatchObject({
      code: expect.stringMatching(/image\.(manifest\.digest|registry\.answers)/),
    });
    handler = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }).end('{}');
      return true;
    };
    await expect(pull({}, `${host}/a/b@${image.manifest}`)).rejects.toMatchObject({ code: 'image.manifest.digest' });
  });

  test('that gives an endless manifest is cut off', async () => {
    handler = (_, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) {
          // Until the reader has enough.
        }
      };
      response.on('drain', more);
      more();
      return true;
    };
    await expect(pull()).rejects.toThrow('more than 4194304 bytes');
  });

  test('whose manifest is another kind than it says is refused', async () => {
    handler = async (_, response, path) => {
      if (!path.includes('/manifests/')) return false;
      const { bytes } = await source.manifest();
      response.writeHead(200, { 'content-type': 'application/vnd.oci.image.index.v1+json' }).end(bytes);
      return true;
    };
    await expect(pull()).rejects.toMatchObject({ code: 'image.manifest.form' });
  });
});

describe('authentication', () => {
  const credentials: Credentials = new Map([['127.0.0.1', { username: 'u', password: 'p' }]]);
  const here = (): Credentials => new Map([[host, { username: 'u', password: 'p' }]]);
  const token = (path: string): boolean => path.startsWith('/token');

  test('by token: one is fetched for the challenge, and used from then on', async () => {
    handler = (request, response, path) => {
      if (token(path)) {
        response.writeHead(200).end('{"token":"good"}');
        return true;
      }
      if (request.headers.authorization === 'Bearer good') return false;
      const realm = `Bearer realm="http://${host}/token",service="registry",scope="repository:a/b:pull"`;
      response.writeHead(401, { 'www-authenticate': realm }).end();
      return true;
    };
    expect(await pull({ credentials: here() })).toMatchObject({ digest: image.manifest });
    const [asked, ...more] = seen.filter(({ path }) => token(path));
    expect(more).toEqual([]);
    expect(asked).toMatchObject({ authorization: `Basic ${Buffer.from('u:p').toString('base64')}` });
    expect(new URL(asked?.path ?? '', 'http://x').searchParams.get('scope')).toBe('repository:a/b:pull');
  });

  test.each([
    ['no token', '{}', 200],
    ['a token that is no header', '{"token":"a\\nb"}', 200],
    ['no JSON', 'x', 200],
    ['a refusal', '{}', 403],
  ])('with %s is refused', async (_, body, status) => {
    handler = (_request, response, path) => {
      if (token(path)) response.writeHead(status).end(body);
      else response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${host}/token"` }).end();
      return true;
    };
    await expect(pull()).rejects.toMatchObject({ code: 'image.registry.answers' });
  });

  test('a token is not fetched in clear for a registry that is asked over TLS', async () => {
    const { RegistryClient } = await import('./client.js');
    const client = new RegistryClient('https', parseReference(`${host}/a/b`), { credentials });
    // The private step itself: a TLS registry would be needed to come to it otherwise.
    const challenge = readChallenge(`Bearer realm="http://${host}/token"`);
    expect(challenge?.parameters.get('realm')).toBe(`http://${host}/token`);
    await expect(client.send({ method: 'GET', path: 'x', accept: [200] })).rejects.toMatchObject({
      code: 'image.registry.answers',
    });
    await client.close();
  });

  test('does not go along to another host', async () => {
    const other = createServer((request, response) => {
      seen.push({ path: 'elsewhere', authorization: request.headers.authorization, range: undefined });
      response.writeHead(200).end(image.layers[0]);
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const elsewhere = `http://127.0.0.1:${(other.address() as AddressInfo).port}/blob`;
    const layer = sha256Digest(image.layers[0] ?? Buffer.alloc(0));
    handler = (request, response, path) => {
      if (request.headers.authorization === undefined)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      else if (path.endsWith(layer)) response.writeHead(307, { location: elsewhere }).end();
      else return false;
      return true;
    };
    expect(await pull({ credentials: here() })).toMatchObject({ digest: image.manifest });
    expect(seen.filter(({ path }) => path === 'elsewhere')).toMatchObject([{ authorization: undefined }]);
    other.close();
  });

  test('is not asked for by another host', async () => {
    const other = createServer((request, response) => {
      seen.push({ path: 'elsewhere', authorization: request.headers.authorization, range: undefined });
      const realm = `http://${request.headers.host}/token`;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end('{"token":"x"}');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const elsewhere = `http://127.0.0.1:${(other.address() as AddressInfo).port}/blob`;
    handler = (_, response, path) => {
      if (path.includes('/blobs/')) response.writeHead(307, { location: elsewhere }).end();
      return path.includes('/blobs/');
    };
    await expect(pull({ credentials: here(), attempts: 1 })).rejects.toMatchObject({ code: 'image.registry.answers' });
    const asked = seen.filter(({ path }) => path === 'elsewhere');
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.every(({ authorization }) => authorization === undefined)).toBe(true);
    other.close();
  });

  test('a registry that is asked over TLS cannot have anything sent in clear', async () => {
    const { RegistryClient } = await import('./client.js');
    const client = new RegistryClient('https', parseReference(`${host}/a/b`));
    const place = new URL(`http://${host}/v2/a/b/blobs/uploads/1`);
    for (const method of ['PATCH', 'GET'] as const) {
      await expect(client.send({ method, path: place, accept: [200, 404] })).rejects.toThrow('not encrypted');
    }
    expect(seen).toEqual([]);
    await client.close();
  });

  test('redirects without end are refused', async () => {
    handler = (_, response, path) => {
      response.writeHead(307, { location: `${path}x` }).end();
      return true;
    };
    await expect(pull({ attempts: 1 })).rejects.toThrow('more than 5 redirects');
  });
});

describe('credentials', () => {
  const auth = (text: string): string => Buffer.from(text).toString('base64');
  const read = (auths: unknown) => readCredentials(Buffer.from(JSON.stringify({ auths })), 'config.json');

  test('are found most specific first', () => {
    const all = read({
      'r.io/a/b': { auth: auth('one:1') },
      'r.io/a': { auth: auth('two:2') },
      'https://r.io/v1/': { auth: auth('three:3') },
      'https://index.docker.io/v1/': { auth: auth('hub:h:ub\n') },
      'empty.io': {},
    });
    const nameFor = (reference: string) => credentialFor(all, parseReference(reference))?.username;
    expect(['r.io/a/b/c', 'r.io/a/x', 'r.io/z', 'alpine', 'empty.io/x', 'other.io/x'].map(nameFor)).toEqual([
      'one',
      'two',
      'three',
      'hub',
      undefined,
      undefined,
    ]);
    expect(credentialFor(all, parseReference('alpine'))?.password).toBe('h:ub');
  });

  test.each([
    ['x'],
    ['[]'],
    ['{"auths":[]}'],
    ['{"auths":{"a":{"auth":"!"}}}'],
    [`{"auths":{"a":{"auth":"${auth('nocolon')}"}}}`],
    ['{"auths":{"a":{"auth":1}}}'],
  ])('in %s are refused', (text) => {
    expect(() => readCredentials(Buffer.from(text), 'f')).toThrow(
      expect.objectContaining({ code: 'image.registry.config' }),
    );
  });

  test('challenges are read as they stand', () => {
    expect(readChallenge('Bearer realm="https://x/t",service="a \\"b\\"", scope=c')).toEqual({
      scheme: 'bearer',
      parameters: new Map([
        ['realm', 'https://x/t'],
        ['service', 'a "b"'],
        ['scope', 'c'],
      ]),
    });
    expect(readChallenge('Negotiate, Basic realm="r"')).toEqual({
      scheme: 'basic',
      parameters: new Map([['realm', 'r']]),
    });
    expect([readChallenge(null), readChallenge('Negotiate'), readChallenge('x'.repeat(9000))]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('proxies that are named', () => {
  let proxied = 0;
  let proxy: Server;
  const at = (): string => `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;

  beforeAll(async () => {
    const refuse = (): void => {
      proxied += 1;
    };
    proxy = createServer((_, response) => {
      refuse();
      response.writeHead(403).end();
    });
    proxy.on('connect', (_, socket) => {
      refuse();
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => proxy.close());
  beforeEach(() => {
    proxied = 0;
  });

  test('are asked', async () => {
    await expect(pull({ proxy: { http: at() }, attempts: 1 })).rejects.toMatchObject({
      code: 'image.registry.answers',
    });
    expect(proxied).toBe(1);
    expect(seen).toHaveLength(0);
  });

  test('get requests in clear themselves, without a tunnel', async () => {
    const forwarding = createServer((request, response) => {
      proxied += 1;
      request.url = new URL(request.url ?? '').pathname;
      void serve(request, response);
    });
    await new Promise<void>((resolve) => forwarding.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(forwarding.address() as AddressInfo).port}`;
    for (const named of [{ http: address }, address])
      expect(await pull({ proxy: named })).toMatchObject({ digest: image.manifest });
    expect(proxied).toBeGreaterThan(4);
    forwarding.close();
  });

  test.each([
    ['127.0.0.0/8', true],
    ['10.0.0.0/8, 127.0.0.1', true],
    ['*', true],
    ['10.0.0.0/8', false],
    ['127.0.0.0/33', false],
    ['::/0', false],
  ])('are not asked for what the list %s names', (list, expected) => {
    expect(directHosts(list)(new URL('http://127.0.0.1:5000/'))).toBe(expected);
  });

  test('lists of hosts without a proxy have names, addresses, networks and ports', () => {
    const isDirect = directHosts('r.io .s.io *.t.io,u.io:5000,::1,[fd00::1]:5000,2001:db8::/32,192.0.2.1:443');
    const direct = ['r.io', 'a.r.io', 'R.IO', 's.io', 'a.s.io', 'a.t.io', 'u.io:5000', '[::1]:99', '[fd00::1]:5000'];
    for (const host of [...direct, '[2001:db8:1::5]', '192.0.2.1'])
      expect(isDirect(new URL(`https://${host}/`)), host).toBe(true);
    for (const host of ['xr.io', 'r.io.x', 'u.io', '[fd00::1]', '[2001:db9::1]', '192.0.2.1:5000', '192.0.2.10'])
      expect(isDirect(new URL(`https://${host}/`)), host).toBe(false);
    expect(directHosts('')(new URL('https://r.io/'))).toBe(false);
  });

  test('are not asked for hosts that need none, and those of the environment never', async () => {
    expect(await pull({ proxy: { http: at(), none: '127.0.0.1' } })).toMatchObject({ digest: image.manifest });
    vi.stubEnv('HTTP_PROXY', at());
    vi.stubEnv('http_proxy', at());
    try {
      expect(await pull({ proxy: { https: at() } })).toMatchObject({ digest: image.manifest });
    } finally {
      vi.unstubAllEnvs();
    }
    expect(proxied).toBe(0);
  });
});
