import { createHash } from 'node:crypto';
import { encodeHex } from '@assay/bytes';
import {
  type EnclavePage,
  encodeSgxs,
  isDebugEnclave,
  mayDebug,
  measureEnclave,
  measureSgxs,
  PAGE_ACCESS,
  PAGE_KIND,
  readSigstruct,
} from '@assay/evidence/sgx';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emulatedEnclave, enclaveSigningKey, encodeSigstruct, type SigstructFields } from './enclave.js';
import { SGX_FLAG } from './sgx-report.js';

const key = enclaveSigningKey();
const enclave = emulatedEnclave('one', key);
const failing = (bytes: Uint8Array): readonly string[] =>
  readSigstruct(bytes)
    .findings.filter(({ outcome }) => outcome === 'fail')
    .map(({ id }) => id);
const altered = (bytes: Uint8Array, at: number, value?: number): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[at] = value ?? (copy[at] ?? 0) ^ 1;
  return copy;
};
const made = (fields: Partial<SigstructFields>): Uint8Array =>
  encodeSigstruct({ enclaveHash: enclave.mrEnclave, ...fields }, key);

describe('a SIGSTRUCT', () => {
  test('is read, and checked whole', () => {
    const { findings, authentic } = readSigstruct(made({ isvProdId: 7, isvSvn: 300, vendor: 0x8086 }));
    expect(findings.map(({ outcome }) => outcome)).toEqual(Array(8).fill('pass'));
    expect(authentic).toMatchObject({ date: '2026-01-02', exponent: 3, isvProdId: 7, isvSvn: 300 });
    expect(encodeHex(authentic?.vendor ?? new Uint8Array())).toBe('86800000');
    expect(authentic?.enclaveHash).toEqual(enclave.mrEnclave);
    const modulus = Buffer.from(key.export({ format: 'jwk' }).n ?? '', 'base64url').reverse();
    expect(encodeHex(authentic?.mrSigner ?? new Uint8Array())).toBe(createHash('sha256').update(modulus).digest('hex'));
  });

  test.each<[string, Uint8Array, readonly string[]]>([
    ['too short', enclave.sigstruct.subarray(1), ['sgx.sigstruct.length']],
    ['too long', Uint8Array.from([...enclave.sigstruct, 0]), ['sgx.sigstruct.length']],
    ['another header, signed', made({ header: new Uint8Array(16) }), ['sgx.sigstruct.header']],
    ['another second header, signed', made({ header2: new Uint8Array(16) }), ['sgx.sigstruct.header']],
    ['another exponent', made({ exponent: 65537 }), ['sgx.sigstruct.exponent']],
    ['reserved bytes that are not signed', altered(enclave.sigstruct, 1030), ['sgx.sigstruct.header']],
    [
      'reserved bytes that are signed',
      altered(enclave.sigstruct, 50),
      ['sgx.sigstruct.header', 'sgx.sigstruct.signature'],
    ],
    ['another vendor', altered(enclave.sigstruct, 16), ['sgx.sigstruct.signature']],
    ['another measurement', altered(enclave.sigstruct, 960), ['sgx.sigstruct.signature']],
    ['another version', altered(enclave.sigstruct, 1026), ['sgx.sigstruct.signature']],
    ['another Q1', altered(enclave.sigstruct, 1040), ['sgx.sigstruct.q1']],
    ['another Q2', altered(enclave.sigstruct, 1424), ['sgx.sigstruct.q2']],
    [
      'another signature',
      // A change of its lowest bytes may leave both quotients as they are.
      altered(enclave.sigstruct, 716),
      ['sgx.sigstruct.signature', 'sgx.sigstruct.q1', 'sgx.sigstruct.q2'],
    ],
    [
      'a signature not smaller than the modulus',
      Uint8Array.from([
        ...enclave.sigstruct.subarray(0, 516),
        ...new Uint8Array(384).fill(255),
        ...enclave.sigstruct.subarray(900),
      ]),
      ['sgx.sigstruct.signature', 'sgx.sigstruct.q1', 'sgx.sigstruct.q2'],
    ],
    [
      'a modulus of zero',
      Uint8Array.from([
        ...enclave.sigstruct.subarray(0, 128),
        ...new Uint8Array(384),
        ...enclave.sigstruct.subarray(512),
      ]),
      ['sgx.sigstruct.signature', 'sgx.sigstruct.q1', 'sgx.sigstruct.q2'],
    ],
    [
      'a modulus that is shorter',
      altered(enclave.sigstruct, 511, 0),
      ['sgx.sigstruct.signature', 'sgx.sigstruct.q1', 'sgx.sigstruct.q2'],
    ],
  ])('with %s is refused', (_, bytes, reasons) => {
    expect(failing(bytes)).toEqual(reasons);
    expect(readSigstruct(bytes).authentic).toBeUndefined();
  });

  test('says whether its enclave may be opened by a debugger', () => {
    const debug = SGX_FLAG.mode64bit | SGX_FLAG.debug;
    const of = (fields: Partial<SigstructFields>) => {
      const { sigstruct } = readSigstruct(made(fields));
      if (sigstruct === undefined) throw new Error('not read');
      return [mayDebug(sigstruct), isDebugEnclave(sigstruct)];
    };
    expect(of({})).toEqual([false, false]);
    expect(of({ attributesMask: 0xffff_ffff_ffff_fffdn })).toEqual([true, false]);
    expect(of({ attributes: debug })).toEqual([true, true]);
  });

  test('fuzz: whatever 1808 bytes hold, reading does not throw', () => {
    const at = fc.nat({ max: 1807 });
    fc.assert(
      fc.property(fc.array(fc.tuple(at, fc.nat(255)), { maxLength: 40 }), (changes) => {
        const bytes = Uint8Array.from(enclave.sigstruct);
        for (const [index, value] of changes) bytes[index] = value;
        const { authentic } = readSigstruct(bytes);
        expect(authentic !== undefined).toBe(Buffer.compare(bytes, enclave.sigstruct) === 0);
      }),
      { numRuns: fuzzRuns(100) },
    );
  });
});

describe('a load', () => {
  test('is compared with what was signed', () => {
    expect(measureEnclave(enclave).authentic?.enclaveHash).toEqual(enclave.mrEnclave);
    const other = emulatedEnclave('two', key);
    const wrong = measureEnclave({ sgxs: other.sgxs, sigstruct: enclave.sigstruct });
    expect(wrong.authentic).toBeUndefined();
    expect(wrong.findings.at(-1)).toMatchObject({ id: 'sgx.enclave.measurement', outcome: 'fail' });
    const cut = measureEnclave({ sgxs: enclave.sgxs, sigstruct: new Uint8Array(3) });
    expect([cut.authentic, cut.mrEnclave]).toEqual([undefined, enclave.mrEnclave]);
  });

  const page = (offset: bigint, measured?: boolean): EnclavePage => ({
    offset,
    flags: PAGE_ACCESS.read | PAGE_KIND.regular,
    data: new Uint8Array(4096).fill(Number(offset >> 12n) + 1),
    ...(measured === undefined ? {} : { measured }),
  });
  const stream = (pages: readonly EnclavePage[], size = 0x10000n): Uint8Array =>
    encodeSgxs({ size, ssaFrameSize: 1, pages });

  test('is the hash of its records; chunks that are not measured leave it as it is', () => {
    const bytes = stream([page(0n), page(0x1000n)]);
    expect(measureSgxs(bytes)).toEqual({
      mrEnclave: Uint8Array.from(createHash('sha256').update(bytes).digest()),
      size: 0x10000n,
      ssaFrameSize: 1,
      pages: 2,
    });
    const quiet = stream([page(0n), page(0x1000n, false)]);
    const records = quiet.subarray(0, 64 + 64 + 16 * 320 + 64);
    expect(measureSgxs(quiet).mrEnclave).toEqual(Uint8Array.from(createHash('sha256').update(records).digest()));
  });

  const good = stream([page(0n)]);
  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['half a record', good.subarray(0, 100)],
    ['half a chunk', good.subarray(0, good.length - 1)],
    ['no ECREATE', good.subarray(64)],
    ['two ECREATEs', Uint8Array.from([...good.subarray(0, 64), ...good])],
    ['an unknown record', altered(good, 64)],
    ['a size that is no power of two', stream([page(0n)], 0x11000n)],
    ['no size', stream([], 0n)],
    ['reserved bytes in ECREATE', altered(good, 40)],
    ['reserved bytes in EADD', altered(good, 64 + 40)],
    ['reserved bytes in EEXTEND', altered(good, 128 + 40)],
    ['a page beyond the enclave', stream([page(0x10000n)])],
    ['a page beside the grid', stream([page(0x800n)])],
    ['a page twice', stream([page(0n), page(0n)])],
    ['a chunk beside the grid', altered(good, 128 + 8, 1)],
    ['a chunk of another page', altered(good, 128 + 9, 0x10)],
    ['a chunk before the page', altered(stream([page(0x1000n)]), 128 + 9, 0)],
    ['a chunk without a page', Uint8Array.from([...good.subarray(0, 64), ...good.subarray(128)])],
  ])('with %s is refused', (_, bytes) => {
    expect(() => measureSgxs(bytes)).toThrow(/SGXS/);
  });

  test('has whole pages', () => {
    expect(() => stream([{ ...page(0n), data: new Uint8Array(5) }])).toThrow(RangeError);
  });

  test('fuzz: a stream is measured, or refused as one', () => {
    const bit = fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat(255));
    fc.assert(
      fc.property(fc.array(bit, { maxLength: 8 }), fc.nat({ max: good.length }), (changes, length) => {
        const bytes = Uint8Array.from(good.subarray(0, length));
        for (const [index, value] of changes) if (index < length) bytes[index] = value;
        try {
          expect(measureSgxs(bytes).mrEnclave).toHaveLength(32);
        } catch (error) {
          expect(error).toMatchObject({ name: 'DecodeError' });
        }
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});
