import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { POLICY_TEXTS } from '@assay/kbs';
import { resource } from './client.js';

/** A server that answers handshakes. */
export interface Target {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

/** A bare `node:http` server that answers as many bytes as Assay does, from memory. */
export async function startEcho(): Promise<Target> {
  const port = await freePort();
  const program = `
    const { createServer } = require('node:http');
    const challenge = JSON.stringify({ nonce: 'A'.repeat(44), 'extra-params': '' });
    const token = JSON.stringify({ token: 'x'.repeat(1900) });
    const jwe = JSON.stringify({ protected: 'p'.repeat(260), encrypted_key: 'k'.repeat(54), iv: 'i'.repeat(16), ciphertext: 'c'.repeat(43), tag: 't'.repeat(22) });
    const server = createServer((request, response) => {
      request.on('data', () => {});
      request.on('end', () => {
        const body = request.url.endsWith('auth') ? challenge : request.url.endsWith('attest') ? token : jwe;
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length, 'set-cookie': 'kbs-session-id=${'0'.repeat(32)}; Expires=Thu, 01 Jan 2099 00:00:00 GMT' });
        response.end(body);
      });
    });
    server.listen(${port}, '127.0.0.1');`;
  const child = watched(spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'ignore', 'pipe'] }));
  await until(child, async () => (await fetch(`http://127.0.0.1:${port}/auth`)).ok);
  return { pid: child.process.pid ?? 0, port, stop: () => ended(child) };
}

/**
 * Assay on SQLite as its owner runs it: reference values, the shipped attestation policy, a resource policy that releases
 * to affirmed guests only, and a secret.
 *
 * @param program file of the `assay` command
 * @param nodeOptions options of Node, e.g. `--cpu-prof`
 */
export async function startAssay(
  program: string,
  processes: number,
  nodeOptions: readonly string[] = [],
): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), 'assay-bench-'));
  const home = join(folder, 'home');
  const port = await freePort();
  const flags = ['--json', '--insecure-http', '--data-dir', join(folder, 'data'), '--listen', `127.0.0.1:${port}`];
  const child = watched(
    spawn(process.execPath, [...nodeOptions, program, 'serve', ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        ASSAY_CONFIG_HOME: home,
        ASSAY_HTTP_RATE_LIMIT: '0',
        ASSAY_HTTP_WORKERS: String(processes),
        ASSAY_LOG_LEVEL: 'warn',
      },
    }),
  );
  const stop = async (): Promise<void> => {
    await ended(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until(child, async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
    await prepare(port, home);
    return { pid: child.process.pid ?? 0, port, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Reference values under which the guests of the load are affirmed by the policy that comes with the server. */
const expected = { launch_digest: ['abcde'], svn: ['1'], major_version: 1, minimum_minor_version: 4 };

async function prepare(port: number, home: string): Promise<void> {
  const { servers } = JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')) as {
    servers: Record<string, { token: string }>;
  };
  const token = servers[`http://127.0.0.1:${port}`]?.token ?? '';
  const put = async (path: string, type: string, body: string): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'content-type': type },
      body,
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  };
  const putJson = (path: string, value: unknown): Promise<void> => put(path, 'application/json', JSON.stringify(value));
  for (const [name, value] of Object.entries(expected)) await putJson(`/api/v1/reference-values/${name}`, { value });
  await putJson('/api/v1/resource-policy', { text: POLICY_TEXTS.affirming });
  await put(`/api/v1/resources/${resource}`, 'application/octet-stream', 'k'.repeat(32));
  // Other processes look for a new policy once a second.
  await new Promise((resolve) => setTimeout(resolve, 1200));
}

interface Watched {
  readonly process: ChildProcess;
  readonly gone: Promise<void>;
  /** What it wrote to standard error. */
  readonly told: () => string;
  /** Exit code or signal, once it has ended. */
  readonly end: () => string | undefined;
}

function watched(child: ChildProcess): Watched {
  let told = '';
  let end: string | undefined;
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    told = (told + chunk).slice(-4000);
  });
  const gone = new Promise<void>((resolve) => {
    child.on('exit', (code, signal) => {
      end = String(code ?? signal);
      resolve();
    });
  });
  return { process: child, gone, told: () => told, end: () => end };
}

/** Asks until the answer is yes, for at most 20 s. */
async function until(child: Watched, ready: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200 && child.end() === undefined; tries++) {
    if (await ready().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the server did not get ready (${child.end() ?? 'it runs'}): ${child.told()}`);
}

/** SIGTERM, and SIGKILL to what has not ended after 10 s. */
async function ended(child: Watched): Promise<void> {
  child.process.kill('SIGTERM');
  const late = setTimeout(() => child.process.kill('SIGKILL'), 10_000);
  await child.gone;
  clearTimeout(late);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
