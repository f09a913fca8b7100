import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes } from '../bytes.js';
import { decodeHex, encodeHex } from '../codec/hex.js';
import { DecodeError } from '../decode-error.js';
import { decodeOid, encodeOid } from './oid.js';
import { DerReader } from './reader.js';
import { DER_TAG } from './tag.js';
import {
  derBitString,
  derBoolean,
  derElement,
  derExplicit,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derPrintableString,
  derSequence,
  derSetOf,
  derTime,
  derUnsignedInteger,
  derUtf8String,
} from './writer.js';

const runs = { numRuns: fuzzRuns(300) };
const reader = (hex: string) => new DerReader(decodeHex(hex));

test('writes a public key that OpenSSL reads, and reads it back', () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const spki = new DerReader(publicKey.export({ type: 'spki', format: 'der' })).sequence();
  const algorithm = spki.sequence();
  expect([algorithm.oid(), algorithm.oid()]).toEqual(['1.2.840.10045.2.1', '1.3.132.0.34']);
  algorithm.end();
  const { bytes, unusedBits } = spki.bitString();
  expect(unusedBits).toBe(0);
  spki.end();
  const written = derSequence(derSequence(derOid('1.2.840.10045.2.1'), derOid('1.3.132.0.34')), derBitString(bytes));
  const read = createPublicKey({ key: Buffer.from(written), format: 'der', type: 'spki' });
  expect(read.equals(publicKey)).toBe(true);
});

test('writes an ECDSA signature that OpenSSL verifies', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const fixed = sign('sha256', Buffer.from('x'), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const written = derSequence(derUnsignedInteger(fixed.subarray(0, 32)), derUnsignedInteger(fixed.subarray(32)));
  expect(verify('sha256', Buffer.from('x'), publicKey, written)).toBe(true);
});

describe('an element ends where its parent ends, though the input goes on', () => {
  const inner = (hex: string): DerReader => {
    const outer = new DerReader(Buffer.from(hex, 'hex'));
    const reader = outer.sequence();
    expect(outer.atEnd).toBe(false);
    return reader;
  };
  test.each([
    ['content', '30030202050500', (r: DerReader) => r.any(), 'content needs 2 bytes, 1 are left (DER, offset 4)'],
    ['length', '3001020105', (r: DerReader) => r.any(), 'length needs 1 bytes, 0 are left (DER, offset 3)'],
    ['long length', '300304820105', (r: DerReader) => r.any(), 'length needs 1 bytes, 0 are left (DER, offset 5)'],
    ['tag', '30000101ff', (r: DerReader) => r.any(), 'tag needs 1 bytes, 0 are left (DER, offset 2)'],
    ['expected tag', '30000101ff', (r: DerReader) => r.boolean(), 'tag 0x01 is due, found nothing'],
    ['object identifier', '30030601550403', (r: DerReader) => [r.oid(), r.oid()], 'tag 0x06 is due, found nothing'],
  ])('%s', (_, hex, read, message) => {
    const reader = inner(hex);
    let said = '';
    try {
      read(reader);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const { format, offset, reason } = error;
      said = `${reason} (${format}, offset ${offset})`;
    }
    expect(said).toContain(message);
  });

  test('numbers and identifiers of one element', () => {
    expect(inner('300302010505').smallInteger()).toBe(5);
    expect(inner('300302010580').integer()).toBe(5n);
    // The octet behind it would make these not minimal, or longer.
    expect(inner('30030201007f').smallInteger()).toBe(0);
    expect(inner('3003060155040355').oid()).toBe('2.5');
    const reader = inner('3000020105');
    expect([reader.atEnd, reader.peekTag(), reader.optional(0x02)]).toEqual([true, undefined, undefined]);
    reader.end();
  });

  test('an element can be read again, itself or its content, and keeps its place', () => {
    const outer = new DerReader(Uint8Array.of(0x30, 5, 0x30, 3, 2, 1, 7), 40).sequence();
    const element = outer.any();
    outer.end();
    const again = outer.again(element);
    expect(again.offset).toBe(42);
    expect(again.sequence().smallInteger()).toBe(7);
    again.end();
    const inside = outer.inside(element);
    expect(inside.offset).toBe(44);
    expect(inside.smallInteger()).toBe(7);
    inside.end();
  });
});

describe('refuses what is BER but not DER', () => {
  test.each([
    ['indefinite length', '308000', (r: DerReader) => r.any(), 'indefinite length'],
    ['long form of a short length', '04810100', (r: DerReader) => r.any(), 'length is not minimal'],
    ['leading zero in a length', '0482008000', (r: DerReader) => r.any(), 'length is not minimal'],
    ['length of five octets', '04850000000001', (r: DerReader) => r.any(), 'more than four octets'],
    ['content that is cut', '0402aa', (r: DerReader) => r.any(), 'content needs 2 bytes, 1 are left'],
    ['high tag number', '1f8101', (r: DerReader) => r.any(), 'high tag number'],
    ['integer with a zero too many', '0202007f', (r: DerReader) => r.integer(), 'INTEGER is not minimal'],
    ['integer with an ff too many', '0202ff80', (r: DerReader) => r.integer(), 'INTEGER is not minimal'],
    ['empty integer', '0200', (r: DerReader) => r.integer(), 'INTEGER is empty'],
    ['negative small integer', '0201ff', (r: DerReader) => r.smallInteger(), 'out of range'],
    ['large small integer', '020820000000000000', (r: DerReader) => r.smallInteger(), 'needs 8 bytes'],
    ['small integer of eight octets', '02080080000000000000', (r: DerReader) => r.smallInteger(), 'out of range'],
    [
      'empty integer inside a sequence',
      '30050200020105',
      (r: DerReader) => r.sequence().smallInteger(),
      'INTEGER is empty',
    ],
    ['small integer above 2^53', '020720000000000001', (r: DerReader) => r.smallInteger(), 'out of range'],
    ['boolean 01', '010101', (r: DerReader) => r.boolean(), 'neither 00 nor ff'],
    ['long boolean', '0102ffff', (r: DerReader) => r.boolean(), 'neither 00 nor ff'],
    ['null with content', '050100', (r: DerReader) => r.null(), 'NULL has content'],
    ['bit string without count', '0300', (r: DerReader) => r.bitString(), 'count of unused bits'],
    ['bit string with 8 unused bits', '03020800', (r: DerReader) => r.bitString(), 'count of unused bits'],
    ['empty bit string with unused bits', '030101', (r: DerReader) => r.bitString(), 'count of unused bits'],
    ['unused bits set', '03020101', (r: DerReader) => r.bitString(), 'unused bits of BIT STRING'],
    ['empty object identifier', '0600', (r: DerReader) => r.oid(), 'is empty'],
    ['padded arc', '06032a8001', (r: DerReader) => r.oid(), 'not minimal'],
    ['unfinished arc', '06022a86', (r: DerReader) => r.oid(), 'ends inside an arc'],
    ['huge arc', `0615${'2a'}${'ff'.repeat(19)}7f`, (r: DerReader) => r.oid(), 'too large'],
    ['set out of order', '3106020102020101', (r: DerReader) => r.setOf(), 'SET OF is not in order'],
    ['two-digit year without seconds', '170b323631313231303030305a', (r: DerReader) => r.time(), 'YYMMDDHHMMSSZ'],
    [
      'time zone',
      '1711323631313231303030303030 2b30313030'.replace(' ', ''),
      (r: DerReader) => r.time(),
      'YYMMDDHHMMSSZ',
    ],
    ['31 February', '170d3236303233313030303030305a', (r: DerReader) => r.time(), 'does not exist'],
    ['hour 24', '170d3236303231303234303030305a', (r: DerReader) => r.time(), 'does not exist'],
    ['asterisk in PrintableString', '13012a', (r: DerReader) => r.text(), 'PrintableString holds'],
    ['byte above 7f in IA5String', '160180', (r: DerReader) => r.text(), 'IA5String holds'],
    ['overlong UTF-8', '0c02c080', (r: DerReader) => r.text(), 'not well-formed'],
    ['odd BMPString', '1e0100', (r: DerReader) => r.text(), 'odd length'],
    ['surrogate in BMPString', '1e02d800', (r: DerReader) => r.text(), 'surrogate'],
    ['another type', '0400', (r: DerReader) => r.integer(), 'tag 0x02 is due, found 0x04'],
    ['nothing', '', (r: DerReader) => r.integer(), 'found nothing'],
    ['primitive sequence', '1000', (r: DerReader) => r.sequence(), 'tag 0x30 is due'],
    ['trailing bytes', '050000', (r: DerReader) => [r.null(), r.end()], '1 bytes too many at offset 2'],
  ])('%s', (_, hex, read, reason) => {
    expect(() => read(reader(hex))).toThrow(reason);
    expect(() => read(reader(hex))).toThrow(DecodeError);
  });
});

test('nesting is limited', () => {
  let nested = derNull();
  for (let depth = 0; depth < 40; depth += 1) nested = derSequence(nested);
  const descend = () => {
    for (let r = new DerReader(nested); r.peekTag() === DER_TAG.sequence; ) r = r.sequence();
  };
  expect(descend).toThrow('nesting is deeper than 32');
});

test('errors of nested elements say the offset in the whole', () => {
  const outer = new DerReader(derSequence(derNull(), derElement(DER_TAG.boolean, Uint8Array.of(7)))).sequence();
  outer.null();
  expect(() => outer.boolean()).toThrow('at offset 6');
});

test('optional and explicit elements', () => {
  const inner = new DerReader(derSequence(derExplicit(0, derInteger(2)), derBoolean(true))).sequence();
  expect(inner.explicit(1)).toBeUndefined();
  expect(inner.explicit(0)?.smallInteger()).toBe(2);
  expect(inner.optional(DER_TAG.null)).toBeUndefined();
  expect(inner.boolean()).toBe(true);
  expect(inner.atEnd).toBe(true);
});

test('texts of every string type', () => {
  const texts = [
    derUtf8String('Größe'),
    derPrintableString('Intel SGX'),
    derElement(DER_TAG.ia5String, Buffer.from('a@b')),
    derElement(DER_TAG.visibleString, Buffer.from('v')),
    derElement(DER_TAG.teletexString, Uint8Array.of(0xe9)),
    derElement(DER_TAG.bmpString, Uint8Array.of(0x20, 0xac)),
  ];
  const all = new DerReader(concatBytes(...texts));
  expect(texts.map(() => all.text())).toEqual(['Größe', 'Intel SGX', 'a@b', 'v', 'é', '€']);
  expect(() => derPrintableString('a*')).toThrow(DecodeError);
});

test('property: integers, bit strings, sets and octets come back', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(1n << 300n), max: 1n << 300n }),
      fc.uint8Array(),
      fc.nat(7),
      (number, bytes, unused) => {
        expect(new DerReader(derInteger(number)).integer()).toBe(number);
        expect(new DerReader(derOctetString(bytes)).octetString()).toEqual(bytes);
        const last = bytes.length - 1;
        const masked = bytes.map((byte, index) => (index === last ? byte & (0xff << unused) : byte));
        const count = bytes.length === 0 ? 0 : unused;
        expect(new DerReader(derBitString(masked, count)).bitString()).toEqual({ unusedBits: count, bytes: masked });
      },
    ),
    runs,
  );
  fc.assert(
    fc.property(fc.array(fc.integer()), (numbers) => {
      const read = new DerReader(derSetOf(...numbers.map(derInteger))).setOf();
      const values = read.map((element) => Number(new DerReader(element.encoded).integer()));
      expect(values.sort((a, b) => a - b)).toEqual([...numbers].sort((a, b) => a - b));
    }),
    runs,
  );
});

test('property: object identifiers come back', () => {
  const rest = fc.array(fc.bigInt({ min: 0n, max: (1n << 127n) - 1n }), { maxLength: 8 });
  const oid = fc.oneof(fc.tuple(fc.constantFrom(0, 1), fc.nat(39), rest), fc.tuple(fc.constant(2), fc.nat(), rest));
  fc.assert(
    fc.property(oid, ([first, second, others]) => {
      const dotted = [first, second, ...others].join('.');
      expect(decodeOid(encodeOid(dotted))).toBe(dotted);
    }),
    runs,
  );
  expect(encodeHex(derOid('1.2.840.113741.1.13.1'))).toBe('06092a864886f84d010d01');
  for (const wrong of ['', '1', '3.1', '1.40', '1.02', '1..2', 'a.b'])
    expect(() => encodeOid(wrong)).toThrow(DecodeError);
});

test('property: times come back to the second, in the type that RFC 5280 asks for', () => {
  const range = { min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true };
  fc.assert(
    fc.property(fc.date(range), (date) => {
      const written = derTime(date);
      const year = date.getUTCFullYear();
      expect(written[0]).toBe(year >= 1950 && year < 2050 ? DER_TAG.utcTime : DER_TAG.generalizedTime);
      expect(new DerReader(written).time().getTime()).toBe(Math.floor(date.getTime() / 1000) * 1000);
    }),
    runs,
  );
});

test('fuzz: any bytes give an element that encodes the same, or DecodeError', () => {
  const walk = (r: DerReader): void => {
    while (!r.atEnd) {
      const element = r.any();
      expect(derElement(element.tag, element.content)).toEqual(Uint8Array.from(element.encoded));
      if ((element.tag & 0x20) !== 0) walk(r.inside(element));
    }
  };
  const key = Uint8Array.from(
    generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'der' }),
  );
  const mutated = fc.tuple(fc.nat({ max: key.length - 1 }), fc.nat(255)).map(([at, byte]) => key.with(at, byte));
  const readers: ((r: DerReader) => unknown)[] = [
    walk,
    (r) => r.integer(),
    (r) => r.oid(),
    (r) => r.bitString(),
    (r) => r.time(),
    (r) => r.text(),
    (r) => r.setOf(),
  ];
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), mutated), fc.constantFrom(...readers), (bytes, read) => {
      try {
        read(new DerReader(bytes));
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }),
    { numRuns: fuzzRuns(1000) },
  );
});

describe('days of the calendar', () => {
  const time = (text: string): Date => {
    const bytes = Buffer.from(text, 'latin1');
    const tag = text.length === 13 ? DER_TAG.utcTime : DER_TAG.generalizedTime;
    return new DerReader(Buffer.concat([Uint8Array.of(tag, bytes.length), bytes])).time();
  };

  test.each([
    ['240229000000Z', '2024-02-29T00:00:00.000Z'],
    ['500101000000Z', '1950-01-01T00:00:00.000Z'],
    ['491231235959Z', '2049-12-31T23:59:59.000Z'],
    ['20000229120000Z', '2000-02-29T12:00:00.000Z'],
    ['00500228010203Z', '0050-02-28T01:02:03.000Z'],
    ['00960229000000Z', '0096-02-29T00:00:00.000Z'],
    ['99991231235959Z', '9999-12-31T23:59:59.000Z'],
  ])('%s is %s', (text, expected) => {
    expect(time(text).toISOString()).toBe(expected);
  });

  test.each([
    '230229000000Z',
    '19000229000000Z',
    '240431000000Z',
    '240001000000Z',
    '241301000000Z',
    '240100000000Z',
    '240132000000Z',
    '240101240000Z',
    '240101006000Z',
    '240101000060Z',
  ])('%s does not exist', (text) => {
    expect(() => time(text)).toThrow('does not exist');
  });

  test.each(['24010100000Z', '2401010000000', '2401010000 0Z', '240101000000z', '2401010000:0Z', '2401010000/0Z'])(
    '%j is no time',
    (text) => {
      expect(() => time(text.padEnd(13, ' '))).toThrow(DecodeError);
    },
  );
});
