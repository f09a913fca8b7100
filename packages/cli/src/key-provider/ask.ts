/** Asks key providers as the file of OCICRYPT_KEYPROVIDER_CONFIG says: a program, gRPC, or ttrpc. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type AssayError, assayError } from '@assay/bytes/findings';
import {
  type AskProvider,
  type ProviderAddress,
  type ProviderTls,
  readProviderConfig,
  readProviderRequest,
} from '@assay/ocicrypt';
import { CliError, EXIT } from '../exit.js';

export interface AskOptions {
  /** Milliseconds for one answer. Default 50 000, as ocicrypt-rs waits. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 50_000;
const LARGEST_ANSWER = 4 * 1024 * 1024;
const LONGEST_REASON = 300;

/** The providers of the file that the environment names. @throws CliError without one; AssayError `image.provider.form` */
export function providersOf(env: NodeJS.ProcessEnv): ReadonlyMap<string, ProviderAddress> {
  const file = env['OCICRYPT_KEYPROVIDER_CONFIG'];
  if (file === undefined || file === '') {
    throw new CliError('OCICRYPT_KEYPROVIDER_CONFIG is not set: where providers are is not known', EXIT.usage, {
      hint: `write {"key-providers":{"NAME":{"grpc":"127.0.0.1:50000"}}} to a file, and name it there`,
    });
  }
  return readProviderConfig(readFileSync(file));
}

/** Hands requests to the providers. @throws AssayError `image.provider.answers` from each call that gets no answer */
export function askingProviders(
  providers: ReadonlyMap<string, ProviderAddress>,
  { timeoutMs = TIMEOUT_MS }: AskOptions = {},
): AskProvider {
  return async (provider, request) => {
    const address = providers.get(provider);
    if (address === undefined) {
      throw noAnswer(provider, `the configuration has ${[...providers.keys()].join(', ') || 'no providers'}`);
    }
    try {
      return await send(address, request, timeoutMs);
    } catch (error) {
      // Words of a peer, for people: one line, and not too long.
      const words = error instanceof Error ? error.message : 'no answer';
      throw noAnswer(provider, words.replaceAll(/\s+/g, ' ').slice(0, LONGEST_REASON), error);
    }
  };
}

function send(address: ProviderAddress, request: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
  switch (address.kind) {
    case 'cmd':
      return overProgram(address.path, address.args, request, timeoutMs);
    case 'grpc':
      return overGrpc(address, request, timeoutMs);
    case 'ttrpc':
      return overTtrpc(address.address, request, timeoutMs);
    case 'native':
      throw new Error(`native providers are built into other programs; reach ${address.address} by cmd, grpc or ttrpc`);
  }
}

/** The request is its standard input, the answer its standard output: arguments could be read by every user of the machine. */
function overProgram(
  path: string,
  args: readonly string[],
  request: Uint8Array,
  timeoutMs: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (reason: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      // A child of the program may hold the other end: nobody waits for it.
      child.stdout.destroy();
      child.stdin.destroy();
      reject(new Error(`${path}: ${reason}`));
    };
    const timer = setTimeout(() => fail(`no answer in ${timeoutMs} ms`), timeoutMs);
    child.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? 'cannot be started'));
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > LARGEST_ANSWER) fail(`its answer is longer than ${LARGEST_ANSWER} bytes`);
      else chunks.push(chunk);
    });
    child.on('close', (code, signal) => {
      if (code !== 0) return fail(code === null ? `it was ended by ${signal}` : `exit code ${code}`);
      clearTimeout(timer);
      resolve(Buffer.concat(chunks));
    });
    // A program that does not read its input says with its exit code why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(request);
  });
}

async function overGrpc(
  { address, tls }: Extract<ProviderAddress, { kind: 'grpc' }>,
  request: Uint8Array,
  timeoutMs: number,
): Promise<Uint8Array> {
  const { Client, credentials, Metadata } = await import('@grpc/grpc-js');
  const { grpcServiceDefinition, KeyProviderService } = await import('@assay/protocol/guest');
  const { create } = await import('@assay/protocol/grpc');
  const methods = grpcServiceDefinition(KeyProviderService);
  const name = methodOf(request);
  const method = methods[name];
  // An address that says `https` is not asked in clear.
  const wanted = tls ?? (address.startsWith('https://') ? { insecureSkipVerify: false } : undefined);
  const { serverName } = wanted ?? {};
  const client = new Client(
    address.replace(/^(https?|tcp):\/\//, ''),
    wanted === undefined ? credentials.createInsecure() : credentials.createSsl(...tlsMaterial(wanted)),
    {
      'grpc.max_receive_message_length': LARGEST_ANSWER,
      ...(serverName === undefined ? {} : { 'grpc.ssl_target_name_override': serverName }),
    },
  );
  const message = create(KeyProviderService.method[name].input, { KeyProviderKeyWrapProtocolInput: request });
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        message,
        new Metadata(),
        { deadline: Date.now() + timeoutMs },
        (error, answer) => {
          if (answer === undefined || error !== null) reject(new Error(error?.details ?? 'no answer'));
          else resolve(answer.KeyProviderKeyWrapProtocolOutput);
        },
      );
    });
  } finally {
    client.close();
  }
}

/** Read at each request: certificates are renewed while a command runs. */
function tlsMaterial({ rootCaFile, client, insecureSkipVerify }: ProviderTls) {
  const read = (file: string | undefined): Buffer | null => (file === undefined ? null : readFileSync(file));
  return [
    read(rootCaFile),
    read(client?.keyFile),
    read(client?.certFile),
    { rejectUnauthorized: !insecureSkipVerify },
  ] as const;
}

async function overTtrpc(address: string, request: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
  const { callTtrpc, TtrpcClient } = await import('@assay/ttrpc');
  const { KeyProviderService } = await import('@assay/protocol/guest');
  const client = new TtrpcClient(address, { timeoutMs, connectTimeoutMs: Math.min(timeoutMs, 10_000) });
  try {
    const answer = await callTtrpc(client, KeyProviderService.method[methodOf(request)], {
      KeyProviderKeyWrapProtocolInput: request,
    });
    return answer.KeyProviderKeyWrapProtocolOutput;
  } finally {
    client.close();
  }
}

function methodOf(request: Uint8Array): 'wrapKey' | 'unWrapKey' {
  return readProviderRequest(request).op === 'keywrap' ? 'wrapKey' : 'unWrapKey';
}

function noAnswer(provider: string, reason: string, cause?: unknown): AssayError {
  return assayError('image.provider.answers', {
    params: { provider, reason },
    subject: provider,
    actual: reason,
    cause,
  });
}
