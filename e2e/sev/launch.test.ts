/** S1 to S10 of SEV pre-attestation, at the broker: shim and firmware are emulated, every check is the real one. */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { concatBytes, decodeBase64, encodeBase64 } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import { CONNECTION_GUID, parseSecretTable, sevTrust } from '@assay/evidence/sev';
import { createTestWorld, SevFirmwareError, type SevSecretDetails } from '@assay/soft-tee';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  bundle,
  DIGEST,
  DIGEST_TEXT,
  KEY,
  openSevBench,
  platform,
  type SevBench,
  textOf,
  world,
} from '../support/sev.js';

let bench: SevBench;
beforeEach(async () => {
  bench = await openSevBench();
});
afterEach(() => bench.close());

const GUID = 'c0ffee00-1234-4abc-8def-00000000000';
const ask = (secretType: string, id: string, format = 'binary', n = 1): SevSecretDetails => ({
  guid: `${GUID}${n}`,
  format,
  secretType,
  id,
});

/** Launches, asks, injects: what stands in guest memory, by GUID. */
async function secretsOf(
  requests: readonly SevSecretDetails[],
  change: Parameters<SevBench['launch']>[0] = {},
): Promise<ReadonlyMap<string, string>> {
  const { guest, request } = await bench.launch(change);
  const { launchSecretHeader, launchSecretData } = await bench.sev.getSecret({ ...request, secretRequests: requests });
  const memory = guest.injectSecret(decodeBase64(launchSecretHeader), decodeBase64(launchSecretData));
  return new Map(parseSecretTable(memory).map(({ guid, payload }) => [guid, Buffer.from(payload).toString()]));
}

const refused = async (
  requests: readonly SevSecretDetails[],
  change: Parameters<SevBench['launch']>[0] = {},
  edit: object = {},
): Promise<string> => {
  const { request } = await bench.launch(change);
  return textOf(bench.sev.getSecret({ ...request, secretRequests: requests, ...edit }));
};

const attemptsOf = async () => (await bench.broker.attempts.list()).items;
const latest = async () => {
  const [first] = await attemptsOf();
  if (first === undefined) throw new Error('no attempt');
  return (await bench.broker.attempts.get(first.attempt)) ?? first;
};

describe.each([
  ['SEV', 3],
  ['SEV-ES', 7],
])('%s', (_, policy) => {
  test('S2: bundle, measurement, secret, injection; and what the audit has of it', async () => {
    const secrets = await secretsOf([bundle()], { policy });
    expect([...secrets]).toEqual([[bundle().guid, JSON.stringify({ key_id1: encodeBase64(KEY) })]]);
    const attempt = await latest();
    expect(attempt).toMatchObject({ kind: 'launch', tee: 'sev', state: 'attested', protocol: 'simple-kbs', codes: [] });
    expect(attempt.summary).toContain('shim launch');
    expect(attempt).toMatchObject({
      verdict: { claims: { sev: { measurement: Buffer.from(DIGEST).toString('hex'), policy, emulated: true } } },
    });
    const { releases, findings } = attempt as Exclude<typeof attempt, { releases?: never }> & {
      releases: { resource: string; decision: string }[];
      findings: { id: string; outcome: string }[];
    };
    expect(releases.map(({ resource, decision }) => `${decision} ${resource}`).sort()).toEqual([
      'released resource/default/key/key_id1',
      'released resource/default/keyset/KEYSET-1',
    ]);
    expect(findings).toContainEqual(expect.objectContaining({ id: 'sev.launch.measure', outcome: 'pass' }));
    const { items } = await bench.broker.resources.leases('default/key/key_id1');
    expect(items).toMatchObject([{ attempt: attempt.attempt, key: attempt.key }]);
  });
});

describe('S3, S8: launch policies in the form of simple-kbs', () => {
  const other = encodeBase64(createHash('sha256').update('other').digest());

  test.each([
    [{ allowed_digests: [other] }, 'fw digest'],
    [{ allowed_policies: [7] }, 'policy'],
    [{ min_fw_api_major: 2 }, 'fw api major'],
    [{ min_fw_api_major: 1, min_fw_api_minor: 56 }, 'fw api minor'],
    [{ allowed_build_ids: [7, 9] }, 'build id'],
  ])('%j: %s not valid', async (document, what) => {
    await bench.policy('default', document);
    expect(await refused([bundle()])).toBe(`Policy validation failed: ${what} not valid`);
    const { state, codes } = await latest();
    expect([state, ...codes]).toEqual(['refused', 'sev.launch.allowed']);
  });

  test.each([
    { allowed_digests: [other, DIGEST_TEXT] },
    { allowed_policies: [7, 3] },
    { min_fw_api_major: 1, min_fw_api_minor: 55 },
    { min_fw_api_major: 0, min_fw_api_minor: 99 },
    { allowed_build_ids: [8] },
    {},
  ])('%j allows, and the audit says that it was asked', async (document) => {
    await bench.policy('default', document);
    expect((await secretsOf([bundle()])).size).toBe(1);
    const { findings } = (await bench.broker.attempts.get((await latest()).attempt)) ?? { findings: [] };
    const asked = findings.filter(({ id }) => id === 'sev.launch.allowed');
    // Once each, though the default is asked for the launch, the keyset and the key.
    expect(asked.map(({ outcome, subject }) => `${outcome} ${subject}`)).toEqual(
      ['fw digest', 'policy', 'fw api major', 'fw api minor', 'build id'].map((what) => `pass default: ${what}`),
    );
  });

  test.each([['default/key/key_id1'], ['default/keyset/KEYSET-1']])(
    'the policy of %s counts beside the default',
    async (target) => {
      await bench.policy('default', { allowed_digests: [DIGEST_TEXT] });
      await bench.policy(target, { allowed_policies: [7] });
      expect(await refused([bundle()])).toBe('Policy validation failed: policy not valid');
      expect((await secretsOf([bundle()], { policy: 7 })).size).toBe(1);
    },
  );

  test('a launch that asks for nothing is judged by the default too', async () => {
    await bench.policy('default', { allowed_digests: [other] });
    expect(await refused([])).toBe('Policy validation failed: fw digest not valid');
  });

  test('documents that could not be meant are refused when they are set', async () => {
    for (const document of [
      { allowed_digests: ['00'.repeat(32)] },
      { allowed_digests: [encodeBase64(DIGEST.slice(1))] },
      { allowed_digest: [] },
      { allowed_policies: ['3'] },
      { allowed_policies: [-1] },
      { min_fw_api_major: 2 ** 32 },
      { allowed_build_ids: 5 },
      [],
    ])
      await expect(bench.policy('default', document)).rejects.toMatchObject({ code: 'sev.policy.document' });
    await expect(bench.policy('a/b/c/d', {})).rejects.toMatchObject({ code: 'resource.name.form' });
    await expect(bench.policy('../x/y', {})).rejects.toMatchObject({ code: 'resource.name.form' });
    expect((await bench.sev.launchPolicies.list()).items).toEqual([]);
  });

  test('policies are listed, shown, deleted, and every act is kept', async () => {
    await bench.policy('default', {});
    await bench.policy('default/key/1', {});
    const { items, next } = await bench.sev.launchPolicies.list({ limit: 1 });
    expect(items.map(({ target }) => target)).toEqual(['default']);
    const rest = await bench.sev.launchPolicies.list({ after: next ?? '' });
    expect(rest.items.map(({ target }) => target)).toEqual(['default/key/1']);
    expect(await bench.sev.launchPolicies.delete('default', bench.admin)).toBe(true);
    expect(await bench.sev.launchPolicies.delete('default', bench.admin)).toBe(false);
    const acts = (await bench.broker.operations.acts()).items.map(({ act, object }) => `${act} ${object}`);
    expect(acts.slice(0, 3)).toEqual([
      'sev-policy.delete default',
      'sev-policy.set default/key/1',
      'sev-policy.set default',
    ]);
  });

  test('a stored policy that cannot be read allows nothing', async () => {
    await bench.storage.put('sev', 'policy/default', Buffer.from('{"policy":{"allowed_digests":"x"}}'));
    expect(await refused([bundle()])).not.toBe('no refusal');
  });
});

describe('S4, S5, S6: the launch that was measured, once', () => {
  test('S4: a shim that claims the allowed digest for another launch gets nothing', async () => {
    await bench.policy('default', { allowed_digests: [DIGEST_TEXT] });
    const digest = new Uint8Array(createHash('sha256').update('something else').digest());
    const text = await refused([bundle()], { digest, claimedDigest: DIGEST });
    expect(text).toBe('Measurement Verification Failed: HMAC does not verify');
    expect((await latest()).codes).toEqual(['sev.launch.measure']);
  });

  test.each([
    { policy: 7 },
    { apiMajor: 2 },
    { apiMinor: 99 },
    { buildId: 9 },
    { buildId: 256 + 8 },
    { launchMeasurement: encodeBase64(new Uint8Array(48)) },
  ])('the measurement covers what the shim says: %j', async (edit) => {
    expect(await refused([bundle()], {}, edit)).toBe('Measurement Verification Failed: HMAC does not verify');
  });

  const second = async (edit: object): Promise<string[]> => {
    const { request } = await bench.launch();
    const call = { ...request, secretRequests: [bundle()] };
    const first = await textOf(bench.sev.getSecret({ ...call, ...edit }));
    return [first, await textOf(bench.sev.getSecret(call))];
  };

  test.each([
    ['a success', {}, 'no refusal'],
    ['a bad measurement', { buildId: 1 }, 'Measurement Verification Failed: HMAC does not verify'],
    ['a malformed request', { fwDigest: 'x' }, 'Bad secret request: FwDigest not valid'],
    [
      'a description that is too long',
      { launchDescription: 'x'.repeat(4097) },
      'Bad secret request: LaunchDescription not valid',
    ],
    ['an unknown keyset', { secretRequests: [bundle('none')] }, 'Cannot fulfill secret request: secret not found'],
  ])('S5: after %s the launch id is unknown', async (_, edit, text) => {
    const [first, again] = await second(edit);
    expect(first).toBe(text);
    expect(again).toMatch(/^Launch ID not found\. UUID: [0-9a-f-]{36}$/);
  });

  test('S5: after a refusing policy too', async () => {
    await bench.policy('default', { allowed_policies: [7] });
    const { request } = await bench.launch();
    const call = { ...request, secretRequests: [bundle()] };
    expect(await textOf(bench.sev.getSecret(call))).toBe('Policy validation failed: policy not valid');
    await bench.sev.launchPolicies.delete('default', bench.admin);
    expect(await textOf(bench.sev.getSecret(call))).toContain('Launch ID not found');
  });

  test('of two calls at one time one gets the session', async () => {
    const { request } = await bench.launch();
    const call = { ...request, secretRequests: [bundle()] };
    const texts = await Promise.all([1, 2, 3, 4].map(() => textOf(bench.sev.getSecret(call))));
    expect(texts.filter((text) => text === 'no refusal')).toHaveLength(1);
  });

  test('S6: a packet that was changed on its way does not enter the guest', async () => {
    const { guest, request } = await bench.launch();
    const reply = await bench.sev.getSecret({ ...request, secretRequests: [bundle()] });
    const [header, data] = [decodeBase64(reply.launchSecretHeader), decodeBase64(reply.launchSecretData)];
    const flip = (bytes: Uint8Array, at: number): Uint8Array => {
      const copy = Uint8Array.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy;
    };
    for (const [h, d] of [
      [flip(header, 0), data],
      [flip(header, 4), data],
      [flip(header, 30), data],
      [header, flip(data, 0)],
      [header, concatBytes(data, new Uint8Array(16))],
    ] as const)
      expect(() => guest.injectSecret(h, d)).toThrow(new SevFirmwareError('BAD_MEASUREMENT'));
    expect(parseSecretTable(guest.injectSecret(header, data))).toHaveLength(1);
    const other = await bench.launch();
    expect(() => other.guest.injectSecret(header, data)).toThrow(new SevFirmwareError('BAD_MEASUREMENT'));
  });

  test('the firmware takes a session for its own policy and platform only', async () => {
    const launch = (change: object) => bench.launch(change);
    const stranger = world.sev.platform({ name: 'other' });
    const { getBundle } = bench.sev;
    const swapped = {
      ...bench.sev,
      getBundle: (call: { policy: number; certificateChain: string }) => getBundle({ ...call, policy: 7 }),
    };
    await expect(launch({ broker: swapped })).rejects.toMatchObject({ status: 'POLICY_FAILURE' });
    const moved = {
      ...bench.sev,
      getBundle: (call: { policy: number }) => getBundle({ ...call, certificateChain: encodeBase64(stranger.chain) }),
    };
    await expect(launch({ broker: moved })).rejects.toMatchObject({ status: 'BAD_MEASUREMENT' });
  });

  test('sessions end by time, and their number is bounded', async () => {
    await bench.close();
    bench = await openSevBench({ sessions: 2 });
    const { request } = await bench.launch();
    await bench.launch();
    expect(await textOf(bench.launch())).toBe('Failed to generate launch bundle: too many open sessions');
    expect((await latest()).codes).toEqual(['sev.launch.limit']);
    bench.clock.now = new Date(bench.clock.now.getTime() + 300_000);
    expect(await textOf(bench.sev.getSecret({ ...request, secretRequests: [bundle()] }))).toContain(
      'Launch ID not found',
    );
    await bench.launch();
  });

  test('one platform cannot use up the sessions of all', async () => {
    await bench.close();
    bench = await openSevBench({ sessionsPerPlatform: 2 });
    const { request } = await bench.launch();
    await bench.launch();
    expect(await textOf(bench.launch())).toContain('too many open sessions');
    await bench.launch({ platform: world.sev.platform({ name: 'neighbour' }) });
    // A session that ended, well or not, makes room.
    await textOf(bench.sev.getSecret({ ...request, secretRequests: [] }));
    await bench.launch();
    bench.clock.now = new Date(bench.clock.now.getTime() + 300_000);
    await bench.launch();
    expect((await bench.storage.list('sev', { prefix: 'open/', limit: 10 })).length).toBe(1);
  });

  test('who has no session learns nothing: not of policies, not of secrets, not of forms', async () => {
    await bench.policy('default', { allowed_digests: [DIGEST_TEXT] });
    const { request } = await bench.launch();
    const unknown = { ...request, launchId: '00000000-0000-4000-8000-000000000000' };
    const texts = new Set<string>();
    for (const edit of [
      {},
      { fwDigest: 'x' },
      { policy: 0 },
      { secretRequests: [bundle('none')] },
      { launchMeasurement: '' },
    ])
      texts.add(await textOf(bench.sev.getSecret({ ...unknown, secretRequests: [bundle()], ...edit })));
    expect([...texts]).toEqual(['Launch ID not found. UUID: 00000000-0000-4000-8000-000000000000']);
    const malformed = { ...unknown, launchId: 'x', secretRequests: [] };
    expect(await textOf(bench.sev.getSecret(malformed))).toBe('Malformed Launch ID: not a UUID');
    expect((await attemptsOf()).filter(({ codes }) => codes[0] === 'sev.launch.session')).toHaveLength(6);
  });

  test('any replica over the same store answers, once over all of them', async () => {
    const { request, guest } = await bench.launch();
    const replica = await openSevBench({}, bench);
    const call = { ...request, secretRequests: [bundle()] };
    const { launchSecretHeader, launchSecretData } = await replica.sev.getSecret(call);
    guest.injectSecret(decodeBase64(launchSecretHeader), decodeBase64(launchSecretData));
    expect(await textOf(bench.sev.getSecret(call))).toContain('Launch ID not found');
    await replica.close();
  });

  test('nothing of a session is in the store in clear', async () => {
    const { request } = await bench.launch();
    const [entry] = await bench.storage.list('sev', { prefix: 'session/', limit: 10, values: true });
    const stored = Buffer.from(entry?.value ?? []).toString('latin1');
    for (const text of ['tek', 'tik', 'platform', request.launchId]) expect(stored).not.toContain(text);
    expect(stored.length).toBeGreaterThan(100);
  });
});

describe('S7: online', () => {
  const connect = async (): Promise<{ client_id: string; key: string }> => {
    const secrets = await secretsOf([
      { guid: CONNECTION_GUID, format: 'JSON', secretType: 'connection', id: 'KEYSET-1' },
    ]);
    return JSON.parse(secrets.get(CONNECTION_GUID) ?? '') as { client_id: string; key: string };
  };
  const online = (clientId: string, requests: SevSecretDetails[]) =>
    bench.sev.getOnlineSecret({ clientId, secretRequests: requests });

  test('allowed; denied by the policy of a secret; unknown client', async () => {
    const { client_id, key } = await connect();
    expect(decodeBase64(key)).toHaveLength(32);
    const { payload, iv } = await online(client_id, [ask('key', 'default/key/key_id1')]);
    expect(decodeBase64(iv)).toHaveLength(12);
    expect(decodeBase64(payload)).toHaveLength(8 + 8 + 36 + 8 + 32 + 16);
    await bench.policy('default/key/key_id1', { allowed_policies: [7] });
    expect(await textOf(online(client_id, [ask('key', 'key_id1')]))).toBe('Policy validation failed: policy not valid');
    expect(await textOf(online('00000000-0000-4000-8000-000000000000', []))).toBe(
      'Connection not found: 00000000-0000-4000-8000-000000000000',
    );
    expect(await textOf(online('x', []))).toBe('Malformed Client ID: not a UUID');
    const attempts = await attemptsOf();
    const launch = await bench.broker.attempts.get(attempts.at(-1)?.attempt ?? '');
    expect(launch?.releases.map(({ method, decision }) => `${method} ${decision}`)).toEqual([
      'GetOnlineSecret released',
      'GetOnlineSecret refused',
    ]);
    expect(attempts.slice(0, 2).map(({ codes }) => codes[0])).toEqual(['sev.connection.known', 'sev.connection.known']);
  });

  test('a connection ends, is sealed in the store, and begets no other', async () => {
    const { client_id, key } = await connect();
    const again: SevSecretDetails = { guid: CONNECTION_GUID, format: '', secretType: 'connection', id: '' };
    expect(await textOf(online(client_id, [again]))).toBe('Bad secret request: Unknown Secret Type');
    const [entry] = await bench.storage.list('sev', { prefix: 'connection/', limit: 10, values: true });
    const stored = Buffer.from(entry?.value ?? []);
    expect(stored.toString('latin1')).not.toContain(key);
    expect(stored.includes(Buffer.from(decodeBase64(key)))).toBe(false);
    bench.clock.now = new Date(bench.clock.now.getTime() + 720 * 3_600_000);
    expect(await textOf(online(client_id, []))).toContain('Connection not found');
  });

  test('too much for one answer', async () => {
    const { client_id } = await connect();
    await bench.secret('default/resource/a', Buffer.alloc(1_900_000));
    const requests = [ask('resource', 'a', 'binary', 1), ask('resource', 'a', 'binary', 2)];
    expect(await textOf(online(client_id, requests))).toBe('Failed to encrypt secret: too large');
    expect((await bench.broker.resources.leases('default/resource/a')).items).toEqual([]);
    expect(await textOf(online(client_id, requests.slice(0, 1)))).toBe('no refusal');
  });

  test('a connection in another place of the store opens nothing', async () => {
    const { client_id } = await connect();
    const [entry] = await bench.storage.list('sev', { prefix: 'connection/', limit: 1, values: true });
    const other = 'c0ffee00-0000-4000-8000-000000000000';
    await bench.storage.put('sev', `connection/${other}`, entry?.value ?? new Uint8Array());
    expect(await textOf(online(other, []))).not.toBe('no refusal');
    expect(await textOf(online(client_id, []))).toBe('no refusal');
  });
});

describe('S10 and what else refuses a bundle', () => {
  const getBundle = (certificateChain: string, policy = 3): Promise<string> =>
    textOf(bench.sev.getBundle({ certificateChain, policy }));

  test('S10: a platform under a foreign ARK', async () => {
    const foreign = createTestWorld({
      now: () => new Date(),
      random: () => Buffer.alloc(32, 5),
    });
    const { chain } = foreign.sev.platform();
    // Keys of RSA are shared by the worlds of a process: another root of the same vendor, then.
    await bench.close();
    bench = await openSevBench({ trust: sevTrust() });
    expect(await getBundle(encodeBase64(chain))).toBe('Failed to generate launch bundle: certificate chain not valid');
    expect((await latest()).codes).toEqual(['sev.chain.root']);
  });

  test('chains that are cut, changed, or no base64', async () => {
    const changed = Uint8Array.from(platform.chain);
    changed[30] = (changed[30] ?? 0) ^ 1;
    for (const text of [
      '%',
      '',
      encodeBase64(platform.chain.slice(0, -1)),
      encodeBase64(changed),
      encodeBase64(concatBytes(platform.chain, new Uint8Array(1))),
      'A'.repeat(20_000),
    ])
      expect(await getBundle(text)).toBe('Failed to generate launch bundle: certificate chain not valid');
  });

  test.each([0, 1, 2, 3 + 64, 3 + 0x8000])('guest policy %d', async (policy) => {
    const text = 'Failed to generate launch bundle: policy not valid';
    expect(await getBundle(encodeBase64(platform.chain), policy)).toBe(text);
  });

  test("the owner's rules: SEV-ES alone, least firmware", async () => {
    await bench.close();
    bench = await openSevBench({ rules: { requireEs: true } });
    expect(await getBundle(encodeBase64(platform.chain), 3)).toContain('policy not valid');
    expect(await getBundle(encodeBase64(platform.chain), 7)).toBe('no refusal');
    await bench.close();
    bench = await openSevBench({ minApi: { major: 1, minor: 56 } });
    expect(await refused([bundle()])).toBe('Policy validation failed: fw api minor not valid');
    expect((await latest()).codes).toEqual(['sev.launch.firmware']);
  });

  test('firmware before API 0.17 measures less: refused', async () => {
    const old = world.sev.platform({ name: 'old', version: { major: 0, minor: 16, build: 1 } });
    expect(await refused([bundle()], { platform: old })).toBe('Policy validation failed: fw api minor not valid');
  });
});

describe('secrets', () => {
  beforeEach(async () => {
    await bench.secret('default/resource/policy.json', '{"a":1}');
    await bench.secret('repo/credential/x', 'user:pass');
  });

  test('keys and resources in both forms, by bare id, by name, by URI', async () => {
    const secrets = await secretsOf([
      ask('key', 'key_id1', 'json', 1),
      ask('key', 'kbs:///default/key/key_id1', 'binary', 2),
      ask('resource', 'policy.json', 'binary', 3),
      ask('resource', 'repo/credential/x', 'json', 4),
    ]);
    expect(secrets.get(`${GUID}1`)).toBe(JSON.stringify({ id: 'key_id1', payload: encodeBase64(KEY) }));
    expect(secrets.get(`${GUID}2`)).toBe(Buffer.from(KEY).toString('utf8'));
    expect(secrets.get(`${GUID}3`)).toBe('{"a":1}');
    expect(secrets.get(`${GUID}4`)).toBe(
      JSON.stringify({ 'repo/credential/x': encodeBase64(Buffer.from('user:pass')) }),
    );
  });

  test('a report proves what was launched, under a key that never leaves', async () => {
    const { publicKey } = await bench.sev.reportKeys.create('r1', bench.admin);
    const secrets = await secretsOf([ask('report', 'r1', '')]);
    const { connection, signature } = JSON.parse(secrets.get(`${GUID}1`) ?? '') as {
      connection: string;
      signature: string;
    };
    const key = createPublicKey(publicKey);
    expect(verify('sha256', Buffer.from(connection), { key, dsaEncoding: 'der' }, decodeBase64(signature))).toBe(true);
    expect(JSON.parse(connection)).toEqual({
      policy: 3,
      fw_api_major: 1,
      fw_api_minor: 55,
      fw_build_id: 8,
      launch_description: 'shim launch',
      fw_digest: DIGEST_TEXT,
    });
    expect(await bench.sev.reportKeys.get('r1')).toMatchObject({ id: 'r1', publicKey });
    expect(await bench.sev.reportKeys.get('r2')).toBeUndefined();
    await bench.policy('report-key/r1', { allowed_policies: [7] });
    expect(await refused([ask('report', 'r1')])).toBe('Policy validation failed: policy not valid');
    expect(await refused([ask('report', 'r2')])).toBe('Cannot fulfill secret request: secret not found');
    expect(await refused([ask('report', 'a/b')])).toBe('Bad secret request: Id not valid');
    // Not through the other types either.
    expect(await refused([ask('resource', 'default/report-key/r1')])).toContain('Cannot fulfill');
  });

  test.each([
    [ask('Key', 'key_id1'), 'Bad secret request: Unknown Secret Type'],
    [ask('', ''), 'Bad secret request: Unknown Secret Type'],
    [ask('key', 'key_id1', 'JSON'), 'Bad secret request: Unknown Secret Format'],
    [ask('resource', 'policy.json', ''), 'Bad secret request: Unknown Secret Format'],
    [{ ...ask('key', 'key_id1'), guid: 'x' }, 'Bad secret request: Malformed GUID'],
    [ask('key', '../../etc'), 'Bad secret request: Id not valid'],
    [ask('key', 'kbs+pkcs11:///a/b/c'), 'Bad secret request: Id not valid'],
    [ask('key', 'x'.repeat(1025)), 'Bad secret request: Id not valid'],
    [ask('key', 'none'), 'Cannot fulfill secret request: secret not found'],
    [bundle('repo/credential/x'), 'Cannot fulfill secret request: keyset not valid'],
    [
      { ...ask('key', 'key_id1'), guid: '1e74f542-71dd-4d66-963e-ef4287ff173b' },
      'Failed to package secret: GUID not valid',
    ],
  ])('%j: %s', async (request, text) => {
    expect(await refused([request])).toBe(text);
  });

  test.each([
    ['[]'],
    ['["a","a"]'],
    ['["a",1]'],
    ['{"a":1}'],
    [JSON.stringify(Array.from({ length: 65 }, (_, n) => `k${n}`))],
  ])('keyset %s', async (text) => {
    await bench.secret('default/keyset/K', text);
    expect(await refused([bundle('K')])).toBe('Cannot fulfill secret request: keyset not valid');
  });

  test('one GUID twice, two connections, too many requests, too much for one injection', async () => {
    expect(await refused([ask('key', 'key_id1'), ask('resource', 'policy.json')])).toBe(
      'Bad secret request: Guid not valid',
    );
    const connection = (n: number): SevSecretDetails => ask('connection', '', '', n);
    expect(await refused([connection(1), connection(2)])).toBe('Bad secret request: SecretType not valid');
    expect(await bench.storage.list('sev', { prefix: 'connection/', limit: 10 })).toEqual([]);
    const many = Array.from({ length: 65 }, () => ask('key', 'key_id1'));
    expect(await refused(many)).toBe('Bad secret request: list not valid');
    await bench.secret('default/resource/large', Buffer.alloc(17_000));
    expect(await refused([ask('resource', 'large')])).toBe('Failed to package secret: too large');
    expect((await bench.broker.resources.leases('default/resource/large')).items).toEqual([]);
  });

  test('a refused launch leaves no connection behind', async () => {
    const requests = [ask('connection', '', '', 1), ask('key', 'none', 'binary', 2)];
    expect(await refused(requests)).toBe('Cannot fulfill secret request: secret not found');
    expect(await bench.storage.list('sev', { prefix: 'connection/', limit: 10 })).toEqual([]);
  });
});

describe('the resource policy', () => {
  const set = (text: string) => bench.broker.resourcePolicies.set(text, bench.admin);

  test('decides about every secret, by launch and by name', async () => {
    await set(`package policy
default allow := false
allow if {
  data.plugin == "resource"
  data["resource-path"] == ["default", "key", "key_id1"]
  sev := input.submods.cpu0["ear.veraison.annotated-evidence"].sev
  sev.measurement == "${Buffer.from(DIGEST).toString('hex')}"
  sev.es
}`);
    const key = ask('key', 'key_id1');
    expect((await secretsOf([key], { policy: 7 })).size).toBe(1);
    expect(await refused([key])).toBe('Policy validation failed: secret not allowed');
    expect(await refused([bundle()], { policy: 7 })).toBe('Policy validation failed: secret not allowed');
    const { codes } = await latest();
    expect(codes).not.toEqual([]);
  });

  test('affirming needs hardware and a digest that a launch policy names', async () => {
    const status = (wanted: string): string =>
      `package policy\ndefault allow := false\nallow if input.submods.cpu0["ear.status"] == "${wanted}"`;
    const key = ask('key', 'key_id1');
    // Emulated hardware never is more than contraindicated.
    await bench.policy('default', { allowed_digests: [DIGEST_TEXT] });
    await set(status('affirming'));
    expect(await refused([key])).toContain('secret not allowed');
    await set(status('contraindicated'));
    expect((await secretsOf([key])).size).toBe(1);
  });

  test("Assay's default policy releases nothing to emulated platforms", async () => {
    const { POLICY_TEXTS } = await import('@assay/kbs');
    await set(POLICY_TEXTS.default);
    expect(await refused([bundle()])).toBe('Policy validation failed: secret not allowed');
  });

  test('hardware under a pin: warning without a digest policy, affirming with one', async () => {
    await bench.close();
    // The same chain, trusted as if its root were pinned: what only hardware can have otherwise.
    const anchors = sevTrust([world.sev.ark()]).anchors.map(({ emulated: _, ...anchor }) => anchor);
    bench = await openSevBench({ trust: { anchors } });
    await set('package policy\ndefault allow := false\nallow if input.submods.cpu0["ear.status"] == "affirming"');
    expect(await refused([ask('key', 'key_id1')])).toContain('secret not allowed');
    await bench.policy('default/key/key_id1', { allowed_digests: [DIGEST_TEXT] });
    expect((await secretsOf([ask('key', 'key_id1')])).size).toBe(1);
    const { POLICY_TEXTS } = await import('@assay/kbs');
    await set(POLICY_TEXTS.default);
    expect((await secretsOf([bundle()])).size).toBe(1);
  });
});

describe('outages', () => {
  /** Key management that does not answer, for all calls but the first `good`. */
  const breakKeys = (good: number): void => {
    const { kms } = bench;
    const unwrap = kms.unwrap.bind(kms);
    let calls = 0;
    kms.unwrap = async (wrapped, context) => {
      calls += 1;
      if (calls > good)
        throw assayError('kms.backend.answers', {
          params: { backend: 'test', address: 'x', reason: 'secret', n: 1, ms: 0 },
        });
      return unwrap(wrapped, context);
    };
  };

  test.each([0, 1, 2])(
    'of key management, at call %d: nothing of the caller is said, and the attempt is undecided',
    async (good) => {
      const { request } = await bench.launch();
      breakKeys(good);
      const text = await textOf(bench.sev.getSecret({ ...request, secretRequests: [bundle()] }));
      expect(text).toBe('service is not able to answer now');
      expect(await latest()).toMatchObject({ state: 'undecided', codes: ['kms.backend.answers'] });
    },
  );

  test('while a guest asks online: the launch stays attested, the request is undecided', async () => {
    const id = { guid: CONNECTION_GUID, format: '', secretType: 'connection', id: '' };
    const secrets = await secretsOf([id]);
    const { client_id: clientId } = JSON.parse(secrets.get(CONNECTION_GUID) ?? '') as { client_id: string };
    breakKeys(1);
    const call = { clientId, secretRequests: [ask('key', 'key_id1')] };
    expect(await textOf(bench.sev.getOnlineSecret(call))).toBe('service is not able to answer now');
    const attempt = await latest();
    expect(attempt.state).toBe('attested');
    expect(attempt).toMatchObject({ releases: [{ decision: 'undecided', resource: 'key/key_id1' }] });
  });

  test('of the store: the refusal stands without its record', async () => {
    const { request } = await bench.launch();
    await bench.storage.close();
    const text = await textOf(bench.sev.getSecret({ ...request, secretRequests: [] }));
    expect(text).toMatch(/service is not able|internal error/);
    bench = await openSevBench();
  });
});
