import { createHash } from 'node:crypto';
import { decodeHex, encodeHex } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { launchMeasure, parseLaunchMeasurement, verifyLaunchMeasure } from '../launch/measure.js';
import { sevKdf } from './kdf.js';
import { LARGEST_SECRET, packetMac, parsePacketHeader, sealSecret } from './packet.js';
import { BUNDLE_GUID, encodeSecretTable, parseSecretTable } from './secret-table.js';
import { makeLaunchBlob, parseLaunchBlob } from './session.js';

const zeros = (n: number): Uint8Array => new Uint8Array(n);
const counting = (from: number, length: number): Uint8Array => Uint8Array.from({ length }, (_, n) => from + n);

describe('session', () => {
  test('key derivation', () => {
    expect(encodeHex(sevKdf(zeros(16), 'sev-master-secret', zeros(16)))).toBe('ab4d269fcc62bedb4511d56c386ce706');
  });

  test('launch blob of zeros', () => {
    const keys = { tek: zeros(16), tik: zeros(16) };
    const blob = makeLaunchBlob(zeros(16), keys, 0, { nonce: zeros(16), wrapIv: zeros(16) });
    expect(encodeHex(blob.wrapTk)).toBe('2137bc7f9bb8bd7c3e55a576a15d3454b3856b8ba27afadf46dcfee9f02c02c4');
    expect(encodeHex(blob.wrapMac)).toBe('3176c0752738bd9d5e86689534020f528c088f16238826b000b327dee6aeed7d');
    expect(encodeHex(blob.policyMac)).toBe('aa7855e13839dd767cd5da7c1ff5036540c9264b7a803029315e55375287b4af');
  });

  test('a launch blob has 128 bytes', () => {
    expect(() => parseLaunchBlob(zeros(127))).toThrow('127 bytes; 128 are right');
    expect(() => parseLaunchBlob(zeros(129))).toThrow('129 bytes');
    expect(parseLaunchBlob(counting(0, 128)).policyMac).toEqual(counting(96, 32));
  });
});

describe('launch measurement', () => {
  const tik = decodeHex('66320db73158a35a255d051758e95ed4');
  const mnonce = decodeHex('4fbe0bedbad6c86ae8f68971d103e554');
  const digest = new Uint8Array(createHash('sha256').digest());
  const claims = { digest, policy: 0, api: { major: 0, minor: 18 }, build: 15 };
  const known = '6faab2daae389bcd3405a05d6cafe33c0414f7bedd0bae19ba5f38b7fd1664ea';

  test('known answer', () => expect(encodeHex(launchMeasure(tik, claims, mnonce))).toBe(known));

  test('digest and nonce are of one length', () => {
    expect(() => launchMeasure(tik, { ...claims, digest: digest.subarray(1) }, mnonce)).toThrow(RangeError);
    expect(() => launchMeasure(tik, claims, zeros(17))).toThrow(RangeError);
  });

  test('every member is covered', () => {
    const measurement = { measure: decodeHex(known), mnonce };
    expect(verifyLaunchMeasure(tik, claims, measurement).authentic).toMatchObject(claims);
    const flipped = Uint8Array.from(digest);
    flipped[31] = (flipped[31] ?? 0) ^ 1;
    for (const change of [
      { policy: 1 },
      { policy: 2 ** 31 },
      { api: { major: 1, minor: 18 } },
      { api: { major: 0, minor: 19 } },
      { build: 16 },
      { digest: flipped },
    ]) {
      const { authentic, finding } = verifyLaunchMeasure(tik, { ...claims, ...change }, measurement);
      expect(authentic).toBeUndefined();
      expect(finding).toMatchObject({ id: 'sev.launch.measure', outcome: 'fail' });
    }
    for (const other of [
      [counting(0, 16), measurement],
      [tik, { ...measurement, mnonce: counting(0, 16) }],
      [tik, { ...measurement, measure: decodeHex(known).slice(0, 31) }],
    ] as const)
      expect(verifyLaunchMeasure(other[0], claims, other[1]).authentic).toBeUndefined();
  });

  test('claims outside their fields were measured by no firmware', () => {
    const measurement = { measure: decodeHex(known), mnonce };
    for (const change of [
      { build: 256 + 15 },
      { build: -1 },
      { build: 1.5 },
      { api: { major: 256, minor: 18 } },
      { api: { major: 0, minor: 256 + 18 } },
      { policy: 2 ** 32 },
      { policy: -1 },
      { digest: digest.slice(1) },
    ])
      expect(verifyLaunchMeasure(tik, { ...claims, ...change }, measurement).authentic).toBeUndefined();
    expect(verifyLaunchMeasure(tik, claims, { ...measurement, mnonce: zeros(15) }).authentic).toBeUndefined();
  });

  test('48 bytes: HMAC, then nonce', () => {
    expect(parseLaunchMeasurement(counting(0, 48))).toEqual({ measure: counting(0, 32), mnonce: counting(32, 16) });
    expect(() => parseLaunchMeasurement(zeros(47))).toThrow('47 bytes; 48 are right');
  });
});

describe('secret packet', () => {
  const keys = { tek: counting(0, 16), tik: counting(0x10, 16) };
  const iv = counting(0x20, 16);
  const measure = counting(0x30, 32);
  const table =
    '42f5741edd71664d963eef4287ff173b3300000062a1f5e67fd65047a67c5d065f2a99101f00000068656c6c6f20776f726c6400000000000000000000000000';
  const header =
    '00000000202122232425262728292a2b2c2d2e2fd856e077b701fb379f3b1f3b9fb964856c97508038be25e00e2e938be1e9117f';

  test('table, ciphertext and header', () => {
    const made = encodeSecretTable([{ guid: BUNDLE_GUID, payload: Buffer.from('hello world') }]);
    expect(encodeHex(made)).toBe(table);
    const packet = sealSecret(keys, { measure }, made, iv);
    expect(encodeHex(packet.data)).toBe(
      '191d0a3086351ad9dd1f26edf0a9d7e378a41c22402fcd4e7db56ebfd6e395f12ba543053b5366102f685fbd99df25945d38341ad9da3a4c6bb24c0ba608c969',
    );
    expect(encodeHex(packet.header)).toBe(header);
    const read = parsePacketHeader(packet.header);
    expect(packetMac(keys.tik, read, packet.data, measure)).toEqual(read.mac);
  });

  test('the table is read back, and nothing else than it', () => {
    const bytes = decodeHex(table);
    const [entry] = parseSecretTable(bytes);
    expect(entry?.guid).toBe(BUNDLE_GUID);
    expect(Buffer.from(entry?.payload ?? []).toString()).toBe('hello world');
    const changed = (at: number, value: number): Uint8Array => {
      const copy = Uint8Array.from(bytes);
      copy[at] = value;
      return copy;
    };
    expect(() => parseSecretTable(changed(0, 0))).toThrow('another GUID');
    expect(() => parseSecretTable(changed(16, 19))).toThrow('less than its header');
    expect(() => parseSecretTable(changed(16, 65))).toThrow('needs');
    expect(() => parseSecretTable(changed(36, 19))).toThrow('entry of 19 bytes');
    expect(() => parseSecretTable(changed(36, 32))).toThrow('needs');
    expect(() => parseSecretTable(changed(63, 1))).toThrow('padding');
    expect(() => parseSecretTable(Uint8Array.from([...bytes, ...zeros(16)]))).toThrow('more padding');
  });

  test('a GUID stands once', () => {
    const entry = { guid: BUNDLE_GUID, payload: zeros(1) };
    expect(() => encodeSecretTable([entry, { ...entry, guid: BUNDLE_GUID.toUpperCase() }])).toThrow('twice');
    const double = Uint8Array.from(encodeSecretTable([entry, { ...entry, guid: BUNDLE_GUID.replace('e6', 'e7') }]));
    double.copyWithin(20 + 21, 20, 20 + 16);
    expect(() => parseSecretTable(double)).toThrow('twice');
  });

  test('what the firmware would not take is not sealed', () => {
    for (const size of [0, 15, 17, LARGEST_SECRET + 16])
      expect(() => sealSecret(keys, { measure }, zeros(size), iv)).toThrow(RangeError);
    expect(() => parsePacketHeader(zeros(51))).toThrow('51 bytes; 52 are right');
  });
});
