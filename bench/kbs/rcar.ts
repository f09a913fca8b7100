import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canonicalJson } from '@assay/bytes';
import { generateTeeKeyPair } from '@assay/protocol';
import { machine, percentile, type Report } from '../lib/report.js';

/**
 * RCAR handshakes per second (auth, attest, resource) over 64 connections, on SQLite, by one server process and by two,
 * against a bare `node:http` server that answers the same three requests with as many bytes.
 */
const connections = 64;
const seconds = 5;
const resource = 'default/key/1';

interface Load {
  /** Handshakes per second. */
  readonly rate: number;
  /** Milliseconds of one handshake (three requests). */
  readonly p50: number;
  readonly p99: number;
}

export async function benchRcar(): Promise<Report> {
  const echo = await withEcho((port) => load(port));
  const one = await withAssay(1, (port) => load(port));
  const two = await withAssay(2, (port) => load(port));
  return {
    name: 'rcar',
    machine: machine(),
    metrics: {
      ...named('echo_1_process', echo),
      ...named('assay_1_process', one),
      ...named('assay_2_processes', two),
    },
    ratios: {
      assay_1_process_vs_bare_node_echo: one.rate / echo.rate,
      assay_2_processes_vs_bare_node_echo: two.rate / echo.rate,
      assay_2_processes_vs_1: two.rate / one.rate,
    },
  };
}

function named(prefix: string, { rate, p50, p99 }: Load): Record<string, number> {
  return { [`${prefix}_handshakes_per_s`]: rate, [`${prefix}_p50_ms`]: p50, [`${prefix}_p99_ms`]: p99 };
}

// ── load ───────────────────────────────────────────────────────────────────

const keyPair = generateTeeKeyPair('ECDH-ES+A256KW-P256', (length) => crypto.getRandomValues(new Uint8Array(length)));

async function load(port: number): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const latencies: number[] = [];
  await Promise.all(Array.from({ length: connections }, () => handshake(port, agent)));
  const end = performance.now() + seconds * 1000;
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() < end) {
        const start = performance.now();
        await handshake(port, agent);
        latencies.push(performance.now() - start);
      }
    }),
  );
  const elapsed = (performance.now() - begun) / 1000;
  agent.destroy();
  return { rate: latencies.length / elapsed, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) };
}

async function handshake(port: number, agent: Agent): Promise<void> {
  const auth = await send(
    port,
    agent,
    'POST',
    '/kbs/v0/auth',
    '{"version":"0.4.0","tee":"sample","extra-params":{"supported-hash-algorithms":["sha384"]}}',
  );
  const cookie = (auth.cookie ?? 'kbs-session-id=0').split(';', 1)[0] ?? '';
  const { nonce } = JSON.parse(auth.body) as { nonce: string };
  await send(port, agent, 'POST', '/kbs/v0/attest', attestation(nonce), cookie);
  await send(port, agent, 'GET', `/kbs/v0/resource/${resource}`, undefined, cookie);
}

function attestation(nonce: string): string {
  const key = keyPair.publicKey.asReceived;
  const bound = canonicalJson({ 'additional-evidence': '', nonce, 'tee-pubkey': key });
  return JSON.stringify({
    'init-data': null,
    'runtime-data': { nonce, 'tee-pubkey': key },
    'tee-evidence': {
      primary_evidence: { svn: '1', report_data: createHash('sha384').update(bound).digest('base64') },
      additional_evidence: '',
    },
  });
}

interface Answer {
  readonly body: string;
  readonly cookie: string | undefined;
}

function send(
  port: number,
  agent: Agent,
  method: string,
  path: string,
  body: string | undefined,
  cookie?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      ...(cookie === undefined ? {} : { cookie }),
    };
    const call = request({ host: '127.0.0.1', port, agent, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve({ body: text, cookie: response.headers['set-cookie']?.[0] });
        else reject(new Error(`${method} ${path}: status ${response.statusCode}: ${text.slice(0, 300)}`));
      });
    });
    call.on('error', reject);
    call.end(body);
  });
}

// ── servers ────────────────────────────────────────────────────────────────

/** Answers as many bytes as Assay does, from memory. */
async function withEcho<T>(act: (port: number) => Promise<T>): Promise<T> {
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
    server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ urls: ['http://127.0.0.1:' + server.address().port] })));`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  return withServer(child, act);
}

async function withAssay<T>(processes: number, act: (port: number) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'assay-bench-'));
  const home = join(folder, 'home');
  const port = 18080 + processes;
  const child = spawn(
    process.execPath,
    [
      fileURLToPath(new URL('../../packages/cli/bin/assay.js', import.meta.url)),
      'serve',
      '--json',
      '--insecure-http',
      '--data-dir',
      join(folder, 'data'),
      '--listen',
      `127.0.0.1:${port}`,
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        ASSAY_CONFIG_HOME: home,
        ASSAY_HTTP_RATE_LIMIT: '0',
        ASSAY_HTTP_WORKERS: String(processes),
        ASSAY_LOG_LEVEL: 'warn',
      },
    },
  );
  try {
    return await withServer(child, async (bound) => {
      await prepare(bound, home);
      return act(bound);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A resource policy that lets samples through, and a secret. */
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
  await until(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
  await put(
    '/api/v1/resource-policy',
    'application/json',
    JSON.stringify({ text: 'package policy\n\ndefault allow := false\n\nallow if data.plugin == "resource"\n' }),
  );
  await put(`/api/v1/resources/${resource}`, 'application/octet-stream', 'k'.repeat(32));
}

async function until(ready: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await ready().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the server did not get ready');
}

async function withServer<T>(child: ChildProcess, act: (port: number) => Promise<T>): Promise<T> {
  try {
    const url = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        const found = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
        if (found !== undefined) resolve(found);
      });
      child.on('exit', (code) => reject(new Error(`the server ended with code ${code}`)));
    });
    return await act(Number(new URL(url).port));
  } finally {
    child.kill('SIGTERM');
    await new Promise((resolve) => child.on('exit', resolve));
  }
}
