import { createHash } from 'node:crypto';
import { concatBytes, decodeHex, encodeHex } from '@assay/bytes';
import { marshalPublic, TpmWriter } from '@assay/evidence/tpm';
import { describe, expect, test } from 'vitest';
import { refused, response, scripted } from './fake-tpm.test.helper.js';
import {
  activateCredential,
  akTemplate,
  createPrimary,
  EK_POLICY,
  ekTemplate,
  extendPcr,
  flushing,
  handles,
  LONGEST_QUALIFYING_DATA,
  NO_PASSWORD,
  pcrBanks,
  quote,
  RH,
  random,
  readNv,
  readNvPublic,
  readPcrs,
  startup,
  storageTemplate,
  type TpmCommand,
  TpmError,
  tpmProperties,
  writeNv,
} from './index.js';
import { decodeResponse, encodeCommand } from './tpm.js';

const hex = (text: string): Uint8Array => decodeHex(text.replaceAll(' ', ''));
const sized = (bytes: Uint8Array): Uint8Array => new TpmWriter().sized(bytes).finish();
const u32 = (value: number): Uint8Array => new TpmWriter().u32(value).finish();

describe('a command', () => {
  test('without sessions has tag, size, code, handles and parameters', () => {
    const bytes = encodeCommand({ name: 'x', code: 0x173, handles: [0x81010002], parameters: Uint8Array.of(1) });
    expect(encodeHex(bytes)).toBe('8001 0000000f 00000173 81010002 01'.replaceAll(' ', ''));
  });

  test('with a password and a policy session has an authorisation area', () => {
    const bytes = encodeCommand({
      name: 'x',
      code: 0x147,
      handles: [1, 2],
      authorizations: [
        { kind: 'password', value: Uint8Array.of(7, 8) },
        { kind: 'policy', handle: 0x03000000, keep: false },
        { kind: 'policy', handle: 0x03000001, keep: true },
      ],
    });
    const area = '40000009 0000 01 0002 0708' + '03000000 0000 00 0000' + '03000001 0000 01 0000';
    expect(encodeHex(bytes)).toBe(`8002 00000033 00000147 00000001 00000002 0000001d ${area}`.replaceAll(' ', ''));
  });

  test('that is longer than any TPM takes is not sent', () => {
    expect(() => encodeCommand({ name: 'x', code: 1, parameters: new Uint8Array(8192) })).toThrow(RangeError);
  });
});

describe('a response', () => {
  const plain: TpmCommand = { name: 'TPM2_X', code: 1 };
  const withSession: TpmCommand = { ...plain, authorizations: [NO_PASSWORD] };
  const decode = (command: TpmCommand, text: string) => decodeResponse(command, hex(text));

  test('gives handle and parameters', () => {
    expect(decode(plain, '8001 0000000c 00000000 0102')).toEqual({
      handle: undefined,
      parameters: Uint8Array.of(1, 2),
    });
    expect(decode({ ...plain, answersHandle: true }, '8001 0000000e 00000000 80000001')).toEqual({
      handle: 0x80000001,
      parameters: new Uint8Array(),
    });
    expect(decode(withSession, '8002 00000015 00000000 00000002 0102 0000 01 0000')).toEqual({
      handle: undefined,
      parameters: Uint8Array.of(1, 2),
    });
    expect(decode(plain, '8001 0000000a 00000101')).toEqual({ refused: 0x101 });
  });

  test.each<[string, TpmCommand, string]>([
    ['ends early', plain, '8001 0000'],
    ['says another size', plain, '8001 0000000b 00000000'],
    ['has more than its size', plain, '8001 0000000a 00000000 00'],
    ['refuses and goes on', plain, '8001 0000000b 00000101 00'],
    ['has sessions nobody sent', plain, '8002 0000000e 00000000 00000000'],
    ['has no sessions', withSession, '8001 0000000a 00000000'],
    ['has no handle', { ...plain, answersHandle: true }, '8001 0000000c 00000000 8000'],
    ['has a parameter size beyond its end', withSession, '8002 00000013 00000000 00000006 0000 01 0000'],
    ['has a session too few', withSession, '8002 0000000e 00000000 00000000'],
    ['has a session too many', withSession, '8002 00000018 00000000 00000000 0000 01 0000 0000 01 0000'],
    ['has an HMAC without a key', withSession, '8002 00000014 00000000 00000000 0000 01 0001 ff'],
    ['has a long nonce', withSession, `8002 00000054 00000000 00000000 0041 ${'00'.repeat(65)} 01 0000`],
  ])('that %s is none', (_, command, text) => {
    expect(() => decode(command, text)).toThrow(TpmError);
    expect(() => decode(command, text)).toThrow('malformed');
  });
});

describe('refusals', () => {
  test.each([
    [0x101, 'failure mode (TPM_RC_FAILURE)'],
    [0x9a2, 'wrong authorisation (TPM_RC_BAD_AUTH, session 1)'],
    [0x98e, 'counts towards lockout (TPM_RC_AUTH_FAIL, session 1)'],
    [0x18b, 'the handle names nothing here (TPM_RC_HANDLE, handle 1)'],
    [0x1d5, 'a structure has a wrong size (TPM_RC_SIZE, parameter 1)'],
    [0x2c4, 'value out of range, or not fitting its context (TPM_RC_VALUE, parameter 2)'],
    [0x921, 'locked out (TPM_RC_LOCKOUT)'],
    [0x902, 'no room for another session (TPM_RC_SESSION_MEMORY)'],
    [0x01e, 'does not speak version 2.0 (TPM_RC_BAD_TAG)'],
    [0x17f, 'not in the table (TPM_RC 0x17f)'],
    [0x1ff, 'not in the table (TPM_RC 0x1ff, parameter 1)'],
    [0xb0002, 'a layer between this program and the TPM (code 0xb0002)'],
  ])('0x%s is told in words', async (code, words) => {
    const failure = await random(scripted(refused(code)).tpm, 1).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      name: 'TpmError',
      reason: 'refused',
      code,
      message: expect.stringContaining(words),
    });
    expect(failure).toMatchObject({ remedy: expect.stringMatching(/^[A-Z].*\.$/s) });
  });

  test.each([0x908, 0x90a, 0x922])('0x%s is asked again', async (code) => {
    const { tpm, commands } = scripted(refused(code), refused(code), response(sized(Uint8Array.of(9))));
    expect(await random(tpm, 1)).toEqual(Uint8Array.of(9));
    expect(commands).toHaveLength(3);
  });

  test('a TPM that started before says so, and that is no error', async () => {
    expect(await startup(scripted(response()).tpm)).toBe(true);
    expect(await startup(scripted(refused(0x100)).tpm)).toBe(false);
    await expect(startup(scripted(refused(0x101)).tpm)).rejects.toThrow('TPM2_Startup');
  });

  test('commands follow each other, also after one that failed', async () => {
    const { tpm, commands } = scripted(refused(0x101), response(sized(Uint8Array.of(1))));
    const both = await Promise.allSettled([random(tpm, 1), random(tpm, 1)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(commands).toHaveLength(2);
    await tpm.close();
  });
});

describe('random bytes', () => {
  test('are asked for until there are enough', async () => {
    const { tpm } = scripted(response(sized(new Uint8Array(20).fill(1))), response(sized(new Uint8Array(13).fill(2))));
    expect(await random(tpm, 33)).toEqual(concatBytes(new Uint8Array(20).fill(1), new Uint8Array(13).fill(2)));
  });

  test.each([[new Uint8Array()], [new Uint8Array(5)]])('more or less than that is no answer', async (bytes) => {
    await expect(random(scripted(response(sized(bytes))).tpm, 4)).rejects.toMatchObject({ reason: 'response' });
  });
});

describe('PCRs', () => {
  const page = (counter: number, bank: number, bitmap: string, ...values: Uint8Array[]): Uint8Array =>
    response(
      concatBytes(
        u32(counter),
        u32(1),
        new TpmWriter().u16(bank).u8(3).finish(),
        hex(bitmap),
        u32(values.length),
        ...values.map((value) => sized(value)),
      ),
    );
  const value = (n: number): Uint8Array => new Uint8Array(32).fill(n);

  test('are read page by page', async () => {
    const { tpm, commands } = scripted(page(7, 0x0b, '010000', value(0)), page(7, 0x0b, '800080', value(7), value(23)));
    const values = await readPcrs(tpm, 'sha256', [0, 7, 23, 7]);
    expect([...values]).toEqual([
      [0, value(0)],
      [7, value(7)],
      [23, value(23)],
    ]);
    expect(commands.map((command) => encodeHex(command.subarray(10)))).toEqual([
      '00000001000b03810080',
      '00000001000b03800080',
    ]);
  });

  test('are of one moment: a change in between starts over', async () => {
    const old = page(7, 0x0b, '010000', value(0));
    const late = page(8, 0x0b, '020000', value(1));
    const first = page(8, 0x0b, '010000', value(9));
    const values = await readPcrs(scripted(old, late, first, late).tpm, 'sha256', [0, 1]);
    expect([...values]).toEqual([
      [0, value(9)],
      [1, value(1)],
    ]);
    let counter = 0;
    const never = scripted(() => page(++counter, 0x0b, counter % 2 === 1 ? '010000' : '020000', value(1)));
    await expect(readPcrs(never.tpm, 'sha256', [0, 1])).rejects.toMatchObject({ reason: 'unfit' });
  });

  test('of a bank that is off are not there', async () => {
    await expect(readPcrs(scripted(page(7, 0x0c, '000000')).tpm, 'sha384', [0])).rejects.toMatchObject({
      reason: 'unfit',
      message: expect.stringContaining('no PCR 0 in its sha384 bank'),
    });
  });

  test.each<[string, Uint8Array]>([
    ['of another bank', page(7, 0x0c, '010000', new Uint8Array(48))],
    ['that nobody asked for', page(7, 0x0b, '030000', value(0), value(1))],
    ['fewer than selected', page(7, 0x0b, '010000')],
    ['more than selected', page(7, 0x0b, '010000', value(0), value(1))],
    ['of another length', page(7, 0x0b, '010000', new Uint8Array(20))],
  ])('values %s are none', async (_, answer) => {
    await expect(readPcrs(scripted(answer).tpm, 'sha256', [0])).rejects.toMatchObject({ reason: 'response' });
  });

  test('more than eight values are none', async () => {
    const nine = page(7, 0x0b, 'ff0100', ...Array.from({ length: 9 }, (_, n) => value(n)));
    const all = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    await expect(readPcrs(scripted(nine).tpm, 'sha256', all)).rejects.toMatchObject({ reason: 'response' });
  });

  test('are extended by digests of their banks', async () => {
    const { tpm, commands } = scripted(response(new Uint8Array(), { sessions: 1 }));
    await extendPcr(tpm, 9, [{ bank: 'sha256', digest: value(5) }]);
    expect(encodeHex(commands[0] ?? new Uint8Array())).toBe(
      `8002 00000041 00000182 00000009 00000009 40000009 0000 01 0000 00000001 000b ${'05'.repeat(32)}`.replaceAll(
        ' ',
        '',
      ),
    );
    await expect(extendPcr(tpm, 9, [{ bank: 'sha256', digest: new Uint8Array(20) }])).rejects.toThrow(RangeError);
  });
});

describe('capabilities', () => {
  const properties = (more: number, ...pairs: [number, number][]): Uint8Array =>
    response(
      concatBytes(
        Uint8Array.of(more),
        u32(6),
        u32(pairs.length),
        ...pairs.map(([property, number]) => concatBytes(u32(property), u32(number))),
      ),
    );

  test('of the TPM come in pages', async () => {
    const { tpm } = scripted(
      properties(1, [0x100, 0x322e3000], [0x102, 159], [0x105, 0x49424d00], [0x106, 0x53572020]),
      properties(1, [0x107, 0x2054504d], [0x10b, 0x20191023], [0x10c, 0x163636], [0x12c, 1024], [0x200, 5]),
      refused(0x101),
    );
    expect(await tpmProperties(tpm)).toEqual({
      manufacturer: 'IBM',
      vendor: 'SW   TPM',
      firmware: '2019102300163636',
      revision: 159,
      nvBuffer: 1024,
    });
  });

  test('that never go on end', async () => {
    const { tpm, commands } = scripted(properties(1, [0x100, 1]));
    await tpmProperties(tpm);
    expect(commands).toHaveLength(2);
  });

  test('list banks that are on, known or not', async () => {
    const banks = hex('00 00000005 00000003 0004 03 000000 000b 03 ffffff 0027 03 010000');
    expect(await pcrBanks(scripted(response(banks)).tpm)).toEqual([
      { algorithm: 0x0b, bank: 'sha256', pcrs: Array.from({ length: 24 }, (_, n) => n) },
      { algorithm: 0x27, bank: undefined, pcrs: [0] },
    ]);
  });

  test('list handles of one kind', async () => {
    const list = (more: number, ...found: number[]): Uint8Array =>
      response(concatBytes(Uint8Array.of(more), u32(1), u32(found.length), ...found.map(u32)));
    const { tpm } = scripted(list(1, 0x81000001), list(0, 0x81000002, 0x90000000));
    expect(await handles(tpm, 0x81000000)).toEqual([0x81000001, 0x81000002]);
    expect(await handles(scripted(list(1)).tpm, 0x81000000)).toEqual([]);
  });

  test.each<[string, string]>([
    ['of another group', '00 00000006 00000000'],
    ['that are too many', '00 00000005 00000401'],
    ['that end early', '00 00000005 00000002 000b 03 ffffff'],
    ['that go on', '00 00000005 00000000 00'],
  ])('%s are none', async (_, text) => {
    await expect(pcrBanks(scripted(response(hex(text))).tpm)).rejects.toMatchObject({ reason: 'response' });
  });
});

describe('keys', () => {
  const area = { ...akTemplate('p256'), x: new Uint8Array(32).fill(1), y: new Uint8Array(32).fill(2) };
  const created = (publicBytes: Uint8Array, rest = new Uint8Array()): Uint8Array =>
    response(
      concatBytes(
        sized(publicBytes),
        sized(Uint8Array.of(1)),
        sized(Uint8Array.of(2)),
        hex('8021 4000000b 0000'),
        sized(Uint8Array.of(0, 11)),
        rest,
      ),
      { handle: 0x80000005, sessions: 1 },
    );

  test('are created from templates', async () => {
    const { tpm, commands } = scripted(created(marshalPublic(area as never)));
    const key = await createPrimary(tpm, RH.endorsement, akTemplate('p256'));
    expect(key).toMatchObject({ handle: 0x80000005, publicArea: { curve: 'P-256' }, name: Uint8Array.of(0, 11) });
    expect(commands).toHaveLength(1);
  });

  test.each<[string, Uint8Array]>([
    ['cannot be read', created(Uint8Array.of(1, 2, 3))],
    ['is followed by something', created(marshalPublic(area as never), Uint8Array.of(0))],
  ])('one whose answer %s is flushed', async (_, answer) => {
    const { tpm, commands } = scripted(answer, response());
    await expect(createPrimary(tpm, RH.endorsement, akTemplate('p256'))).rejects.toMatchObject({ reason: 'response' });
    expect(encodeHex(commands[1] ?? new Uint8Array())).toBe('80010000000e0000016580000005');
  });

  test('are flushed after work, and after work that failed; the work’s error goes first', async () => {
    const { tpm, commands } = scripted(response());
    expect(await flushing.after(tpm, 0x80000001, async () => 'done')).toBe('done');
    await expect(flushing.after(tpm, 0x80000002, () => Promise.reject(new Error('work')))).rejects.toThrow('work');
    expect(commands.map((command) => encodeHex(command.subarray(10)))).toEqual(['80000001', '80000002']);
    await expect(flushing.after(scripted(refused(0x101)).tpm, 1, async () => 'done')).rejects.toThrow('FlushContext');
    const both = flushing.after(scripted(refused(0x101)).tpm, 1, () => Promise.reject(new Error('work')));
    await expect(both).rejects.toThrow('work');
  });

  test('the policy of the endorsement key is PolicySecret of its hierarchy', () => {
    const extend = (...parts: Uint8Array[]): Uint8Array =>
      createHash('sha256')
        .update(concatBytes(...parts))
        .digest();
    const step = extend(new Uint8Array(32), u32(0x151), u32(RH.endorsement));
    expect(encodeHex(EK_POLICY)).toBe(encodeHex(extend(step)));
  });

  test('templates are those of the TCG', () => {
    // L-1 and L-2 of the EK Credential Profile, as TPM2_CreatePrimary takes them.
    expect(encodeHex(marshalPublic(ekTemplate('rsa2048')))).toBe(
      `0001 000b 000300b2 0020 ${encodeHex(EK_POLICY)} 0006 0080 0043 0010 0800 00000000 0100 ${'00'.repeat(256)}`.replaceAll(
        ' ',
        '',
      ),
    );
    expect(encodeHex(marshalPublic(ekTemplate('p256')))).toBe(
      `0023 000b 000300b2 0020 ${encodeHex(EK_POLICY)} 0006 0080 0043 0010 0003 0010 0020 ${'00'.repeat(32)} 0020 ${'00'.repeat(32)}`.replaceAll(
        ' ',
        '',
      ),
    );
    expect(encodeHex(marshalPublic(akTemplate('rsa2048')))).toBe(
      '0001000b0005047200000010 0014000b080000000000 0000'.replaceAll(' ', ''),
    );
    expect(encodeHex(marshalPublic(storageTemplate('p256')))).toBe(
      '0023000b00030472 0000 000600800043 0010 0003 0010 0000 0000'.replaceAll(' ', ''),
    );
  });
});

describe('a quote', () => {
  test('is of nonce and selection, in the key’s own scheme', async () => {
    const { tpm, commands } = scripted(
      response(concatBytes(sized(Uint8Array.of(1, 2)), Uint8Array.of(3)), { sessions: 1 }),
    );
    expect(await quote(tpm, 0x81010002, Uint8Array.of(9), [])).toEqual({
      attest: Uint8Array.of(1, 2),
      signature: Uint8Array.of(3),
    });
    expect(encodeHex(commands[0] ?? new Uint8Array()).slice(20)).toBe(
      '8101000200000009400000090000010000' + '000109' + '0010' + '00000000',
    );
  });

  test('of a nonce that fits no TPM is not asked for', async () => {
    const { tpm } = scripted(refused(0x101));
    await expect(quote(tpm, 1, new Uint8Array(LONGEST_QUALIFYING_DATA + 1), [])).rejects.toThrow(RangeError);
  });
});

describe('NV memory', () => {
  const publicArea = (attributes: number, size: number, index = 0x01500001): Uint8Array =>
    response(
      concatBytes(
        sized(new TpmWriter().u32(index).u16(0x0b).u32(attributes).u16(0).u16(size).finish()),
        sized(Uint8Array.of(0, 11)),
      ),
    );
  const buffer = response(concatBytes(Uint8Array.of(0), u32(6), u32(1), u32(0x12c), u32(4)));

  test('is read in pieces, with the password of index or owner', async () => {
    const piece = (...bytes: number[]): Uint8Array => response(sized(Uint8Array.from(bytes)), { sessions: 1 });
    const { tpm, commands } = scripted(publicArea(0x40000, 6), buffer, piece(1, 2, 3, 4), piece(5, 6));
    expect(await readNv(tpm, 0x01500001)).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6));
    expect(encodeHex((commands[3] ?? new Uint8Array()).subarray(10))).toBe(
      '0150000101500001' + '00000009400000090000010000' + '00020004',
    );
    const owner = scripted(publicArea(0x20000, 1), buffer, piece(1));
    await readNv(owner.tpm, 0x01500001);
    expect(encodeHex((owner.commands[2] ?? new Uint8Array()).subarray(10, 18))).toBe('4000000101500001');
  });

  test('is written in pieces', async () => {
    const { tpm, commands } = scripted(publicArea(0x4, 6), buffer, response(new Uint8Array(), { sessions: 1 }));
    await writeNv(tpm, 0x01500001, Uint8Array.of(1, 2, 3, 4, 5));
    expect(commands.slice(2).map((command) => encodeHex(command.subarray(31)))).toEqual([
      '0004010203040000',
      '0001050004',
    ]);
    await expect(writeNv(scripted(publicArea(0x4, 6)).tpm, 0x01500001, new Uint8Array(7))).rejects.toMatchObject({
      reason: 'unfit',
    });
  });

  test('that is not there is undefined, or no fit', async () => {
    expect(await readNvPublic(scripted(refused(0x18b)).tpm, 0x01500001)).toBeUndefined();
    await expect(readNvPublic(scripted(refused(0x101)).tpm, 0x01500001)).rejects.toMatchObject({ reason: 'refused' });
    await expect(readNv(scripted(refused(0x18b)).tpm, 0x01500001)).rejects.toMatchObject({
      reason: 'unfit',
      message: expect.stringContaining('0x01500001'),
    });
  });

  test.each<[string, Uint8Array[]]>([
    ['another index', [publicArea(0x40000, 1, 0x01500002), buffer, response(sized(Uint8Array.of(1)), { sessions: 1 })]],
    ['too few bytes', [publicArea(0x40000, 2), buffer, response(sized(Uint8Array.of(1)), { sessions: 1 })]],
    ['too many bytes', [publicArea(0x40000, 2), buffer, response(sized(Uint8Array.of(1, 2, 3)), { sessions: 1 })]],
  ])('with %s is malformed', async (_, answers) => {
    await expect(readNv(scripted(...answers).tpm, 0x01500001)).rejects.toMatchObject({ reason: 'response' });
  });
});

describe('a credential', () => {
  const credential = { idObject: Uint8Array.of(1), encryptedSecret: Uint8Array.of(2) };
  const nonce = response(sized(new Uint8Array(32)));
  const session = response(sized(new Uint8Array(32)), { handle: 0x03000000 });
  const policy = response(concatBytes(sized(new Uint8Array()), hex('8023 40000007 0000')), { sessions: 1 });

  test('is opened under the policy of the endorsement key, and the session flushed', async () => {
    const secret = response(sized(Uint8Array.of(7, 7)), { sessions: 2 });
    const { tpm, commands } = scripted(nonce, session, policy, secret, response());
    expect(await activateCredential(tpm, 0x80000001, 0x80000002, credential)).toEqual(Uint8Array.of(7, 7));
    expect(encodeHex((commands[3] ?? new Uint8Array()).subarray(10))).toBe(
      '8000000180000002' + '00000012' + '400000090000010000' + '030000000000010000' + '000101' + '000102',
    );
    expect(encodeHex(commands[4] ?? new Uint8Array())).toBe('80010000000e0000016503000000');
  });

  test('that is for another key is refused, and the session flushed', async () => {
    const { tpm, commands } = scripted(nonce, session, policy, refused(0x1df), response());
    await expect(activateCredential(tpm, 1, 2, credential)).rejects.toThrow('TPM_RC_INTEGRITY');
    expect(commands).toHaveLength(5);
  });
});
