import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { concatBytes, decodeHex, encodeHex } from '@assay/bytes';
import { marshalPublic, marshalQuote, selectPcrs, TpmWriter } from '@assay/evidence/tpm';
import { temporaryFolder } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { tpmAttester } from '../attester/tpm.js';
import type { Transport } from '../kbc/transport.js';
import { enrol, firstElement } from './enrol.js';
import { readEventLog } from './event-log.js';
import { refused, response, scripted } from './fake-tpm.test.helper.js';
import { akTemplate } from './index.js';
import { ALL_PCRS, quoteReportData } from './quoted.js';

const folder = temporaryFolder('tpm-');

const sized = (bytes: Uint8Array): Uint8Array => new TpmWriter().sized(bytes).finish();
const number = (command: Uint8Array): number => Buffer.from(command).readUInt32BE(6);

/** A TPM with one value in all its PCRs, which changes after so many quotes; `longest` is the longest nonce that it takes. */
function quoting(options: { readonly restless?: number; readonly longest?: number; readonly signature?: string } = {}) {
  let quotes = 0;
  let level = 0;
  const asked: Uint8Array[] = [];
  const value = (): Uint8Array => new Uint8Array(32).fill(level);
  const answer = (command: Uint8Array): Uint8Array => {
    const view = Buffer.from(command);
    if (number(command) === 0x17e) {
      const bitmap = command.subarray(17, 20);
      const pcrs = ALL_PCRS.filter((pcr) => ((bitmap[pcr >> 3] ?? 0) & (1 << (pcr & 7))) !== 0).slice(0, 8);
      const writer = new TpmWriter().u32(1).u32(1).u16(0x0b).u8(3);
      const given = new Uint8Array(3);
      for (const pcr of pcrs) given[pcr >> 3] = (given[pcr >> 3] ?? 0) | (1 << (pcr & 7));
      writer.bytes(given).u32(pcrs.length);
      for (const _ of pcrs) writer.sized(value());
      return response(writer.finish());
    }
    if (number(command) === 0x158) {
      const size = view.readUInt16BE(27);
      const nonce = Uint8Array.from(view.subarray(29, 29 + size));
      asked.push(nonce);
      if (size > (options.longest ?? 66)) return refused(0x1d5);
      quotes += 1;
      if (quotes <= (options.restless ?? 0)) level += 1;
      const digest = createHash('sha256');
      for (const _ of ALL_PCRS) digest.update(value());
      const attest = marshalQuote({
        type: 0x8018,
        qualifiedSigner: new Uint8Array(34),
        extraData: nonce,
        clockInfo: { clock: 1n, resetCount: 1, restartCount: 0, safe: true },
        firmwareVersion: 1n,
        pcrSelection: [selectPcrs('sha256', ALL_PCRS)],
        pcrDigest: digest.digest(),
      });
      return response(concatBytes(sized(attest), decodeHex(options.signature ?? '0014000b0001aa')), { sessions: 1 });
    }
    return refused(0x143);
  };
  return { answer, asked, tpm: scripted(answer).tpm };
}

describe('quoted PCRs', () => {
  test('are those of the quote', async () => {
    const { asked, tpm } = quoting();
    const { pcrs } = await quoteReportData(tpm, 1, new Uint8Array(48).fill(5));
    expect(pcrs.map((value) => encodeHex(value))).toEqual(ALL_PCRS.map(() => '00'.repeat(32)));
    expect(asked.map((nonce) => encodeHex(nonce))).toEqual([`${'05'.repeat(48)}${'00'.repeat(16)}`]);
  });

  test('are read again when one changed before the quote', async () => {
    const { pcrs } = await quoteReportData(quoting({ restless: 2 }).tpm, 1, new Uint8Array(48));
    expect(encodeHex(pcrs[0] ?? new Uint8Array())).toBe('02'.repeat(32));
  });

  test('that never hold still are given up', async () => {
    await expect(quoteReportData(quoting({ restless: 99 }).tpm, 1, new Uint8Array(48))).rejects.toMatchObject({
      reason: 'unfit',
    });
  });

  test('are bound to 32 bytes where a TPM takes no more', async () => {
    const { asked, tpm } = quoting({ longest: 34 });
    await quoteReportData(tpm, 1, new Uint8Array(48).fill(5));
    expect(asked.map((nonce) => nonce.length)).toEqual([64, 32]);
    await expect(quoteReportData(quoting({ longest: 20 }).tpm, 1, new Uint8Array(48))).rejects.toMatchObject({
      code: 0x1d5,
    });
  });

  test('signed by a scheme that no quote has are none', async () => {
    await expect(quoteReportData(quoting({ signature: '0019' }).tpm, 1, new Uint8Array(48))).rejects.toMatchObject({
      reason: 'response',
    });
  });
});

describe('the event log', () => {
  const path = 'sys/kernel/security/tpm0/binary_bios_measurements';

  test('is that of Linux, below a root', async () => {
    const root = join(folder, 'root');
    mkdirSync(join(root, 'sys/kernel/security/tpm0'), { recursive: true });
    const log = new Uint8Array(200_000).fill(7);
    writeFileSync(join(root, path), log);
    expect(Buffer.compare((await readEventLog(undefined, root)) ?? new Uint8Array(), log)).toBe(0);
  });

  test('may not be there', async () => {
    expect(await readEventLog(undefined, join(folder, 'nothing'))).toBeUndefined();
  });

  test('that is no file, or too long a one, is refused', async () => {
    await expect(readEventLog('/', folder)).rejects.toMatchObject({
      reason: 'unfit',
      message: expect.stringContaining('EISDIR'),
    });
    writeFileSync(join(folder, 'long'), new Uint8Array(4 * 1024 * 1024 + 1));
    await expect(readEventLog('/long', folder)).rejects.toMatchObject({ reason: 'unfit' });
  });
});

describe('the attester', () => {
  const ak = {
    ...akTemplate('p256'),
    x: decodeHex('6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296'),
    y: decodeHex('4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5'),
  };

  async function socketOf(answer: (command: Uint8Array) => Uint8Array): Promise<string> {
    const path = join(folder, 'tpm.sock');
    const server = createServer((socket) => socket.on('data', (command) => socket.write(answer(command))));
    server.unref();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return `unix:${path}`;
  }

  test('sends key, quote, values and log', async () => {
    const { answer } = quoting();
    const publicBytes = marshalPublic(ak as never);
    const address = await socketOf((command) =>
      number(command) === 0x173
        ? response(concatBytes(sized(publicBytes), sized(Uint8Array.of(1)), sized(Uint8Array.of(2))))
        : answer(command),
    );
    writeFileSync(join(folder, 'log'), 'the log');
    const options = { address, key: { handle: 0x81010002 }, root: folder };
    const evidence = (await tpmAttester({ ...options, eventLog: '/log' }).getEvidence(new Uint8Array(48))) as Record<
      string,
      unknown
    >;
    expect(evidence).toEqual({
      ak_public: expect.stringMatching(/^MFkw/),
      ak_area: Buffer.from(publicBytes).toString('base64'),
      tpm_quote: {
        signature: 'ABQACwABqg==',
        message: expect.stringMatching(/^\/1RDR4AY/),
        pcrs: ALL_PCRS.map(() => '00'.repeat(32)),
      },
      event_log: Buffer.from('the log').toString('base64'),
    });
    // The machine's own log is about another TPM.
    expect(await tpmAttester(options).getEvidence(new Uint8Array(48))).not.toHaveProperty('event_log');
    await expect(tpmAttester({ ...options, eventLog: '/none' }).getEvidence(new Uint8Array(48))).rejects.toMatchObject({
      reason: 'unfit',
    });
  });
});

describe('what a server may answer to an enrolment', () => {
  const publicBytes = marshalPublic({ ...akTemplate('p256'), x: Uint8Array.of(1), y: Uint8Array.of(2) } as never);
  const creating = response(
    concatBytes(
      sized(publicBytes),
      sized(new Uint8Array()),
      sized(new Uint8Array()),
      decodeHex('80214000000b0000'),
      sized(Uint8Array.of(0, 11)),
    ),
    { handle: 0x80000001, sessions: 1 },
  );
  const device = () =>
    scripted((command) => {
      switch (number(command)) {
        case 0x131:
          return creating;
        case 0x165:
          return response();
        case 0x17b:
          return response(sized(new Uint8Array(32)));
        case 0x176:
          return response(sized(new Uint8Array(32)), { handle: 0x03000000 });
        case 0x151:
          return response(decodeHex('00008023400000070000'), { sessions: 1 });
        case 0x147:
          return response(sized(Uint8Array.of(7)), { sessions: 2 });
        default:
          return refused(0x18b);
      }
    });
  const answering =
    (...answers: readonly [status: number, body: string][]): Transport =>
    async ({ path }) => {
      const [status, body] = answers[path.endsWith('/challenge') ? 0 : 1] ?? [500, ''];
      return { status, setCookie: [], body: Buffer.from(body) };
    };
  const challenge: [number, string] = [200, '{"id":"1","credential_blob":"AA==","encrypted_secret":"AA=="}'];

  test('the name of the key, and its end', async () => {
    const { tpm, commands } = device();
    const transport = answering(challenge, [200, '{"ak_name":"000b","expires_at":"2027"}']);
    expect(await enrol({ tpm, transport })).toEqual({ name: '000b', expiresAt: '2027' });
    const flushed = commands
      .filter((command) => number(command) === 0x165)
      .map((command) => encodeHex(command.subarray(10)));
    expect(flushed).toEqual(['03000000', '80000001', '80000001']);
  });

  test.each<[string, [number, string][], object]>([
    ['another key’s name', [challenge, [200, '{"ak_name":"000c","expires_at":"2027"}']], { reason: 'protocol' }],
    ['no JSON', [[200, '{']], { reason: 'protocol' }],
    ['no credential', [[200, '{"id":"1"}']], { reason: 'protocol' }],
    [
      'a refusal',
      [[401, '{"type":"x","detail":"no","code":"evidence.refused"}']],
      { reason: 'refused', code: 'evidence.refused', message: 'challenge: no' },
    ],
    ['a refusal of the answer', [challenge, [401, '{"detail":"no"}']], { reason: 'refused', message: 'answer: no' }],
    [
      'that it enrols nothing',
      [[404, '{"detail":"no such plug-in"}']],
      { reason: 'missing', message: expect.stringContaining('tpm.enrolment') },
    ],
    ['that it is busy', [[429, '{}']], { reason: 'unavailable' }],
    ['a page of a proxy', [[502, '<html>']], { reason: 'protocol', status: 502 }],
  ])('%s', async (_, answers, error) => {
    const { tpm, commands } = device();
    await expect(enrol({ tpm, transport: answering(...answers) })).rejects.toMatchObject({
      name: 'KbcError',
      ...error,
    });
    expect(commands.filter((command) => number(command) === 0x165).length).toBeGreaterThanOrEqual(2);
  });

  test.each([
    ['3003020101', '3003020101'],
    ['3003020101ffff', '3003020101'],
    ['308103020101ff', '308103020101'],
    ['30820003020101ff', '30820003020101'],
    ['3180', '3180'],
    ['3080', '3080'],
    ['30840000000300', '30840000000300'],
    ['3081', '3081'],
  ])('an EK certificate %s ends with its element', (given, cut) => {
    expect(encodeHex(firstElement(decodeHex(given)))).toBe(cut);
  });
});
