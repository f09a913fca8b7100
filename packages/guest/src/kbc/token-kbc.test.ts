import { randomBytes } from 'node:crypto';
import { encodeUtf8 } from '@assay/bytes';
import { generateTeeKeyPair, parseResourceUri, teePrivateKeyToPem } from '@assay/protocol';
import { expect, test } from 'vitest';
import { readKbsToken } from '../agent/tokens.js';
import { KbcError } from './kbc-error.js';
import { TokenKbc } from './token-kbc.js';
import type { TransportAnswer } from './transport.js';

const random = (length: number): Uint8Array => randomBytes(length);
const keyPair = generateTeeKeyPair('ECDH-ES+A256KW-P256', random);
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = (claims: object): string => `${part({ alg: 'ES256' })}.${part(claims)}.${part({})}`;
const uri = parseResourceUri('default/key/1');
const refusal = (status: number): TransportAnswer => ({
  status,
  setCookie: [],
  body: encodeUtf8('{"type":"x","detail":"y"}'),
});

test.each([
  ['{'],
  ['[]'],
  ['{"token":"x"}'],
  ['{"tee_keypair":"x"}'],
  ['{"token":1,"tee_keypair":"x"}'],
  ['{"token":"x","tee_keypair":"SECRET"}'],
])('an agent’s answer %s is no token, and is not repeated', (text) => {
  expect(() => readKbsToken(encodeUtf8(text))).toThrow(KbcError);
  expect(() => readKbsToken(encodeUtf8(text))).not.toThrow(/SECRET/);
});

test('an agent’s answer gives token and key', () => {
  const pem = teePrivateKeyToPem(keyPair.privateKey);
  const read = readKbsToken(encodeUtf8(JSON.stringify({ token: 't', tee_keypair: pem })));
  expect([read.token, read.keyPair.publicKey.asReceived]).toEqual(['t', keyPair.publicKey.asReceived]);
});

test('a token that is no JWT is not used', async () => {
  let sent = 0;
  const kbc = new TokenKbc({
    transport: async () => {
      sent += 1;
      return refusal(500);
    },
    credential: async () => ({ token: 'nonsense', keyPair }),
    random,
    now: () => new Date(),
  });
  await expect(kbc.getResource(uri)).rejects.toMatchObject({ reason: 'protocol' });
  expect(sent).toBe(0);
});

test('a token that does not say when it ends is used until it is refused; other refusals do not cost it', async () => {
  const statuses = [404, 403, 401, 404];
  let credentials = 0;
  const kbc = new TokenKbc({
    transport: async ({ headers }) => {
      expect(headers['authorization']).toMatch(/^Bearer /);
      return refusal(statuses.shift() ?? 500);
    },
    credential: async () => {
      credentials += 1;
      return { token: token({}), keyPair };
    },
    random,
    now: () => new Date(),
  });
  await expect(kbc.getResource(uri)).rejects.toMatchObject({ reason: 'missing' });
  await expect(kbc.getResource(uri)).rejects.toMatchObject({ status: 403 });
  expect(credentials).toBe(1);
  await expect(kbc.getResource(uri)).rejects.toMatchObject({ status: 404 });
  expect(credentials).toBe(2);
});

test('a policy’s refusal costs an older token, and ends the asking with a new one', async () => {
  let sent = 0;
  let credentials = 0;
  const answers = [refusal(404)];
  const denied = encodeUtf8('{"type":"https://github.com/x/errors/PolicyDeny","detail":"y","code":"resource.refused"}');
  const kbc = new TokenKbc({
    transport: async () => {
      sent += 1;
      return answers.shift() ?? { ...refusal(401), body: denied };
    },
    credential: async () => {
      credentials += 1;
      return { token: token({ n: credentials }), keyPair };
    },
    random,
    now: () => new Date(),
  });
  await expect(kbc.getResource(uri)).rejects.toMatchObject({ reason: 'missing' });
  await expect(kbc.getResource(uri)).rejects.toMatchObject({ code: 'resource.refused' });
  expect([credentials, sent]).toEqual([2, 3]);
});

test('a credential that cannot be got fails all that wait for it, and is asked for again later', async () => {
  let asked = 0;
  const kbc = new TokenKbc({
    transport: async () => refusal(404),
    credential: async () => {
      asked += 1;
      throw new KbcError('unavailable', 'agent is away');
    },
    random,
    now: () => new Date(),
  });
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => kbc.getResource(uri)));
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
  expect(asked).toBe(1);
  await expect(kbc.getResource(uri)).rejects.toMatchObject({ reason: 'unavailable' });
  expect(asked).toBe(2);
});
