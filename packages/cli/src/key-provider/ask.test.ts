import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RpcServer, rpcService, serveRpc } from '@assay/guest/services';
import {
  type ProviderAddress,
  readProviderRequest,
  readUnwrapAnswer,
  writeProviderRequest,
  writeUnwrapAnswer,
  writeWrapAnswer,
} from '@assay/ocicrypt';
import { KeyProviderService } from '@assay/protocol/guest';
import { temporaryFolder } from '@assay/testkit';
import { STATUS, StatusError } from '@assay/ttrpc';
import { afterEach, describe, expect, test } from 'vitest';
import { unwrappersOf, wrappersOf } from '../image/keys.js';
import { askingProviders, providersOf } from './ask.js';

const folder = temporaryFolder('assay-ask-');
const servers: RpcServer[] = [];
afterEach(async () => {
  delete process.env['OCICRYPT_KEYPROVIDER_CONFIG'];
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A provider that hands back what it is asked about. */
async function echo(address: string): Promise<string> {
  const services = [
    rpcService(
      KeyProviderService,
      {
        wrapKey: async ({ KeyProviderKeyWrapProtocolInput: input }) => {
          const request = readProviderRequest(input);
          if (request.op !== 'keywrap') throw new StatusError(STATUS.internal, 'another method');
          return { KeyProviderKeyWrapProtocolOutput: writeWrapAnswer(request.options) };
        },
        unWrapKey: async ({ KeyProviderKeyWrapProtocolInput: input }) => {
          const request = readProviderRequest(input);
          if (request.op !== 'keyunwrap') throw new StatusError(STATUS.internal, 'another method');
          if (request.annotation[0] === 0) throw new StatusError(STATUS.notFound, `no\nsuch key ${'x'.repeat(900)}`);
          return { KeyProviderKeyWrapProtocolOutput: writeUnwrapAnswer(request.annotation) };
        },
      },
      { onDefect: () => undefined },
    ),
  ];
  const server = await serveRpc(address, services, { onDefect: () => undefined });
  servers.push(server);
  return server.address;
}

const unwrap = (annotation: Uint8Array): Uint8Array =>
  writeProviderRequest({ op: 'keyunwrap', parameters: {}, annotation });
const asking = (address: ProviderAddress, timeoutMs = 5000) => {
  const ask = askingProviders(new Map([['p', address]]), { timeoutMs });
  return (request: Uint8Array) => ask('p', request);
};
const node = (script: string): ProviderAddress => ({ kind: 'cmd', path: process.execPath, args: ['-e', script] });
const refused = (reason: string) =>
  expect.objectContaining({ code: 'image.provider.answers', message: expect.stringContaining(reason) });
const bytes = Uint8Array.of(1, 2, 3);

describe.each(['grpc', 'ttrpc'] as const)('over %s', (kind) => {
  const start = (): Promise<string> => echo(kind === 'grpc' ? '127.0.0.1:0' : `unix://${join(folder, 's.sock')}`);

  test('both methods are asked, and answers come back', async () => {
    const address = await start();
    const ask = asking({ kind, address });
    expect(readUnwrapAnswer(await ask(unwrap(bytes)))).toEqual(bytes);
    const request = writeProviderRequest({ op: 'keywrap', parameters: {}, options: bytes });
    expect(Buffer.from(await ask(request))).toEqual(Buffer.from(writeWrapAnswer(bytes)));
    if (kind === 'grpc') {
      for (const prefix of ['http://', 'tcp://'])
        expect(readUnwrapAnswer(await asking({ kind, address: `${prefix}${address}` })(unwrap(bytes)))).toEqual(bytes);
    }
  });

  test('what the provider says when it refuses is one short line', async () => {
    const error = await asking({ kind, address: await start() })(unwrap(Uint8Array.of(0))).catch((thrown) => thrown);
    expect(error).toEqual(refused('no such key xxx'));
    expect(error.message.length).toBeLessThan(400);
  });

  test('nobody there is told', async () => {
    const address = kind === 'grpc' ? '127.0.0.1:9' : `unix://${join(folder, 'none.sock')}`;
    await expect(asking({ kind, address }, 2000)(unwrap(bytes))).rejects.toEqual(refused('key provider p:'));
  });
});

describe('over a program', () => {
  const copy = 'process.stdin.pipe(process.stdout)';

  test('the request is its standard input, the answer its standard output', async () => {
    expect(Buffer.from(await asking(node(copy))(unwrap(bytes)))).toEqual(Buffer.from(unwrap(bytes)));
  });

  test.each([
    ['an exit code', 'process.stdin.resume(); process.exitCode = 3; console.log("{}")', 'exit code 3'],
    ['a signal', 'process.kill(process.pid, "SIGTERM"); setTimeout(() => {}, 9000)', 'ended by SIGTERM'],
    ['silence', 'setTimeout(() => {}, 60000)', 'no answer in 1500 ms'],
    [
      'silence of a child that outlives it',
      'require("child_process").spawn(process.execPath, ["-e", "setTimeout(() => {}, 8000)"], {stdio: "inherit"}); setTimeout(() => {}, 8000)',
      'no answer in 1500 ms',
    ],
    ['more than an answer has', 'process.stdout.write("x".repeat(5 << 20))', 'longer than'],
  ])('%s is no answer', async (_, script, reason) => {
    await expect(asking(node(script), 1500)(unwrap(bytes))).rejects.toEqual(refused(reason));
  });

  test('that does not exist, or does not read, is told', async () => {
    await expect(asking({ kind: 'cmd', path: '/nonexistent', args: [] })(unwrap(bytes))).rejects.toEqual(
      refused('ENOENT'),
    );
    const large = unwrap(new Uint8Array(1 << 20).fill(1));
    await expect(asking(node('process.exit(2)'))(large)).rejects.toEqual(refused('exit code 2'));
  });
});

test('native providers, and names that are not configured, are told', async () => {
  await expect(asking({ kind: 'native', address: 'attestation-agent' })(unwrap(bytes))).rejects.toEqual(
    refused('built into other programs'),
  );
  await expect(askingProviders(new Map())('p', unwrap(bytes))).rejects.toEqual(refused('no providers'));
});

describe('keys of `assay image`', () => {
  const configure = (providers: object): void => {
    const file = join(folder, 'providers.json');
    writeFileSync(file, JSON.stringify({ 'key-providers': providers }));
    process.env['OCICRYPT_KEYPROVIDER_CONFIG'] = file;
  };
  /** Writes what it was asked into a file. */
  const spy = join(folder, 'asked.json');
  const program = {
    path: process.execPath,
    args: [
      '-e',
      `let t='';process.stdin.on('data',c=>t+=c).on('end',()=>{require('fs').writeFileSync(${JSON.stringify(spy)},t);console.log('{"keywrapresults":{"annotation":[1]},"keyunwrapresults":{"optsdata":[2]}}')})`,
    ],
  };
  const asked = () => readProviderRequest(readFileSync(spy));

  test('provider:NAME:PARAMETERS is a recipient of its own each time', async () => {
    configure({ a: { cmd: program } });
    const wrappers = await wrappersOf(['provider:a', 'provider:a:keyid=kbs:///x/y/z::sample=false']);
    expect(wrappers.map(({ annotation }) => annotation)).toEqual(
      Array(2).fill('org.opencontainers.image.enc.keys.provider.a'),
    );
    expect(await wrappers[1]?.wrap(bytes)).toEqual(Uint8Array.of(1));
    expect(asked()).toMatchObject({ parameters: { a: ['keyid=kbs:///x/y/z::sample=false'] } });
    await wrappers[0]?.wrap(bytes);
    expect(asked()).toMatchObject({ parameters: { a: ['Enabled'] } });
  });

  test('a provider unwraps with its parameters', async () => {
    configure({ a: { cmd: program } });
    const [, unwrapper] = await unwrappersOf(['provider:a:cc_kbc::http://127.0.0.1:8080']);
    const annotation = 'org.opencontainers.image.enc.keys.provider.a';
    expect(await unwrapper?.unwrap(bytes, annotation)).toMatchObject({ options: Uint8Array.of(2) });
    expect(asked()).toMatchObject({ op: 'keyunwrap', parameters: { a: ['cc_kbc::http://127.0.0.1:8080'] } });
  });

  test.each([
    ['is not configured', ['provider:b'], 'has none of that name'],
    ['has no name', ['provider::x'], 'without a name'],
  ])('one that %s is told at once', async (_, keys, words) => {
    configure({ a: { cmd: program } });
    await expect(wrappersOf(keys)).rejects.toThrow(words);
    await expect(unwrappersOf(keys)).rejects.toThrow(words);
  });

  test('two of one name, and no configuration, are told', async () => {
    configure({ a: { cmd: program } });
    await expect(unwrappersOf(['provider:a', 'provider:a:x'])).rejects.toThrow('twice');
    delete process.env['OCICRYPT_KEYPROVIDER_CONFIG'];
    await expect(wrappersOf(['provider:a'])).rejects.toThrow('is not set');
    expect(() => providersOf({ OCICRYPT_KEYPROVIDER_CONFIG: '' })).toThrow('is not set');
    await expect(wrappersOf(['pkcs11:x'])).rejects.toThrow('no such kind of key');
  });
});
