import {
  concatBytes,
  decodeBase64,
  decodeHex,
  encodeHex,
  encodeUtf8,
  isJsonObject,
  type JsonValue,
} from '@assay/bytes';
import { readSnpEvidence } from '@assay/evidence/snp';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AttesterError } from '../attester-error.js';
import { FakeSystem } from '../fake-system.test.helper.js';
import { ccEventLog, logEnd } from './cc-event-log.js';
import { ccaAttester } from './cca.js';
import { gramineAttester } from './sgx.js';
import { snpAttester } from './snp.js';
import { measurementRegister, tdxAttester } from './tdx.js';

const member = (value: JsonValue, name: string): JsonValue | undefined =>
  isJsonObject(value) ? value[name] : undefined;
const text = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');

describe('TDX', () => {
  const quoting = (system: Record<string, Uint8Array | string> = {}, disturbed = false) =>
    new FakeSystem(system, {
      provider: 'tdx_guest',
      report: (inblob) => concatBytes(encodeUtf8('quote of '), inblob),
      disturbed,
    });

  test('the quote is over the report data filled to 64 bytes; no request is left behind', async () => {
    const system = quoting();
    const evidence = await (await tdxAttester(system)).getEvidence(Uint8Array.of(1, 2));
    const quote = decodeBase64(text(member(evidence, 'quote')));
    expect(encodeHex(quote)).toBe(
      encodeHex(concatBytes(encodeUtf8('quote of '), Uint8Array.of(1, 2), new Uint8Array(62))),
    );
    expect(member(evidence, 'cc_eventlog')).toBeNull();
    expect([system.folders.size, system.files.size]).toEqual([0, 0]);
  });

  test('report data of 64 bytes is the most: more is refused, not cut', async () => {
    const attester = await tdxAttester(quoting());
    await attester.getEvidence(new Uint8Array(64));
    await expect(attester.getEvidence(new Uint8Array(65))).rejects.toThrow(AttesterError);
  });

  test('a request that another writer changed is no evidence', async () => {
    const system = quoting({}, true);
    await expect((await tdxAttester(system)).getEvidence(new Uint8Array(64))).rejects.toThrow(/another writer/);
    expect(system.folders.size).toBe(0);
  });

  test('another provider, an empty report and no configfs are told apart', async () => {
    const other = new FakeSystem({}, { provider: 'sev_guest', report: () => Uint8Array.of(1) });
    await expect((await tdxAttester(other)).getEvidence(new Uint8Array(64))).rejects.toThrow(
      /provider is not tdx_guest/,
    );
    const empty = new FakeSystem({}, { provider: 'tdx_guest', report: () => new Uint8Array() });
    await expect((await tdxAttester(empty)).getEvidence(new Uint8Array(64))).rejects.toThrow(/empty/);
    await expect((await tdxAttester(new FakeSystem())).getEvidence(new Uint8Array(64))).rejects.toThrow(
      /no report entry/,
    );
  });

  const folder = 'sys/devices/virtual/misc/tdx_guest/measurements';
  const rtmrs = Object.fromEntries([0, 1, 2, 3].map((n) => [`${folder}/rtmr${n}:sha384`, new Uint8Array(48).fill(n)]));

  test('RTMRs are there where the kernel shows them, and a PCR finds its own', async () => {
    expect((await tdxAttester(quoting())).registers).toBeUndefined();
    const system = quoting(rtmrs);
    const { registers } = await tdxAttester(system);
    if (registers === undefined) throw new Error('no registers');
    expect(registers.algorithm).toBe('sha384');
    expect(await registers.read(17)).toEqual(Buffer.alloc(48, 3));
    expect(await registers.read(2)).toEqual(Buffer.alloc(48, 1));
    await registers.extend(8, new Uint8Array(48).fill(9));
    expect(system.files.get(`${folder}/rtmr2:sha384`)).toEqual(new Uint8Array(48).fill(9));
    await expect(registers.extend(8, new Uint8Array(32))).rejects.toThrow(AttesterError);
    system.files.set(`${folder}/rtmr3:sha384`, new Uint8Array(32));
    await expect(registers.read(17)).rejects.toThrow(AttesterError);
  });

  test('PCRs map to registers as the firmware maps them', () => {
    const map = Array.from({ length: 24 }, (_, pcr) => measurementRegister(pcr));
    expect(map).toEqual([4, 1, 2, 2, 2, 2, 2, 1, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4]);
  });

  test('MRCONFIGID is the kernel’s; without its file that of an own quote of version 4', async () => {
    const file = { [`${folder}/mrconfigid`]: new Uint8Array(48).fill(5) };
    expect(await (await tdxAttester(quoting(file))).initDataField?.()).toEqual(Buffer.alloc(48, 5));
    const quote = new Uint8Array(700);
    quote[0] = 4;
    quote.fill(6, 232, 280);
    const old = (bytes: Uint8Array) => new FakeSystem({}, { provider: 'tdx_guest', report: () => bytes });
    expect(await (await tdxAttester(old(quote))).initDataField?.()).toEqual(new Uint8Array(48).fill(6));
    quote[0] = 5;
    await expect((await tdxAttester(old(quote))).initDataField?.()).rejects.toThrow(/version 5/);
    await expect((await tdxAttester(old(Uint8Array.of(4, 0)))).initDataField?.()).rejects.toThrow(AttesterError);
    const short = { [`${folder}/mrconfigid`]: new Uint8Array(47) };
    await expect((await tdxAttester(quoting(short))).initDataField?.()).rejects.toThrow(AttesterError);
  });
});

describe('the event log of evidence', () => {
  const log = 'sys/firmware/acpi/tables/data/CCEL';
  const agentLog = 'run/attestation-agent/eventlog';
  const u32 = (value: number): Uint8Array => Uint8Array.of(value & 255, (value >> 8) & 255, value >> 16, 0);
  const header = concatBytes(u32(1), u32(3), new Uint8Array(20), u32(4), new Uint8Array(4));
  /** An entry whose digest and data look like ends of a log. */
  const entry = concatBytes(
    u32(1),
    u32(4),
    u32(1),
    Uint8Array.of(0x0c, 0),
    new Uint8Array(48).fill(0xff),
    u32(16),
    new Uint8Array(16),
  );
  const end = new Uint8Array(8).fill(0xff);
  const read = async (files: Record<string, Uint8Array>, path?: string): Promise<string | null> => {
    const encoded = await ccEventLog(new FakeSystem(files), path);
    return encoded === null ? null : encodeHex(decodeBase64(encoded));
  };

  test('is the firmware’s up to its end, then the agent’s, then an end', async () => {
    const agent = encodeUtf8('agent');
    for (const filler of [0xff, 0x00]) {
      const table = concatBytes(header, entry, entry, new Uint8Array(64).fill(filler));
      expect(await read({ [log]: table, [agentLog]: agent })).toBe(
        encodeHex(concatBytes(header, entry, entry, agent, end)),
      );
    }
    expect(await read({ [log]: concatBytes(header, entry) })).toBe(encodeHex(concatBytes(header, entry, end)));
  });

  test('is null without any log, and has a header of its own without the firmware’s', async () => {
    expect(await read({})).toBeNull();
    const expected = `0000000003000000${'00'.repeat(20)}25000000${'00'.repeat(24)}020000000c0030001200200000`;
    expect(expected).toHaveLength(138);
    expect(await read({ [agentLog]: encodeUtf8('agent') })).toBe(
      expected + encodeHex(encodeUtf8('agent')) + 'ff'.repeat(8),
    );
    expect(await read({ 'other/place': encodeUtf8('agent') }, '/other/place')).toContain(
      encodeHex(encodeUtf8('agent')),
    );
  });

  test('fuzz: any log ends somewhere inside it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const log = concatBytes(header, bytes);
        const at = logEnd(log);
        expect(at >= 0 && at <= log.length).toBe(true);
      }),
      { numRuns: fuzzRuns(300) },
    );
  });

  test('a log that cannot be walked is taken whole: the verifier judges it', () => {
    for (const odd of [new Uint8Array(), header.subarray(0, 30), concatBytes(header, entry.subarray(0, 40))])
      expect(logEnd(odd)).toBe(odd.length);
    const unknown = concatBytes(header, u32(1), u32(4), u32(1), Uint8Array.of(0x99, 0), new Uint8Array(90));
    expect(logEnd(unknown)).toBe(unknown.length);
    const many = concatBytes(header, u32(1), u32(4), u32(9), new Uint8Array(600));
    expect(logEnd(many)).toBe(many.length);
  });
});

describe('SNP', () => {
  /** A report in which every byte tells its place, as far as numbers allow. */
  const report = (version: number, family: number): Uint8Array => {
    const bytes = Uint8Array.from({ length: 1184 }, (_, at) => (at * 7) & 0xff);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, version, true);
    view.setUint32(0x34, 1, true);
    // policy, platform information and mitigation vectors: numbers that JSON can hold.
    for (const at of [8, 0x40, 0x1f8, 0x200]) view.setBigUint64(at, BigInt(at + 0x30000), true);
    bytes.set([family, 1, 1], 0x188);
    for (const [at, length] of [
      [0x4c, 4],
      [0x18b, 21],
      [0x1eb, 1],
      [0x1ef, 1],
      [0x208, 0x98],
    ] as const)
      bytes.fill(0, at, at + length);
    for (const at of [0x38, 0x180, 0x1e0, 0x1f0])
      bytes.fill(0, family === 0x1a ? at + 4 : at + 2, family === 0x1a ? at + 7 : at + 6);
    bytes.fill(0, 0x2a0 + 144);
    return bytes;
  };
  const attest = (bytes: Uint8Array, certificates?: Uint8Array) =>
    snpAttester(
      new FakeSystem(
        {},
        { provider: 'sev_guest', report: () => bytes, ...(certificates === undefined ? {} : { certificates }) },
      ),
    );

  test.each([
    [2, 0x19],
    [3, 0x19],
    [5, 0x19],
    [5, 0x1a],
  ])('the JSON of a report of version %d, family %d, is read back to its bytes', async (version, family) => {
    const bytes = report(version, family);
    if (version < 5) bytes.fill(0, 0x1f8, 0x208);
    if (version < 3) bytes.fill(0, 0x188, 0x18b);
    const evidence = await attest(bytes).getEvidence(new Uint8Array(64));
    expect(member(evidence, 'cert_chain')).toBeNull();
    const read = readSnpEvidence(evidence);
    expect(encodeHex(reportOf(read))).toBe(encodeHex(bytes));
  });

  test('HOSTDATA stands at its place; reports of another length are none', async () => {
    const bytes = report(3, 0x19);
    expect(await attest(bytes).initDataField?.()).toEqual(bytes.subarray(0xc0, 0xe0));
    await expect(attest(bytes.subarray(1)).getEvidence(new Uint8Array(64))).rejects.toThrow(/1183 bytes/);
    bytes.fill(0xff, 8, 16);
    await expect(attest(bytes).getEvidence(new Uint8Array(64))).rejects.toThrow(/no exact JSON/);
  });

  test('certificates of the host’s table are named, in both byte orders of a GUID', async () => {
    const u32 = (value: number): string => Buffer.from(Uint32Array.of(value).buffer).toString('hex');
    const row = (id: string, at: number, length: number): string => id + u32(at) + u32(length);
    const head = 24 * 4;
    const table = (rows: readonly string[]): Uint8Array => decodeHex(`${rows.join('')}${'00'.repeat(24)}616263`);
    const rows = [
      row('8d75da6364e66445adc5f4b93be8accd', head, 1),
      row('4ab7b379bbac4fe4a02f05aef327c782', head + 1, 1),
      row('000102030405060708090a0b0c0d0e0f', head + 2, 1),
    ];
    const evidence = await attest(report(3, 0x19), table(rows)).getEvidence(new Uint8Array(64));
    expect(member(evidence, 'cert_chain')).toEqual([
      { cert_type: 'VCEK', data: [0x61] },
      { cert_type: 'ASK', data: [0x62] },
      { cert_type: { OTHER: '03020100-0504-0706-0809-0a0b0c0d0e0f' }, data: [0x63] },
    ]);
    for (const wrong of [
      row('8d75da6364e66445adc5f4b93be8accd', 4, 1),
      row('8d75da6364e66445adc5f4b93be8accd', head, 9),
    ])
      await expect(attest(report(3, 0x19), table([wrong])).getEvidence(new Uint8Array(64))).rejects.toThrow();
    await expect(attest(report(3, 0x19), decodeHex('01'.repeat(24))).getEvidence(new Uint8Array(64))).rejects.toThrow();
    expect(
      member(await attest(report(3, 0x19), new Uint8Array(24)).getEvidence(new Uint8Array(64)), 'cert_chain'),
    ).toBeNull();
  });
});

function reportOf(read: unknown): Uint8Array {
  const found = Object.values(read as object).find((value) => value instanceof Uint8Array && value.length === 1184);
  if (!(found instanceof Uint8Array)) throw new Error('no report');
  return found;
}

test('CCA: the token as numbers', async () => {
  const system = new FakeSystem({}, { provider: 'arm_cca_guest', report: (inblob) => inblob.subarray(0, 3) });
  expect(await ccaAttester(system).getEvidence(Uint8Array.of(7))).toEqual({ token: [7, 0, 0] });
});

test('Gramine: requests take turns, each gets the quote of its own report data', async () => {
  const folder = 'dev/attestation';
  const system = new FakeSystem({ [`${folder}/user_report_data`]: '', [`${folder}/quote`]: '' });
  system.onWrite = (path, bytes) => {
    if (path.endsWith('user_report_data')) system.files.set(`${folder}/quote`, bytes.subarray(0, 2));
  };
  const attester = gramineAttester(system);
  const evidence = await Promise.all([1, 2, 3].map((n) => attester.getEvidence(Uint8Array.of(n))));
  expect(evidence).toEqual([1, 2, 3].map((n) => ({ quote: Buffer.from([n, 0]).toString('base64') })));
  await expect(attester.getEvidence(new Uint8Array(65))).rejects.toThrow(AttesterError);
  // One that failed holds up nobody.
  expect(await attester.getEvidence(Uint8Array.of(9))).toEqual({ quote: 'CQA=' });
});
