import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type Attester, CcKbc, type CcKbcOptions, sampleAttester, type Transport } from '@assay/guest';
import { generateTeeKeyPair, type TeeKeyAlgorithm, type TeeKeyPair } from '@assay/protocol';
import { defaultSettings, type RunningServer, type Settings, startServer } from '@assay/server';
import { temporaryFolder } from '@assay/testkit';

/** A server of a test's own, over real sockets. */
export interface TestServer {
  readonly url: string;
  readonly server: RunningServer;
  readonly dataDir: string;
  /** Admin token of the first start. */
  readonly token: string;
  send(method: string, path: string, options?: SendOptions): Promise<Answer>;
  /** With the admin token; fails the test unless the status is 2xx. */
  admin(method: string, path: string, body?: unknown): Promise<unknown>;
  transport: Transport;
  stop(): Promise<void>;
}

export interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  json(): unknown;
}

export type SettingsChange = {
  readonly [S in keyof Settings]?: Settings[S] extends readonly unknown[] ? Settings[S] : Partial<Settings[S]>;
};

export function settingsWith(change: SettingsChange = {}): Settings {
  const settings: Record<string, unknown> = { ...defaultSettings() };
  for (const [section, values] of Object.entries(change)) {
    settings[section] = Array.isArray(values) ? values : { ...(settings[section] as object), ...(values as object) };
  }
  const merged = settings as unknown as Settings;
  return {
    ...merged,
    http: { ...merged.http, listen: change.http?.listen ?? ['127.0.0.1:0'] },
    log: { level: change.log?.level ?? 'silent' },
  };
}

export async function startTestServer(
  change: SettingsChange = {},
  options: { readonly dataDir?: string; readonly now?: () => Date } = {},
): Promise<TestServer> {
  const dataDir = options.dataDir ?? temporaryFolder('assay-e2e-');
  const now = options.now;
  const server = await startServer({
    settings: settingsWith({ http: { insecure_http: true, ...change.http }, ...without(change, 'http') }),
    dataDir,
    ...(now === undefined ? {} : { world: { now, random: (length) => randomBytes(length) } }),
  });
  const url = server.urls[0] ?? '';
  const token = server.adminToken ?? '';
  const ca = server.certificate?.certificate;
  const send = (method: string, path: string, more: SendOptions = {}): Promise<Answer> =>
    sendTo(`${url}${path}`, method, more, ca);
  return {
    url,
    server,
    dataDir,
    token,
    send,
    admin: async (method, path, body) => {
      const answer = await send(method, path, {
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': body instanceof Uint8Array ? 'application/octet-stream' : 'application/json',
        },
        ...(body === undefined ? {} : { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
      });
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
      return answer.text === '' ? undefined : answer.json();
    },
    transport: async (request) => {
      const answer = await send(request.method, request.path, {
        headers: request.headers,
        ...(request.body === undefined ? {} : { body: request.body }),
      });
      const attempt = answer.headers['assay-attempt'];
      return {
        status: answer.status,
        setCookie: [answer.headers['set-cookie'] ?? []].flat(),
        body: Buffer.from(answer.text),
        ...(typeof attempt === 'string' ? { attempt } : {}),
      };
    },
    stop: async () => {
      await server.close();
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export function sendTo(url: string, method: string, options: SendOptions, ca?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const body = options.body === undefined ? undefined : Buffer.from(options.body);
    const headers = { ...(body === undefined ? {} : { 'content-length': String(body.length) }), ...options.headers };
    const call = (url.startsWith('https') ? httpsRequest : httpRequest)(
      url,
      { method, headers, ...(ca === undefined ? {} : { ca }) },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            json: () => JSON.parse(text) as unknown,
          });
        });
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

export function newKey(algorithm: TeeKeyAlgorithm = 'ECDH-ES+A256KW-P256'): TeeKeyPair {
  return generateTeeKeyPair(algorithm, (length) => randomBytes(length));
}

export function guestOf(
  server: TestServer,
  options: Partial<CcKbcOptions> & { readonly attester?: Attester } = {},
): CcKbc {
  return new CcKbc({
    transport: server.transport,
    attester: sampleAttester(),
    keyPair: newKey(),
    random: (length) => randomBytes(length),
    now: () => new Date(),
    attempts: 1,
    ...options,
  });
}

/** Reference values under which the sample evidence of an honest guest is affirming, a policy that wants that, and a secret. */
export async function prepareSample(server: TestServer, secret: Uint8Array | string = 'the secret'): Promise<void> {
  const values = { launch_digest: ['abcde'], svn: ['1'], major_version: 1, minimum_minor_version: 4 };
  for (const [name, value] of Object.entries(values))
    await server.admin('PUT', `/api/v1/reference-values/${name}`, { value });
  await server.admin('PUT', '/api/v1/resource-policy', { text: affirmingPolicy });
  await server.admin('PUT', '/api/v1/resources/default/key/1', Buffer.from(secret));
}

export const affirmingPolicy = `package policy

default allow := false

allow if {
	data.plugin == "resource"
	every submod in input.submods { submod["ear.status"] == "affirming" }
}
`;

export const allowAllPolicy = 'package policy\n\nallow := true\n';

function without<T extends object, K extends keyof T>(value: T, key: K): Omit<T, K> {
  const { [key]: _left, ...rest } = value;
  return rest;
}
