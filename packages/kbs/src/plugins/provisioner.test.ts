import { afterEach, beforeEach, expect, test } from 'vitest';
import { toKbsError } from '../errors.js';
import { type Bench, call, Guest, openBench, refusalOf } from '../testing/harness.test.helper.js';
import { uuidV5 } from './uuid.js';

const UUID = '78b1edaf-eba1-5733-85cc-baaa1810211c';
const ALLOW = 'package policy\nallow if data.plugin == "provisioner"';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench({ config: { plugins: [{ name: 'Provisioner', key_length: 40 }] } });
  await bench.broker.resourcePolicies.set(ALLOW, bench.admin);
});
afterEach(() => bench.close());

async function provision(body: object): Promise<{ uuid: string; resource_path: string }> {
  const reply = await call(bench, 'POST', 'provisioner/provision', { body: Buffer.from(JSON.stringify(body)) });
  return JSON.parse(Buffer.from(reply.body).toString()) as { uuid: string; resource_path: string };
}

/** A guest whose init-data names a key. */
async function launched(resource: string | undefined): Promise<Guest> {
  const evaluate = bench.backend.evaluate.bind(bench.backend);
  bench.backend.misbehave = async (request) => {
    bench.backend.misbehave = undefined;
    const evaluation = await evaluate(request);
    const claims = structuredClone(bench.backend.claims(request)) as {
      submods: { cpu0: Record<string, Record<string, unknown>> };
    };
    const evidence = claims.submods.cpu0['ear.veraison.annotated-evidence'];
    if (evidence !== undefined)
      evidence['init_data_claims'] = resource === undefined ? null : { 'trustee.kbs.resource': resource };
    return { ...evaluation, token: bench.backend.token(claims as never) };
  };
  const guest = new Guest(bench);
  await guest.handshake();
  return guest;
}

test('UUIDv5: the namespace is that of the URL namespace, and the check value of default/vm1', () => {
  const url = '6ba7b811-9dad-11d1-80b4-00c04fd430c8';
  expect(uuidV5(url, 'provisioner_plugin')).toBe('feab5599-6854-52bc-95f0-0241c03e620a');
  expect(uuidV5('feab5599-6854-52bc-95f0-0241c03e620a', 'default/vm1')).toBe(UUID);
});

test('provisioned once, released to the guest whose init-data names it, encrypted', async () => {
  expect(await provision({ vm_name: 'vm1', namespace: 'default' })).toEqual({
    uuid: UUID,
    resource_path: `default/${UUID}/root`,
  });
  const path = `provisioner/default/${UUID}/root`;
  const guest = await launched(`kbs+provisioner:///default/${UUID}/root`);
  const text = guest.open(await guest.get(path));
  expect(text).toMatch(/^version = "0\.1\.0"\n\n\[data\]\n"io\.cryptsetup\.key\.text\.root" = "[A-Za-z0-9]{40}"\n$/);
  // The same VM keeps its key.
  await provision({ vm_name: 'vm1' });
  expect(guest.open(await guest.get(path))).toBe(text);
  const acts = await bench.broker.operations.acts();
  expect(acts.items.filter((one) => one.act === 'provisioner.provision')).toHaveLength(1);
  const stored = await bench.storage.get('provisioner', UUID);
  const key = /"([A-Za-z0-9]{40})"/.exec(text)?.[1] ?? '';
  expect(Buffer.from(stored?.value ?? []).toString('latin1')).not.toContain(key);
});

test('another init-data, or none, gets nothing', async () => {
  await provision({ vm_name: 'vm1' });
  for (const named of [undefined, 'kbs+provisioner:///default/other/root']) {
    const guest = await launched(named);
    const error = await refusalOf(guest.get(`provisioner/default/${UUID}/root`));
    expect(toKbsError(error).body).toMatchObject({ code: 'resource.refused', detail: 'Access denied by policy' });
  }
});

test('deleted keys are gone; deleting always succeeds', async () => {
  await provision({ vm_name: 'vm1' });
  for (let i = 0; i < 2; i++) {
    const reply = await call(bench, 'DELETE', `provisioner/provision/${UUID}`);
    expect(Buffer.from(reply.body).toString()).toBe('{"status":"deleted"}');
  }
  const guest = await launched(`kbs+provisioner:///default/${UUID}/root`);
  const error = await refusalOf(guest.get(`provisioner/default/${UUID}/root`));
  expect(toKbsError(error)).toMatchObject({ status: 404, body: { code: 'resource.missing' } });
});

test.each<[object, string]>([
  [{}, 'request.body.form'],
  [{ vm_name: '' }, 'request.body.form'],
  [{ vm_name: 'a/b' }, 'request.body.form'],
  [{ vm_name: 'a', namespace: 7 }, 'request.body.form'],
])('%j is refused', async (body, code) => {
  expect(await refusalOf(provision(body))).toMatchObject({ code });
});

test('other paths and methods', async () => {
  const guest = await launched('x');
  for (const path of ['provisioner', 'provisioner/provision', 'provisioner/a/b/c'])
    expect(await refusalOf(guest.get(path))).toMatchObject({ code: 'request.path.known' });
  expect(await refusalOf(guest.get('provisioner/default/../root'))).toMatchObject({ code: 'resource.name.form' });
  expect(await refusalOf(call(bench, 'PUT', 'provisioner/provision'))).toMatchObject({ code: 'request.path.known' });
});

test('a key that could be guessed is a mistake of the configuration', async () => {
  for (const key_length of [8, 'x', 1.5]) {
    const config = { plugins: [{ name: 'provisioner', key_length }] };
    await expect(openBench({ config })).rejects.toMatchObject({ code: 'config.file.form' });
  }
});
