import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { concatBytes, decodeBase64, decodeHex, encodeHex, encodeUtf8 } from '@assay/bytes';
import { eventDetails, parseEventlog, replay } from '@assay/evidence/eventlog';
import type { HashAlgorithm } from '@assay/protocol';
import { temporaryFolder } from '@assay/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MeasurementRegisters } from '../../attester/attester.js';
import { FakeSystem } from '../../attester/fake-system.test.helper.js';
import { ccEventLog } from '../../attester/hardware/cc-event-log.js';
import { measurementRegister } from '../../attester/hardware/tdx.js';
import { EventError, encodeEntry, eventDigest, eventText } from './entry.js';
import { EventLog } from './event-log.js';
import { writePending } from './write-ahead.js';

const event = { domain: 'domain', operation: 'operation', content: 'content' };
const sha384 = (...parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(
    createHash('sha384')
      .update(concatBytes(...parts))
      .digest(),
  );

/** Registers that extend as hardware does, and may lose their power. */
class Registers implements MeasurementRegisters {
  readonly algorithm = 'sha384';
  readonly values = new Map<number, Uint8Array>();
  /** Throws before (`before`) or after (`after`) the next extension. */
  crash: 'before' | 'after' | undefined;

  logIndex(pcr: number): number {
    return measurementRegister(pcr);
  }
  async read(pcr: number): Promise<Uint8Array> {
    return this.values.get(this.logIndex(pcr)) ?? new Uint8Array(48);
  }
  async extend(pcr: number, digest: Uint8Array): Promise<void> {
    const { crash } = this;
    this.crash = undefined;
    if (crash === 'before') throw new Error('power');
    this.values.set(this.logIndex(pcr), sha384(await this.read(pcr), digest));
    if (crash === 'after') throw new Error('power');
  }
}

let folder: string;
let registers: Registers;
beforeEach(() => {
  folder = temporaryFolder('aael-');
  registers = new Registers();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const path = (): string => join(folder, 'run/eventlog');
const pending = (): string => join(folder, 'run/.wal_event_entry');
const open = (initPcr = 17): Promise<EventLog> => EventLog.open({ registers, initPcr, path: path() });
const logged = (): string => (existsSync(path()) ? readFileSync(path()).toString('hex') : '');

const ENTRY =
  '0400000006000000010000000c00dad5f0e226318ffa9839b75a472c6aa7fdb5834949d0a0a22990cf04d5692440fb00f3aa0609db7e49cd8d793f670d02' +
  '200000004c45414118000000646f6d61696e206f7065726174696f6e20636f6e74656e74';

test.each<[HashAlgorithm, string]>([
  ['sha256', '46df8dacf00a07d34a83cdf56d7978697790787cf2ba1432ef7c38f22cd96351'],
  ['sha384', 'dad5f0e226318ffa9839b75a472c6aa7fdb5834949d0a0a22990cf04d5692440fb00f3aa0609db7e49cd8d793f670d02'],
  [
    'sha512',
    'b708d222ca8bd44dfe6ba0c4ca2cbb72379276fba8091025217064be45a813e5d6124ccf073219edb617d1faf007d55061465bdf34b7437dbdc9a7405bd4e9c0',
  ],
  ['sm3', '17c21d43a57c0540f8125fac3dd0f19a0a08457f1cb3cbea93f159dbd346f61a'],
])('the %s digest of an event covers tag, length and text', (algorithm, digest) => {
  expect(encodeHex(eventDigest(algorithm, eventText(event)))).toBe(digest);
});

test('an entry has the bytes that upstream writes', () => {
  expect(encodeHex(encodeEntry(4, 'sha384', eventText(event)))).toBe(ENTRY);
  expect(encodeHex(encodeEntry(1, 'sha256', 'x')).slice(0, 28)).toBe('0100000006000000010000000b00');
});

test('a pulled image is measured as upstream measures it', async () => {
  const content = `{"image":"docker.io/library/alpine:3.20", "digest":"sha256:${'0c'.repeat(32)}"}`;
  const log = await open();
  await log.extend({ domain: 'github.com/confidential-containers', operation: 'PullImage', content });
  expect(encodeHex(await registers.read(17))).toBe(
    'af6cb5b3a6958f5ca5608d981ea0cfa1ce7d4d7fa6cd35b031062a82cbe1ea7b329d371a4caf7dcdd85b39851c564ab1',
  );
  expect(logged()).toHaveLength(2 * 244);
});

test('events follow each other, however many come at once; the log replays to the register', async () => {
  const log = await open();
  await Promise.all(Array.from({ length: 20 }, (_, n) => log.extend({ ...event, content: `${n}` })));
  let value: Uint8Array = new Uint8Array(48);
  for (let n = 0; n < 20; n += 1) value = sha384(value, eventDigest('sha384', `domain operation ${n}`));
  expect(encodeHex(await registers.read(17))).toBe(encodeHex(value));
  expect(logged()).toBe(
    Array.from({ length: 20 }, (_, n) => encodeHex(encodeEntry(4, 'sha384', `domain operation ${n}`))).join(''),
  );
  expect(existsSync(pending())).toBe(false);
});

test('an entry names the register that was extended', async () => {
  const log = await open();
  await log.extend(event, 8);
  expect(logged().slice(0, 8)).toBe('03000000');
  expect(registers.values.has(4)).toBe(false);
  expect(registers.values.has(3)).toBe(true);
});

test.each([
  [{ ...event, domain: '' }],
  [{ ...event, operation: '' }],
  [{ ...event, domain: 'a b' }],
  [{ ...event, operation: 'a\tb' }],
  [{ ...event, content: 'a\nb' }],
  [{ ...event, content: 'a\rb' }],
  [{ ...event, content: 'x'.repeat(64 * 1024) }],
])('an event that could be read as another is refused, and measures nothing (%#)', async (bad) => {
  const log = await open();
  await expect(log.extend(bad)).rejects.toThrow(EventError);
  expect([registers.values.size, logged(), existsSync(pending())]).toEqual([0, '', false]);
  await log.extend(event);
  expect(logged()).toBe(ENTRY);
});

test.each([-1, 24, 1.5])('register %d is none', async (pcr) => {
  await expect((await open()).extend(event, pcr)).rejects.toThrow(EventError);
});

test('content may be empty or hold spaces', async () => {
  const log = await open();
  await log.extend({ ...event, content: '' });
  await log.extend({ ...event, content: 'a  b c' });
  expect(logged()).toContain(encodeHex(encodeUtf8('domain operation a  b c')));
});

test('a full log takes no more', async () => {
  const log = await open();
  writeFileSync(path(), new Uint8Array(1024 * 1024 - 98));
  await log.extend(event);
  await expect(log.extend(event)).rejects.toThrow(/full/);
});

test.each(['before', 'after'] as const)(
  'power lost %s the extension: the next start ends the event, once',
  async (when) => {
    const first = await open();
    await first.extend({ ...event, content: 'first' });
    registers.crash = when;
    await expect(first.extend(event)).rejects.toThrow('power');
    expect(existsSync(pending())).toBe(true);
    // The entry itself may be torn too.
    writeFileSync(path(), Buffer.concat([readFileSync(path()), Buffer.from('0400', 'hex')]));
    for (let start = 0; start < 2; start += 1) await open();
    const before = sha384(new Uint8Array(48), eventDigest('sha384', 'domain operation first'));
    expect(encodeHex(await registers.read(17))).toBe(
      encodeHex(sha384(before, eventDigest('sha384', eventText(event)))),
    );
    expect(logged()).toBe(encodeHex(encodeEntry(4, 'sha384', 'domain operation first')) + ENTRY);
    expect(existsSync(pending())).toBe(false);
  },
);

test('an interrupted event of another register than the configured one is found', async () => {
  registers.crash = 'after';
  await expect((await open()).extend(event, 8)).rejects.toThrow('power');
  await open();
  expect(logged().slice(0, 8)).toBe('03000000');
});

test('a note is offset, expected value and text; one that fits no register ends the start', async () => {
  await open();
  const expected = new Uint8Array(48).fill(7);
  await writePending(pending(), { offset: 0, expected, text: 'a b c' });
  expect(readFileSync(pending()).toString('hex')).toBe(`0000000000000000${'07'.repeat(48)}${'612062' + '2063'}`);
  await expect(open()).rejects.toThrow(EventError);
  expect(existsSync(pending())).toBe(true);
});

test('a torn note is dropped: nothing was extended after it', async () => {
  await open();
  writeFileSync(pending(), new Uint8Array(56));
  const log = await open();
  await log.extend(event);
  expect(logged()).toBe(ENTRY);
});

test('a log that lost entries does not go on as if it had them', async () => {
  const log = await open();
  await log.extend(event);
  registers.crash = 'after';
  await expect(log.extend(event)).rejects.toThrow('power');
  writeFileSync(path(), '');
  await expect(open()).rejects.toThrow(/shorter/);
});

test('the verifier’s reader replays the log, after that of the firmware, to the register', async () => {
  const log = await open();
  for (const content of ['{"image":"a"}', 'text']) await log.extend({ ...event, content });
  // Spec ID record: SHA-384 and nothing else.
  const specId = decodeHex(`${encodeHex(encodeUtf8('Spec ID Event03'))}000000000000020002010000000c00300000`);
  const firmware = concatBytes(decodeHex(`0000000003000000${'00'.repeat(20)}21000000`), specId, new Uint8Array(16));
  const system = new FakeSystem({
    'sys/firmware/acpi/tables/data/CCEL': firmware,
    'run/eventlog': readFileSync(path()),
  });
  const encoded = await ccEventLog(system, '/run/eventlog');
  const parsed = parseEventlog(decodeBase64(encoded ?? ''), 'cc');
  expect(parsed.records.map(({ index, data }) => [index, eventDetails(6, data)])).toEqual([
    [4, { string: 'domain operation {"image":"a"}', unicode_name: 'AAEL', data: expect.anything() }],
    [4, { string: 'domain operation text', unicode_name: 'AAEL', data: expect.anything() }],
  ]);
  expect(encodeHex(replay(parsed, 'sha384').get(4)?.value ?? new Uint8Array())).toBe(
    encodeHex(await registers.read(17)),
  );
});

test('the verifier’s reader replays the log of a guest whose firmware has none', async () => {
  const log = await open();
  for (const content of ['one', 'two']) await log.extend({ ...event, content });
  const system = new FakeSystem({ 'run/eventlog': readFileSync(path()) });
  const bytes = decodeBase64((await ccEventLog(system, '/run/eventlog')) ?? '');
  const parsed = parseEventlog(bytes, 'cc');
  expect(parsed.algorithms.map(({ bank }) => bank)).toEqual(['sha384']);
  expect(encodeHex(replay(parsed, 'sha384').get(4)?.value ?? new Uint8Array())).toBe(
    encodeHex(await registers.read(17)),
  );
  // Nothing but that very header is read so: not for a TPM, not with another byte in it, not with another algorithm behind it.
  expect(() => parseEventlog(bytes, 'tpm')).toThrow();
  const changed = (at: number, value: number): Uint8Array =>
    Uint8Array.from(bytes, (byte, n) => (n === at ? value : byte));
  for (const [at, value] of [
    [0, 1],
    [32, 1],
    [60, 0x0b],
    [81, 0x0b],
  ] as const) {
    expect(() => parseEventlog(changed(at, value), 'cc'), `byte ${at}`).toThrow();
  }
});
