import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { azureMetadata } from './azure-metadata.js';

let server: Server;
let answer: { readonly status: number; readonly body: string };
const asked: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      asked.push(`${request.method} ${request.url} ${request.headers['metadata']} ${body}`);
      response.writeHead(answer.status).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(() => server.close());

const metadata = () => azureMetadata(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
const says = (body: unknown, status = 200): void => {
  answer = { status, body: typeof body === 'string' ? body : JSON.stringify(body) };
};

test('the VCEK comes in PEM', async () => {
  says({ vcekCert: 'PEM', tcbm: 'DB18000000000004' });
  expect(await metadata().vcek()).toBe('PEM');
  expect(asked.at(-1)).toBe('GET /metadata/THIM/amd/certification true ');
});

test.each(['-_8', '-_8='])('a TD quote comes for a TDREPORT, %s', async (quote) => {
  says({ quote });
  expect(await metadata().tdQuote(Uint8Array.of(0xfb, 0xff))).toEqual(Uint8Array.of(0xfb, 0xff));
  expect(asked.at(-1)).toBe('POST /acc/tdquote true {"report":"-_8"}');
});

test.each<[string, unknown, number?]>([
  ['status 404', {}, 404],
  ['no JSON', '<html>'],
  ['no `quote`', {}],
  ['no `quote`', []],
  ['no `quote`', { quote: 1 }],
  ['no quote in base64url', { quote: '+/8=' }],
  ['too long', `"${'a'.repeat(300_000)}"`],
])('what cannot be used is said: %s', async (why, body, status) => {
  says(body, status);
  await expect(metadata().tdQuote(new Uint8Array(4))).rejects.toThrow(why);
  await expect(metadata().tdQuote(new Uint8Array(4))).rejects.toMatchObject({ name: 'AttesterError' });
});

test('nobody there', async () => {
  await expect(azureMetadata('http://127.0.0.1:1').vcek()).rejects.toThrow('is this an Azure confidential VM?');
});
