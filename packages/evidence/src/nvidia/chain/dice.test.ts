import { DecodeError, derElement, derInteger, derOctetString, derOid, derSequence, derUtf8String } from '@assay/bytes';
import { expect, test } from 'vitest';
import { parseCertificate } from '../../x509/index.js';
import { issueCertificate, testExtension, testKey } from '../../x509/testing/issue.js';
import { firmwareIds } from './dice.js';

const key = testKey('P-384');
const SHA384 = '2.16.840.1.101.3.4.2.2';
const COMPOSITE = '2.23.133.5.4.1';
const TCB_INFO = '2.23.133.5.4.1.1';
const [a, b] = [new Uint8Array(48).fill(1), new Uint8Array(48).fill(2)];
const fwid = (digest: Uint8Array, oid = SHA384): Uint8Array => derSequence(derOid(oid), derOctetString(digest));
const composite = (version: number, id: Uint8Array, ...more: Uint8Array[]): Uint8Array =>
  derSequence(derInteger(version), key.spki, id, ...more);
const vendor = derElement(0x80, derUtf8String('x').subarray(2));
const svn = derElement(0x83, Uint8Array.of(1));

function idsOf(...extensions: (readonly [string, Uint8Array])[]): number[][] {
  const der = issueCertificate({
    subject: 'Leaf',
    issuer: 'CA',
    key,
    signer: key,
    extensions: extensions.map(([oid, value]) => testExtension(oid, value)),
  });
  return firmwareIds(parseCertificate(der)).map((list) => list.map((digest) => digest[0] ?? 0));
}

test.each<[string, (readonly [string, Uint8Array])[], number[][]]>([
  ['no extension', [], []],
  ['another extension', [['1.2.3', composite(1, fwid(a))]], []],
  ['a CompositeDeviceID', [[COMPOSITE, composite(1, fwid(a))]], [[1]]],
  ['a TcbInfo', [[TCB_INFO, derSequence(vendor, svn, derElement(0xa6, fwid(a), fwid(b)))]], [[1, 2]]],
  ['a TcbInfo of one firmware id', [[COMPOSITE, derSequence(derElement(0xa6, fwid(b)))]], [[2]]],
  [
    'a TcbInfo with an explicit tag',
    [[COMPOSITE, derSequence(derElement(0xa6, derSequence(fwid(a), fwid(b))))]],
    [[1, 2]],
  ],
  [
    'a TcbInfo with an explicit tag, of one firmware id',
    [[COMPOSITE, derSequence(derElement(0xa6, derSequence(fwid(b))))]],
    [[2]],
  ],
  ['a TcbInfo without firmware ids', [[TCB_INFO, derSequence(vendor)]], [[]]],
  ['an empty list', [[TCB_INFO, derSequence(derElement(0xa6))]], [[]]],
  [
    'both',
    [
      [COMPOSITE, composite(1, fwid(a))],
      [TCB_INFO, derSequence(derElement(0xa6, fwid(b)))],
    ],
    [[1], [2]],
  ],
])('%s', (_, extensions, expected) => {
  expect(idsOf(...extensions)).toEqual(expected);
});

test.each<[string, Uint8Array]>([
  ['another version', composite(2, fwid(a))],
  ['something behind', Uint8Array.from([...composite(1, fwid(a)), 5, 0])],
  ['a member too many', composite(1, fwid(a), derInteger(1))],
  ['another hash', composite(1, fwid(a, '2.16.840.1.101.3.4.2.1'))],
  ['a short digest', composite(1, fwid(a.subarray(1)))],
  ['a firmware id of three members', composite(1, derSequence(derOid(SHA384), derOctetString(a), derInteger(1)))],
  ['no sequence', derInteger(1)],
  ['a list of other things', derSequence(derElement(0xa6, derInteger(1)))],
  ['too many', derSequence(derElement(0xa6, ...Array.from({ length: 65 }, () => fwid(a))))],
])('%s is refused', (_, value) => {
  expect(() => idsOf([COMPOSITE, value])).toThrow(DecodeError);
});
