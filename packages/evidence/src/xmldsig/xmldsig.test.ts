import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DecodeError } from '@assay/bytes';
import { fuzzRuns, vectorsArea } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { verifyManifest } from '../nvidia/rim/manifest.js';
import { parseCertificates } from '../x509/index.js';
import { canonicalise } from './canonical.js';
import { attributeOf, childElements, isElement, parseXml, textOf, type XmlElement } from './reader.js';
import { verifyXmlSignature } from './verify.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const canonical = (text: string): string => new TextDecoder().decode(canonicalise(parseXml(bytes(text))));
const child = (element: XmlElement, at = 0): XmlElement => element.children.filter(isElement)[at] as XmlElement;

describe('reading', () => {
  test('elements, attributes, namespaces, references', () => {
    const root = parseXml(
      bytes(
        '<?xml version="1.0" encoding="UTF-8"?>\n<a xmlns="urn:d" xmlns:p="urn:p" p:x="1" y=\'&lt;&#65;&#x42;&quot;\'>t&amp;u<p:b/></a>\n',
      ),
    );
    expect(root).toMatchObject({ prefix: '', local: 'a', namespace: 'urn:d' });
    expect(attributeOf(root, 'x', 'urn:p')).toBe('1');
    expect(attributeOf(root, 'x')).toBeUndefined();
    expect(attributeOf(root, 'y')).toBe('<AB"');
    expect(root.children[0]).toBe('t&u');
    expect(child(root)).toMatchObject({ prefix: 'p', local: 'b', namespace: 'urn:p', children: [] });
    expect(() => textOf(root)).toThrow(DecodeError);
  });

  test('ends of lines are one character, white space in values a blank', () => {
    const root = parseXml(bytes('<a b="1\r\n2\t3&#10;4">x\r\ny\rz</a>'));
    expect(attributeOf(root, 'b')).toBe('1 2 3\n4');
    expect(textOf(root)).toBe('x\ny\nz');
  });

  test.each<[string, string]>([
    ['nothing', ''],
    ['text alone', 'x'],
    ['text behind the root', '<a/>x'],
    ['two roots', '<a/><b/>'],
    ['a comment', '<a><!-- x --></a>'],
    ['a comment before the root', '<!-- x --><a/>'],
    ['a CDATA section', '<a><![CDATA[x]]></a>'],
    ['the end of a CDATA section', '<a>x]]>y</a>'],
    ['an instruction', '<a><?x y?></a>'],
    ['a document type', '<!DOCTYPE a><a/>'],
    ['another version', '<?xml version="1.1"?><a/>'],
    ['another encoding', '<?xml version="1.0" encoding="UTF-16"?><a/>'],
    ['an element that does not end', '<a><b></a>'],
    ['an end tag of another element', '<a></b>'],
    ['an end tag of another prefix', '<p:a xmlns:p="urn:p" xmlns:q="urn:p"></q:a>'],
    ['an element cut', '<a><b/'],
    ['an element without end tag', '<a>x'],
    ['an attribute twice', '<a x="1" x="2"/>'],
    ['an attribute twice under two prefixes', '<a xmlns:p="urn:n" xmlns:q="urn:n" p:x="1" q:x="2"/>'],
    ['an attribute without value', '<a x/>'],
    ['an attribute without quotes', '<a x=1/>'],
    ['an attribute in other quotes', '<a x=1b1/>'],
    ['another sign than =', '<a x;"1"/>'],
    ['an end tag that ends otherwise', '<a></a;'],
    ['a prefix without a name', '<p: xmlns:p="urn:p"/>'],
    ['a value that does not end', '<a x="1/>'],
    ['a value with <', '<a x="<"/>'],
    ['attributes without white space', '<a x="1"y="2"/>'],
    ['an unknown entity', '<a>&nbsp;</a>'],
    ['an entity without end', '<a>&amp</a>'],
    ['a bare ampersand', '<a>x & y</a>'],
    ['a reference to no character', '<a>&#0;</a>'],
    ['a reference to a surrogate', '<a>&#xd800;</a>'],
    ['a reference beyond Unicode', '<a>&#x110000;</a>'],
    ['a control character', '<a>\u0001</a>'],
    ['a character that is none', '<a>\uffff</a>'],
    ['an unknown prefix', '<p:a/>'],
    ['an unknown prefix of an attribute', '<a p:x="1"/>'],
    ['a namespace declared twice', '<a xmlns:p="urn:1" xmlns:p="urn:2"/>'],
    ['a prefix without namespace', '<a xmlns:p=""/>'],
    ['the prefix xmlns', '<a xmlns:xmlns="urn:x"/>'],
    ['the prefix xml for another namespace', '<a xmlns:xml="urn:x"/>'],
    ['another prefix for the xml namespace', '<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>'],
    ['the namespace of declarations', '<a xmlns="http://www.w3.org/2000/xmlns/"/>'],
    ['a name without a prefix before its colon', '<:b/>'],
    ['two colons', '<a:b:c xmlns:a="urn:a"/>'],
    ['too deep', `${'<a>'.repeat(33)}${'</a>'.repeat(33)}`],
    ['too many elements', `<a>${'<b/>'.repeat(8192)}</a>`],
    ['too many attributes', `<a ${Array.from({ length: 65 }, (_, n) => `x${n}=""`).join(' ')}/>`],
    ['too large', `<a>${'x'.repeat(1024 * 1024)}</a>`],
  ])('%s is refused', (_, text) => {
    expect(() => parseXml(bytes(text))).toThrow(DecodeError);
  });

  test.each<[string, string]>([
    ['comment, CDATA section', '<a><!-- x --></a>'],
    ['comment, CDATA section', '<a><?x y?></a>'],
    ['value does not end', '<a x="1/>'],
    ['element does not end', '<a>x'],
  ])('%s is said of what is refused', (words, text) => {
    expect(() => parseXml(bytes(text))).toThrow(words);
  });

  test('text among elements is refused where elements alone belong', () => {
    const root = parseXml(bytes('<a>\n <b/> <c/></a>'));
    expect(childElements(root)).toHaveLength(2);
    expect(() => childElements(parseXml(bytes('<a><b/>x</a>')))).toThrow('text among the elements of a');
  });

  test('bytes that are no UTF-8 are refused', () => {
    expect(() => parseXml(Uint8Array.of(0x3c, 0x61, 0x3e, 0xff))).toThrow(DecodeError);
  });
});

describe('canonical form', () => {
  test.each<[string, string, string]>([
    ['empty elements have end tags', '<a/>', '<a></a>'],
    ['white space in tags goes', '<a  x = "1"  ></a >', '<a x="1"></a>'],
    ['white space between elements stays', '<a>\n <b/>\n</a>', '<a>\n <b></b>\n</a>'],
    ['the declaration and what surrounds the root goes', '<?xml version="1.0"?>\n<a/>\n', '<a></a>'],
    ['quotes are double', "<a x='\"'/>", '<a x="&quot;"></a>'],
    [
      'attributes in order of namespace and name',
      '<a xmlns:p="urn:1" xmlns:q="urn:0" z="1" p:b="2" q:c="3" a="4"/>',
      '<a xmlns:p="urn:1" xmlns:q="urn:0" a="4" z="1" q:c="3" p:b="2"></a>',
    ],
    [
      'namespaces in order of prefix, the default first',
      '<a xmlns:z="urn:z" xmlns:b="urn:b" xmlns="urn:d"/>',
      '<a xmlns="urn:d" xmlns:b="urn:b" xmlns:z="urn:z"></a>',
    ],
    [
      'what is declared again is not written again',
      '<a xmlns:p="urn:p"><b xmlns:p="urn:p"/></a>',
      '<a xmlns:p="urn:p"><b></b></a>',
    ],
    [
      'what is declared otherwise is',
      '<a xmlns="urn:1"><b xmlns="urn:2"><c xmlns=""/></b></a>',
      '<a xmlns="urn:1"><b xmlns="urn:2"><c xmlns=""></c></b></a>',
    ],
    ['an empty default namespace alone is not', '<a xmlns=""/>', '<a></a>'],
    ['escapes in text', '<a>&lt;&gt;&amp;"\'&#13;&#9;</a>', '<a>&lt;&gt;&amp;"\'&#xD;\t</a>'],
    ['escapes in values', '<a x="&lt;>&amp;&#13;&#9;&#10;\'"/>', '<a x="&lt;>&amp;&#xD;&#x9;&#xA;\'"></a>'],
  ])('%s', (_, text, expected) => {
    expect(canonical(text)).toBe(expected);
  });

  test('an element alone brings the namespaces in scope, language and space', () => {
    const root = parseXml(
      bytes(
        '<a xmlns="urn:d" xmlns:p="urn:p" xml:lang="en" xml:space="preserve"><m xml:lang="fr"><p:b xml:id="i"/></m></a>',
      ),
    );
    const [middle] = [child(root)];
    const text = new TextDecoder().decode(canonicalise(child(middle), [root, middle]));
    expect(text).toBe('<p:b xmlns="urn:d" xmlns:p="urn:p" xml:id="i" xml:lang="fr" xml:space="preserve"></p:b>');
    expect(new TextDecoder().decode(canonicalise(root, [], middle))).toBe(
      '<a xmlns="urn:d" xmlns:p="urn:p" xml:lang="en" xml:space="preserve"></a>',
    );
  });

  test('an element keeps its own language', () => {
    const root = parseXml(bytes('<a xml:lang="en"><b xml:lang="de"/></a>'));
    expect(new TextDecoder().decode(canonicalise(child(root), [root]))).toBe('<b xml:lang="de"></b>');
  });

  test('a base above is refused', () => {
    const root = parseXml(bytes('<a xml:base="http://x"><b/></a>'));
    expect(() => canonicalise(child(root), [root])).toThrow(DecodeError);
  });
});

const folder = vectorsArea('supply-chain');

describe.skipIf(folder === undefined)('published reference manifests', () => {
  const family = join(folder ?? '', 'swid-signature');
  const names = folder === undefined ? [] : readdirSync(family);
  test('there are some', () => expect(names.length).toBeGreaterThan(5));

  test.each(names)('%s', (name) => {
    const entry = JSON.parse(readFileSync(join(family, name, 'case.json'), 'utf8')) as {
      file: string;
      root: string;
      verification_time: string;
      expected: string;
    };
    const read = (file: string): Uint8Array => new Uint8Array(readFileSync(join(family, name, file)));
    const anchors = parseCertificates(read(entry.root)).map(({ publicKey }) => ({
      name: 'given',
      publicKey: publicKey.der,
    }));
    const at = new Date(entry.verification_time);
    const { findings, manifest } = verifyManifest(read(entry.file), name, anchors, at, 'the test');
    expect(manifest === undefined ? 'fail' : 'pass').toBe(entry.expected);
    const failed = findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
    expect(failed).toEqual(manifest === undefined ? ['nvidia.rim.signature'] : []);
  });

  test('fuzz: a changed manifest is refused, or changed where nothing is said', () => {
    const [name = ''] = names.filter((one) => one.startsWith('valid'));
    const original = new Uint8Array(readFileSync(join(family, name, 'rim.swidtag')));
    const whole = verifyXmlSignature(original);
    fc.assert(
      fc.property(fc.nat(original.length - 1), fc.integer({ min: 1, max: 255 }), (at, difference) => {
        const changed = Uint8Array.from(original);
        changed[at] = (changed[at] ?? 0) ^ difference;
        try {
          // White space inside tags and base64 is no part of what is signed.
          expect(canonicalise(verifyXmlSignature(changed).root)).toEqual(canonicalise(whole.root));
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: fuzzRuns(200) },
    );
  });
});
