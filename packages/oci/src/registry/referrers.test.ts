import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { MEDIA_TYPE, parseReference, registrySource, sha256Digest } from '../index.js';

const TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const digest = sha256Digest(Buffer.from('image'));
const hex = digest.slice('sha256:'.length);
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: { mediaType: MEDIA_TYPE.config, digest, size: 5 },
    layers: [],
  }),
);

let server: Server;
let host = '';
const asked: string[] = [];
/** By path: an answer. */
let answers: Readonly<Record<string, (response: ServerResponse) => void>> = {};

beforeAll(async () => {
  server = createServer((request, response) => {
    const path = request.url ?? '';
    if (path === '/v2/a/b/manifests/v1') {
      response.writeHead(200, { 'content-type': MEDIA_TYPE.manifest }).end(manifest);
      return;
    }
    asked.push(path);
    const answer = answers[path];
    if (answer === undefined) response.writeHead(404).end();
    else answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());
beforeEach(() => {
  asked.length = 0;
});

const LIST = `/v2/a/b/referrers/${digest}?artifactType=${encodeURIComponent(TYPE)}`;
const TAG = `/v2/a/b/manifests/sha256-${hex}`;
const one = (name: string, artifactType?: unknown) => ({
  mediaType: MEDIA_TYPE.manifest,
  digest: sha256Digest(Buffer.from(name)),
  size: 1,
  ...(artifactType === undefined ? {} : { artifactType }),
});
const index =
  (manifests: readonly object[], headers: Record<string, string> = {}) =>
  (response: ServerResponse) => {
    const document = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests };
    response.writeHead(200, { 'content-type': MEDIA_TYPE.index, ...headers }).end(JSON.stringify(document));
  };

async function referrers(): Promise<readonly string[]> {
  const source = await registrySource(parseReference(`${host}/a/b:v1`), { insecure: true, attempts: 1 });
  const found = await source.referrers(digest, TYPE).finally(() => source.close());
  return found.map((descriptor) => descriptor.digest);
}

const digestsOf = (...names: readonly string[]): readonly string[] => names.map((name) => one(name).digest);

test('are those of the list that are of the kind, whatever a registry leaves in it', async () => {
  answers = { [LIST]: index([one('1', TYPE), one('2', 'text/plain'), one('3'), one('4', 1), one('5', TYPE)]) };
  expect(await referrers()).toEqual(digestsOf('1', '5'));
  expect(asked).toEqual([LIST]);
});

test('an empty list is an answer', async () => {
  answers = { [LIST]: index([]), [TAG]: index([one('1', TYPE)]) };
  expect(await referrers()).toEqual([]);
});

test.each([400, 404, 405])('a registry that answers %i has none: they stand under a tag', async (status) => {
  answers = { [LIST]: (response) => response.writeHead(status).end(), [TAG]: index([one('1', TYPE), one('2')]) };
  expect(await referrers()).toEqual(digestsOf('1'));
  expect(asked).toEqual([LIST, TAG]);
});

test('without a tag there are none', async () => {
  answers = {};
  expect(await referrers()).toEqual([]);
});

test('further pages are asked for, of the same registry, and not for ever', async () => {
  answers = {
    [LIST]: index([one('1', TYPE)], { link: '</v2/a/b/more>; rel="next"' }),
    '/v2/a/b/more': index([one('2', TYPE)], { link: '<http://elsewhere.invalid/v2/a/b/more>; rel="next"' }),
  };
  expect(await referrers()).toEqual(digestsOf('1', '2'));
  answers = { [LIST]: index([one('1', TYPE)], { link: `<${LIST}>; rel="next"` }) };
  expect(await referrers()).toHaveLength(8);
  answers = { [LIST]: index([one('1', TYPE)], { link: '</v2/a/b/gone>; rel="next"' }) };
  expect(await referrers()).toEqual(digestsOf('1'));
});

test('more than anybody has are cut', async () => {
  answers = { [LIST]: index(Array.from({ length: 200 }, (_, n) => one(`${n}`, TYPE))) };
  expect(await referrers()).toHaveLength(128);
});

test.each<[string, (response: ServerResponse) => void, string]>([
  ['refused', (response) => response.writeHead(403).end(), 'image.registry.answers'],
  ['no index', (response) => response.writeHead(200).end('x'), 'image.manifest.form'],
  ['a manifest', (response) => response.writeHead(200).end(manifest), 'image.manifest.form'],
])('what is %s is an error, and not taken for none', async (_, answer, code) => {
  answers = { [LIST]: answer, [TAG]: index([]) };
  await expect(referrers()).rejects.toMatchObject({ code });
});
