import { decodeHex } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { firstElement } from './enrol.js';
import { scripted } from './fake-tpm.test.helper.js';
import {
  activateCredential,
  akTemplate,
  create,
  createPrimary,
  handles,
  load,
  pcrBanks,
  quote,
  RH,
  random,
  readNv,
  readPcrs,
  readPublicKey,
  type Tpm,
  TpmError,
  tpmProperties,
} from './index.js';
import { responseMeaning } from './response-code.js';

const calls: Readonly<Record<string, (tpm: Tpm) => Promise<unknown>>> = {
  properties: tpmProperties,
  banks: pcrBanks,
  handles: (tpm) => handles(tpm, 0x80000000),
  pcrs: (tpm) => readPcrs(tpm, 'sha256', [0, 1, 7]),
  random: (tpm) => random(tpm, 40),
  primary: (tpm) => createPrimary(tpm, RH.endorsement, akTemplate('rsa2048')),
  create: (tpm) => create(tpm, 1, akTemplate('p256')),
  load: (tpm) => load(tpm, 1, { privateBytes: new Uint8Array(2), publicBytes: new Uint8Array(2) }),
  public: (tpm) => readPublicKey(tpm, 1),
  quote: (tpm) => quote(tpm, 1, new Uint8Array(32), []),
  nv: (tpm) => readNv(tpm, 0x01500001),
  credential: (tpm) =>
    activateCredential(tpm, 1, 2, { idObject: new Uint8Array(1), encryptedSecret: new Uint8Array(1) }),
};

/** Bodies that look like something: sizes, counts and known words among noise. */
const word = fc.constantFrom(
  '0000',
  '0001',
  '0004',
  '000b',
  '0020',
  '0022',
  'ffff',
  '00000001',
  '00000005',
  '00000006',
  '0023',
  '03010000',
  '80000001',
);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 96 }),
  fc.array(word, { maxLength: 24 }).map((words) => decodeHex(words.join(''))),
);

/** A response with a true size most of the time. */
const responses = fc
  .tuple(
    fc.constantFrom(0x8001, 0x8002, 0x00c4),
    fc.constantFrom(0, 0, 0, 0, 0x101, 0x18b, 0x1d5),
    body,
    fc.constantFrom(0, 0, 0, 0, 1, -1),
  )
  .map(([tag, code, bytes, off]) => {
    const whole = Buffer.alloc(10 + bytes.length);
    whole.writeUInt16BE(tag, 0);
    whole.writeUInt32BE(Math.max(0, whole.length + off), 2);
    whole.writeUInt32BE(code, 6);
    whole.set(bytes, 10);
    return Uint8Array.from(whole);
  });

describe('fuzz: whatever a TPM answers', () => {
  test.each(Object.entries(calls))('%s gives a result or a TpmError', async (_, call) => {
    await fc.assert(
      fc.asyncProperty(fc.array(responses, { minLength: 1, maxLength: 6 }), async (answers) => {
        const { tpm, commands } = scripted(...answers, () => decodeHex('80010000000a00000101'));
        await call(tpm).catch((error: unknown) => expect(error).toBeInstanceOf(TpmError));
        // Nothing is asked for without end.
        expect(commands.length).toBeLessThan(200);
      }),
      { numRuns: fuzzRuns(150) },
    );
  });

  test('response codes have words', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0xffff_ffff }), (code) => {
        const { name, means, remedy } = responseMeaning(code);
        expect([name, means, remedy].every((text) => text !== '' && !text.includes('undefined'))).toBe(true);
      }),
      { numRuns: fuzzRuns(1000) },
    );
  });

  test('an EK certificate ends somewhere', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const cut = firstElement(Uint8Array.of(0x30, ...bytes));
        expect(cut.length).toBeLessThanOrEqual(bytes.length + 1);
      }),
      { numRuns: fuzzRuns(500) },
    );
  });
});
