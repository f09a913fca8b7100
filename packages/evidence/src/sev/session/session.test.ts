import { createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';
import { encodeHex } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { USAGE } from '../certificate/constants.js';
import { littleEndian } from '../certificate/encode.js';
import { parsePlatformCertificate } from '../certificate/platform.js';
import { publicKeyOf } from '../certificate/signature.js';
import { verifySevChain } from '../chain/chain.js';
import { CHAIN_KEYS, makeChain, P256 } from '../chain/chain.test.helper.js';
import { sevTrustIn } from '../chain/roots.js';
import { makeLaunchBlob, openSevSession, parseLaunchBlob } from './session.js';

const chain = makeChain();
const { authentic: platform } = verifySevChain(chain, sevTrustIn([chain.ark]));
if (platform === undefined) throw new Error('no platform');
const ephemeral = generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).privateKey;
let drawn = 0;
const random = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(++drawn);

describe('a session with a platform', () => {
  const opened = openSevSession({ platform, policy: 7, ephemeral, random });

  test('the owner shows an unsigned PDH of API 0.0 over P-384', () => {
    const godh = parsePlatformCertificate(opened.godh);
    expect(godh).toMatchObject({ api: { major: 0, minor: 0 }, usage: USAGE.PDH, algorithm: 3 });
    expect(godh.slots.map(({ usage }) => usage)).toEqual([USAGE.INVALID, USAGE.INVALID]);
    expect(publicKeyOf(godh.key)?.equals(createPublicKey(ephemeral))).toBe(true);
  });

  test('the platform comes to the same keys from its side', () => {
    const owner = publicKeyOf(parsePlatformCertificate(opened.godh).key);
    if (owner === undefined) throw new Error('no key');
    const shared = diffieHellman({ privateKey: CHAIN_KEYS.pdh, publicKey: owner });
    const { nonce, wrapIv } = parseLaunchBlob(opened.launchBlob);
    const again = makeLaunchBlob(shared, opened, 7, { nonce, wrapIv });
    expect(parseLaunchBlob(opened.launchBlob)).toEqual(again);
    expect(makeLaunchBlob(shared, opened, 3, { nonce, wrapIv }).policyMac).not.toEqual(again.policyMac);
  });

  test('four values are drawn, and none is used twice', () => {
    const { nonce, wrapIv } = parseLaunchBlob(opened.launchBlob);
    const values = [opened.tek, opened.tik, nonce, wrapIv].map(encodeHex);
    expect(new Set(values).size).toBe(4);
  });

  test('a random source that falls short, and a key of another curve', () => {
    const short = (): Uint8Array => new Uint8Array(3);
    expect(() => openSevSession({ platform, policy: 7, ephemeral, random: short })).toThrow('3 bytes instead of 16');
    const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
    expect(() => openSevSession({ platform, policy: 7, ephemeral: other, random })).toThrow();
    const files = makeChain({ keys: { pdh: P256 } });
    const { authentic: smaller } = verifySevChain(files, sevTrustIn([files.ark]));
    if (smaller === undefined) throw new Error('no platform');
    const session = { platform: smaller, policy: 7, ephemeral: other, random };
    expect(() => openSevSession(session)).toThrow('a P-384 key is wanted');
  });
});

test('a number that does not fit its field is not written', () => {
  expect(littleEndian(Uint8Array.of(0, 1, 2), 2)).toEqual(Uint8Array.of(2, 1));
  expect(() => littleEndian(Uint8Array.of(1, 1, 2), 2)).toThrow(RangeError);
});
