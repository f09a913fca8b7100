import { decodeHex, encodeUtf8 } from '@assay/bytes';
import { StatusError, TtrpcClient } from '@assay/ttrpc';
import { afterEach, describe, expect, test } from 'vitest';
import { sampleAttester, sampleDeviceAttester } from '../attester/sample.js';
import { startTestGuest, type TestGuest, type TestGuestOptions } from '../guest.test.helper.js';
import type { Transport } from '../kbc/transport.js';

let guest: TestGuest | undefined;
afterEach(async () => {
  await guest?.stop();
  guest = undefined;
});
const start = async (options: TestGuestOptions = {}): Promise<TestGuest> => {
  guest = await startTestGuest(options);
  return guest;
};
const SERVICE = 'attestation_agent.AttestationAgentService';
const text = (bytes: unknown): string => Buffer.from(bytes as Uint8Array).toString('utf8');

describe.each(['ttrpc', 'grpc'] as const)('over %s', (face) => {
  const name = face === 'ttrpc' ? 'AA-KBC' : 'AA';

  test('evidence is the compact JSON of the TEE, over the bytes that were given', async () => {
    const { agent } = await start();
    const { code, response } = await agent[face](SERVICE, 'GetEvidence', { RuntimeData: Buffer.from([0, 1, 2, 3]) });
    expect([code, text(response['Evidence'])]).toEqual([0, '{"svn":"1","report_data":"AAECAw=="}']);
  });

  test('without devices additional evidence is empty; with devices it is one object', async () => {
    const { agent } = await start();
    const without = await agent[face](SERVICE, 'GetAdditionalEvidence', { RuntimeData: Buffer.from([1]) });
    expect([without.code, text(without.response['Evidence'])]).toEqual([0, '']);
    expect((await agent[face](SERVICE, 'GetAdditionalTees')).response['additional_tees']).toEqual([]);
    await guest?.stop();
    const other = await start({ agent: { devices: [sampleDeviceAttester()] } });
    const both = await other.agent[face](SERVICE, 'GetAdditionalEvidence', { RuntimeData: Buffer.from([1]) });
    expect(text(both.response['Evidence'])).toBe('{"sampledevice":{"svn":"2","report_data":"AQ=="}}');
    expect((await other.agent[face](SERVICE, 'GetAdditionalTees')).response['additional_tees']).toEqual([
      'sampledevice',
    ]);
  });

  test('the TEE is named', async () => {
    const { agent } = await start();
    expect((await agent[face](SERVICE, 'GetTeeType')).response['tee']).toBe('sample');
  });

  test('each token of kind kbs is a handshake of its own with a key of its own', async () => {
    const { agent, broker } = await start();
    const tokens = [];
    for (let n = 0; n < 2; n += 1) {
      const { code, response } = await agent[face](SERVICE, 'GetToken', { TokenType: 'kbs' });
      expect(code).toBe(0);
      tokens.push(JSON.parse(text(response['Token'])) as { token: string; tee_keypair: string });
    }
    expect(tokens[0]).toMatchObject({
      token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      tee_keypair: expect.stringMatching(/^-----BEGIN PRIVATE KEY-----/),
    });
    expect(tokens[0]?.tee_keypair).not.toBe(tokens[1]?.tee_keypair);
    expect(broker.count('/attest')).toBe(2);
  });

  test.each(['coco_as', 'unknown', ''])('token kind %j without its configuration is refused', async (type) => {
    const { agent } = await start();
    expect(await agent[face](SERVICE, 'GetToken', { TokenType: type })).toMatchObject({
      code: 13,
      message: `[ERROR:attestation-agent] ${name} get token failed`,
    });
  });

  test('evidence that cannot be made is INTERNAL, and only the owner hears why', async () => {
    const attester = { ...sampleAttester(), getEvidence: () => Promise.reject(new Error('hardware detail')) };
    const { agent, failures } = await start({ agent: { attester, devices: [attester] } });
    expect(await agent[face](SERVICE, 'GetEvidence')).toMatchObject({
      code: 13,
      message: `[ERROR:attestation-agent] ${name} get evidence failed`,
    });
    expect((await agent[face](SERVICE, 'GetAdditionalEvidence')).message).toBe(
      `[ERROR:attestation-agent] ${face === 'ttrpc' ? 'AA-KBC get evidence failed' : 'AA get additional evidence failed'}`,
    );
    expect(failures.map(({ error }) => (error as Error).message)).toEqual(['hardware detail', 'hardware detail']);
  });

  test('an event where none are logged is NOT_ENABLED, on a platform without registers NOT_SUPPORTED; neither is an error', async () => {
    const event = { Domain: 'd', Operation: 'o', Content: 'c' };
    const { agent } = await start();
    expect(await agent[face](SERVICE, 'ExtendRuntimeMeasurement', event)).toMatchObject({
      code: 0,
      response: { Result: 2 },
    });
    await guest?.stop();
    const other = await start({ agent: { config: { eventLog: { initPcr: 17, enabled: true } } } });
    expect(await other.agent[face](SERVICE, 'ExtendRuntimeMeasurement', event)).toMatchObject({
      code: 0,
      response: { Result: 1 },
    });
    expect(await other.agent[face](SERVICE, 'ExtendRuntimeMeasurement', { Domain: 'd' })).toMatchObject({ code: 3 });
  });

  test('configuration is not changed from outside, unless the owner allows it', async () => {
    const config = JSON.stringify({ token_configs: {} });
    const { agent } = await start();
    expect((await agent[face](SERVICE, 'UpdateConfiguration', { config })).code).toBe(face === 'ttrpc' ? 5 : 12);
    expect((await agent[face](SERVICE, 'GetToken', { TokenType: 'kbs' })).code).toBe(0);
    await guest?.stop();
    const other = await start({ agentService: { updatable: true } });
    expect(
      await other.agent[face](SERVICE, 'UpdateConfiguration', { config: '{"token_configs":{"kbs":{}}}' }),
    ).toMatchObject({
      code: 3,
      message: 'token_configs.kbs.url must be an http or https URL',
    });
    expect((await other.agent[face](SERVICE, 'UpdateConfiguration', { config: 'x' })).code).toBe(3);
    expect((await other.agent[face](SERVICE, 'UpdateConfiguration', { config })).code).toBe(0);
    expect((await other.agent[face](SERVICE, 'GetToken', { TokenType: 'kbs' })).code).toBe(13);
  });

  test('init-data is compared with what the hardware was launched with', async () => {
    const attester = { ...sampleAttester(), initDataField: async () => Uint8Array.of(7, 7, 0) };
    const { agent, failures } = await start({ agent: { attester } });
    const check = (digest: number[]) => agent[face](SERVICE, 'CheckInitData', { Digest: Buffer.from(digest) });
    // Filled with zeros, and cut.
    expect((await check([7, 7])).code).toBe(0);
    expect((await check([7, 7, 0, 9])).code).toBe(0);
    expect(await check([7, 8])).toMatchObject({ code: 13 });
    expect(await check([7])).toMatchObject({ code: 13 });
    expect(String(failures[0]?.error)).toContain('070800');
  });

  test('a platform that does not tell what it was launched with binds nothing, and the owner hears it', async () => {
    const { agent, failures } = await start();
    expect((await agent[face](SERVICE, 'CheckInitData', { Digest: Buffer.alloc(48) })).code).toBe(0);
    expect(failures.map(({ what }) => what)).toEqual(['init-data is not bound']);
  });
});

test('BindInitData is served over gRPC and not over ttrpc, as upstream', async () => {
  const { agent } = await start();
  expect((await agent.grpc(SERVICE, 'BindInitData', { Digest: Buffer.alloc(48) })).code).toBe(0);
  expect(await agent.ttrpc(SERVICE, 'BindInitData', { Digest: Buffer.alloc(48) })).toMatchObject({
    code: 5,
    message: '/attestation_agent.AttestationAgentService/BindInitData is not supported',
  });
});

test('calls to nowhere: methods, services and messages that are none', async () => {
  const { agent } = await start();
  expect(await agent.ttrpc(SERVICE, 'Nope')).toMatchObject({ code: 12, message: 'Nope method' });
  expect(await agent.ttrpc('api.GetResourceService', 'GetResource')).toMatchObject({
    code: 3,
    message: 'api.GetResourceService service does not exist',
  });
  expect((await agent.grpc('api.GetResourceService', 'GetResource')).code).toBe(12);
});

test('a broker that cannot answer is asked five times, one that refuses once', async () => {
  for (const [status, handshakes] of [
    [503, 5],
    [401, 1],
  ] as const) {
    const change = () => ({ status, setCookie: [], body: encodeUtf8('{"type":"x","detail":"y"}') });
    const { agent, broker } = await start({ broker: { change } });
    expect((await agent.ttrpc(SERVICE, 'GetToken', { TokenType: 'kbs' })).code).toBe(13);
    expect(broker.count('/auth')).toBe(handshakes);
    await guest?.stop();
    guest = undefined;
  }
});

test('a key that cannot be handed over is refused before the broker is asked', async () => {
  const config = {
    kbs: { url: 'http://broker', teeKeyAlgorithm: 'ML-KEM-768+A192KW' as const },
    eventLog: { initPcr: 17, enabled: false },
  };
  const { agent, broker } = await start({ agent: { config } });
  expect((await agent.ttrpc(SERVICE, 'GetToken', { TokenType: 'kbs' })).code).toBe(13);
  expect(broker.requests).toHaveLength(0);
});

test('init-data travels with the evidence', async () => {
  const initDataToml = 'version = "0.1.0"\nalgorithm = "sha256"\n[data]\n';
  const { agent, broker } = await start({ agent: { initDataToml } });
  await agent.ttrpc(SERVICE, 'GetToken', { TokenType: 'kbs' });
  const attest = broker.requests.find(({ path }) => path.endsWith('/attest'));
  expect(JSON.parse(text(attest?.body))['init-data']).toEqual({ format: 'toml', body: initDataToml });
});

test('a token of kind coco_as is the attestation service’s answer as it is, for evidence over no report data', async () => {
  const seen: { url: string; path: string; body: unknown }[] = [];
  let status = 200;
  const transport =
    (url: string): Transport =>
    async ({ path, body }) => {
      seen.push({ url, path, body: JSON.parse(text(body)) });
      return { status, setCookie: [], body: encodeUtf8('the.jwt') };
    };
  const config = { cocoAs: { url: 'http://as:8080' }, eventLog: { initPcr: 17, enabled: false } };
  const { agent } = await start({ agent: { transport, config } });
  const { response } = await agent.ttrpc(SERVICE, 'GetToken', { TokenType: 'coco_as' });
  expect(text(response['Token'])).toBe('the.jwt');
  const evidence = Buffer.from('{"svn":"1","report_data":""}').toString('base64url');
  expect(seen).toEqual([
    {
      url: 'http://as:8080',
      path: '/attestation',
      body: { verification_requests: [{ tee: 'sample', evidence }], policy_ids: [] },
    },
  ]);
  status = 201;
  expect((await agent.ttrpc(SERVICE, 'GetToken', { TokenType: 'coco_as' })).code).toBe(13);
});

test('an event in the form of v0.9 is refused, whatever register it names', async () => {
  const { agentPath } = await start({ agent: { config: { eventLog: { initPcr: 17, enabled: true } } } });
  const client = new TtrpcClient(`unix://${agentPath}`);
  // Events = ["a b c"], RegisterIndex absent, 0, 1 and 16: the index stands where the operation stands today.
  for (const index of ['', '1000', '1001', '1010']) {
    const payload = decodeHex(`0a0561206220630a03642065${index}`);
    const call = client.call({ service: SERVICE, method: 'ExtendRuntimeMeasurement', payload });
    await expect(call).rejects.toSatisfy((error) => error instanceof StatusError && [2, 3].includes(error.code));
  }
  client.close();
});
