/** Marked secrets: whatever is asked and refused, none of them is in the store, in what the owner reads, or in an error and its causes. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { AttestationService } from '@assay/attestation-service';
import type { Finding } from '@assay/bytes/findings';
import { sampleVerifier } from '@assay/evidence';
import { BuiltinKms } from '@assay/kms';
import { signJwt } from '@assay/protocol';
import { ReferenceValues } from '@assay/rvps';
import { openSqliteStorage } from '@assay/storage';
import { temporaryFolder } from '@assay/testkit';
import { expect, test } from 'vitest';
import { createAdminCredentials } from './admin/credentials.js';
import { openKeyBroker } from './broker.js';
import { toKbsError } from './errors.js';
import { ALLOW_ALL, type Bench, Guest, json } from './testing/harness.test.helper.js';
import type { Method, PluginCall } from './types.js';

const PATH = 'default/key/1';
const NOW = new Date('2026-11-21T10:00:00Z');
/** Each in the forms in which it could be written down. */
const forms = (mark: string | Buffer): readonly string[] => {
  const bytes = Buffer.from(mark);
  return [bytes.toString('latin1'), bytes.toString('hex'), bytes.toString('base64'), bytes.toString('base64url')];
};

test('no marked secret in the store, the audit, a warning, an error or its causes', async () => {
  const folder = temporaryFolder('assay-secrets-');
  const secret = `MARKED-SECRET-${randomBytes(24).toString('hex')}`;
  const credentials = createAdminCredentials({ now: NOW });
  const stranger = signJwt({ role: 'admin', exp: 9_999_999_999 }, generateKeyPairSync('ed25519').privateKey, 'EdDSA');
  const garbage = `MARKED-TOKEN-${randomBytes(24).toString('hex')}`;
  const cookie = randomBytes(16).toString('hex');
  const texts: string[] = [];
  const warnings: Finding[] = [];

  const storage = await openSqliteStorage({ path: join(folder, 'assay.db'), now: () => NOW.getTime() });
  const kms = new BuiltinKms({ directory: join(folder, 'kek') });
  const now = () => NOW;
  const referenceValues = new ReferenceValues({ storage, now: () => NOW.getTime() });
  const attestation = await AttestationService.open({
    storage,
    kms,
    referenceValues,
    verifiers: [sampleVerifier],
    now,
  });
  const broker = await openKeyBroker({
    config: { admin: credentials.config },
    storage,
    kms,
    attestation,
    now,
    random: randomBytes,
    warn: (finding) => warnings.push(finding),
  });
  const bench = { broker } as unknown as Bench;
  const call = (method: Method, path: string, more: Partial<PluginCall> = {}) =>
    broker.plugin({ method, path, query: {}, body: new Uint8Array(), uri: `/kbs/v0/${path}`, ...more });
  const refused = async (promise: Promise<unknown>): Promise<void> => {
    const error = await promise.then(
      () => new Error('it was not refused'),
      (thrown: unknown) => thrown,
    );
    expect(error).not.toMatchObject({ message: 'it was not refused' });
    // As a log would print it, causes and findings included, and as the guest gets it.
    texts.push(
      inspect(error, { depth: null, maxStringLength: null, breakLength: 200 }),
      JSON.stringify(toKbsError(error)),
    );
  };
  const post = (authorization: string) =>
    call('POST', `resource/${PATH}`, { body: Buffer.from(secret), authorization });

  await post(`Bearer ${credentials.token}`);
  const principal = await broker.admin.authorize({
    method: 'POST',
    uri: '/kbs/v0/resource-policy',
    authorization: `Bearer ${credentials.token}`,
  });
  for (const bearer of [stranger, garbage, `${credentials.token}x`]) await refused(post(`Bearer ${bearer}`));
  await refused(post(garbage));
  const guest = new Guest(bench);
  await guest.auth();
  await refused(call('GET', `resource/${PATH}`, { session: guest.session }));
  await refused(call('GET', `resource/${PATH}`, { session: cookie }));
  await refused(call('GET', `resource/${PATH}`, { authorization: `Bearer ${garbage}` }));
  await refused(call('GET', `resource/${PATH}`, { authorization: `Bearer ${stranger}` }));
  await guest.attest();
  await refused(guest.get(`resource/${PATH}`));
  await broker.resourcePolicies.set(ALLOW_ALL, principal);
  expect(guest.open(await guest.get(`resource/${PATH}`))).toBe(secret);
  await refused(guest.get('resource/default/key/2'));
  await refused(broker.attest({ session: guest.session, body: json({ [garbage]: secret }) }));
  await refused(broker.resources.set('a/../b', Buffer.from(secret), principal));
  await broker.resources.set(PATH, Buffer.from(`${secret}-2`), principal);
  await broker.resources.delete(PATH, principal);

  // A secret whose key is gone: told, and not shown.
  await broker.resources.set(PATH, Buffer.from(secret), principal);
  rmSync(join(folder, 'kek'), { recursive: true });
  const withoutKey = await openKeyBroker({
    config: { admin: credentials.config },
    storage,
    kms: new BuiltinKms({ directory: join(folder, 'kek') }),
    attestation,
    now,
    random: randomBytes,
  });
  await refused(
    withoutKey.plugin({
      method: 'GET',
      path: `resource/${PATH}`,
      uri: '',
      query: {},
      body: new Uint8Array(),
      session: guest.session,
    }),
  );

  const attempts = (await broker.attempts.list({ limit: 500 })).items;
  for (const { attempt } of attempts) texts.push(JSON.stringify(await broker.attempts.get(attempt)));
  texts.push(JSON.stringify([warnings, await broker.operations.acts(), await broker.operations.refused()]));
  texts.push(JSON.stringify([await broker.resources.list(), await broker.resources.leases(PATH), attempts]));
  await storage.close();
  const stored = readdirSync(folder)
    .filter((name) => name.startsWith('assay.db'))
    .map((name) => readFileSync(join(folder, name)).toString('latin1'));
  rmSync(folder, { recursive: true });

  expect(texts.length).toBeGreaterThan(20);
  const found = (marks: Readonly<Record<string, string>>, where: readonly string[]) =>
    Object.entries(marks).flatMap(([name, mark]) =>
      where.some((text) => forms(mark).some((form) => text.includes(form))) ? [name] : [],
    );
  const nowhere = {
    secret,
    'admin token': credentials.token,
    'refused admin token': stranger,
    'refused bearer': garbage,
  };
  expect(found(nowhere, [...texts, ...stored])).toEqual([]);
  // The store has sessions and tokens; the owner's words have neither. (A nonce that was taken is among the claims.)
  expect(found({ token: guest.token, session: guest.session ?? '', cookie }, texts)).toEqual([]);
});
