/**
 * A strict reader of the XML that signed documents need (XML 1.0, Namespaces in XML 1.0): elements, attributes, text.
 *
 * Document types, entities of one's own, processing instructions, comments and CDATA sections are refused: each has been a way
 * to make two readers of one document see different things.
 */
import { DecodeError, decodeUtf8 } from '@assay/bytes';

export interface XmlAttribute {
  readonly prefix: string;
  readonly local: string;
  /** Empty without a prefix. */
  readonly namespace: string;
  readonly value: string;
}

export interface XmlElement {
  readonly prefix: string;
  readonly local: string;
  readonly namespace: string;
  readonly attributes: readonly XmlAttribute[];
  /** Namespaces in scope, the element's own included; the prefix of the default one is the empty text. */
  readonly scope: ReadonlyMap<string, string>;
  readonly children: readonly (XmlElement | string)[];
}

const FORMAT = 'XML';
const LARGEST = 1024 * 1024;
const DEEPEST = 32;
const MOST_ELEMENTS = 8192;
const MOST_ATTRIBUTES = 64;

export const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace';
const XMLNS_NAMESPACE = 'http://www.w3.org/2000/xmlns/';

/** Names without colons, of the letters that all documents read here use. */
const NAME = /[A-Za-z_][A-Za-z0-9_.-]{0,127}/y;
const SPACE = /[ \t\n]*/y;
const DECLARATION =
  /<\?xml version=(["'])1\.0\1(?: encoding=(["'])[Uu][Tt][Ff]-8\2)?(?: standalone=(["'])(?:yes|no)\3)? ?\?>/y;
/** Characters that XML 1.0 leaves out (section 2.2); lone surrogates do not come out of UTF-8. */
const NO_CHARACTER = /[^\t\n\r\u0020-\ufffd\u{10000}-\u{10ffff}]/u;
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** Reads a document. @returns its root element @throws DecodeError */
export function parseXml(bytes: Uint8Array): XmlElement {
  if (bytes.length > LARGEST) throw new DecodeError(FORMAT, `${bytes.length} bytes are too many`);
  const text = decodeUtf8(bytes).replace(/\r\n?/g, '\n');
  const bad = text.search(NO_CHARACTER);
  if (bad >= 0) throw new DecodeError(FORMAT, 'character that no document may hold', bad);
  return new Reader(text).document();
}

export function isElement(node: XmlElement | string): node is XmlElement {
  return typeof node !== 'string';
}

/** Child elements; text between them must be white space. @throws DecodeError */
export function childElements(element: XmlElement): readonly XmlElement[] {
  const stray = element.children.find((child) => !isElement(child) && /[^ \t\n\r]/.test(child));
  if (stray !== undefined) throw new DecodeError(FORMAT, `text among the elements of ${element.local}`);
  return element.children.filter(isElement);
}

/** Text of an element that has no child elements. @throws DecodeError */
export function textOf(element: XmlElement): string {
  return element.children
    .map((child) => {
      if (isElement(child)) throw new DecodeError(FORMAT, `${element.local} holds an element; text is wanted`);
      return child;
    })
    .join('');
}

/** Value of an attribute; undefined where there is none. */
export function attributeOf(element: XmlElement, local: string, namespace = ''): string | undefined {
  return element.attributes.find((attribute) => attribute.local === local && attribute.namespace === namespace)?.value;
}

interface RawAttribute {
  readonly prefix: string;
  readonly local: string;
  readonly value: string;
}

class Reader {
  readonly #text: string;
  #at = 0;
  #elements = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): XmlElement {
    this.#match(DECLARATION);
    this.#match(SPACE);
    const root = this.#element(new Map([['xml', XML_NAMESPACE]]), 1);
    this.#match(SPACE);
    if (this.#at !== this.#text.length) throw this.#fault('something follows the root element');
    return root;
  }

  #element(outer: ReadonlyMap<string, string>, depth: number): XmlElement {
    this.#elements += 1;
    if (depth > DEEPEST || this.#elements > MOST_ELEMENTS) throw this.#fault('too deep, or too many elements');
    this.#expect('<');
    const name = this.#name();
    const raw = this.#attributes();
    const scope = this.#scopeOf(raw, outer);
    const head = {
      ...name,
      namespace: this.#namespaceOf(name.prefix, scope),
      attributes: this.#resolved(raw, scope),
      scope,
    };
    if (this.#text.startsWith('/>', this.#at)) {
      this.#at += 2;
      return { ...head, children: [] };
    }
    this.#expect('>');
    const children = this.#content(scope, depth);
    this.#expect('</');
    const end = this.#name();
    if (end.prefix !== name.prefix || end.local !== name.local) throw this.#fault('end tag of another element');
    this.#match(SPACE);
    this.#expect('>');
    return { ...head, children };
  }

  #content(scope: ReadonlyMap<string, string>, depth: number): (XmlElement | string)[] {
    const children: (XmlElement | string)[] = [];
    for (;;) {
      const open = this.#text.indexOf('<', this.#at);
      if (open < 0) throw this.#fault('element does not end');
      if (open > this.#at) {
        const text = this.#text.slice(this.#at, open);
        if (text.includes(']]>')) throw this.#fault('end of a CDATA section in text');
        children.push(this.#unescaped(text));
        this.#at = open;
      }
      if (this.#text.startsWith('</', open)) return children;
      if (/^<[!?]/.test(this.#text.slice(open, open + 2))) {
        throw this.#fault('comment, CDATA section, instruction or document type');
      }
      children.push(this.#element(scope, depth + 1));
    }
  }

  #attributes(): RawAttribute[] {
    const attributes: RawAttribute[] = [];
    for (;;) {
      const space = this.#match(SPACE);
      const next = this.#text[this.#at];
      if (next === '>' || next === '/') return attributes;
      if (space === '') throw this.#fault('white space is due');
      if (attributes.length === MOST_ATTRIBUTES) throw this.#fault('too many attributes');
      const name = this.#name();
      this.#match(SPACE);
      this.#expect('=');
      this.#match(SPACE);
      attributes.push({ ...name, value: this.#value() });
    }
  }

  #value(): string {
    const quote = this.#text[this.#at];
    if (quote !== '"' && quote !== "'") throw this.#fault('a quoted value is due');
    const end = this.#text.indexOf(quote, this.#at + 1);
    if (end < 0) throw this.#fault('value does not end');
    const raw = this.#text.slice(this.#at + 1, end);
    if (raw.includes('<')) throw this.#fault('< in a value');
    // Normalised before references are replaced (section 3.3.3): what is written as a reference stays.
    const value = this.#unescaped(raw.replace(/[\t\n]/g, ' '));
    this.#at = end + 1;
    return value;
  }

  #unescaped(text: string): string {
    return text.replace(/&([^;&]{0,12});?/g, (whole, name: string) => {
      const character = whole.endsWith(';') ? (ENTITIES.get(name) ?? referenced(name)) : undefined;
      if (character === undefined || NO_CHARACTER.test(character)) throw this.#fault('reference to an unknown entity');
      return character;
    });
  }

  #scopeOf(attributes: readonly RawAttribute[], outer: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    const declared = attributes.filter(isDeclaration);
    if (declared.length === 0) return outer;
    const own = new Set<string>();
    const scope = new Map(outer);
    for (const { prefix, local, value } of declared) {
      const name = prefix === '' ? '' : local;
      const reserved = name === 'xml' || name === 'xmlns' || value === XML_NAMESPACE || value === XMLNS_NAMESPACE;
      if (reserved || own.has(name) || (name !== '' && value === '')) throw this.#fault('namespace declaration');
      own.add(name);
      scope.set(name, value);
    }
    return scope;
  }

  #resolved(attributes: readonly RawAttribute[], scope: ReadonlyMap<string, string>): XmlAttribute[] {
    const resolved = attributes
      .filter((attribute) => !isDeclaration(attribute))
      .map((attribute) => ({
        ...attribute,
        namespace: attribute.prefix === '' ? '' : this.#namespaceOf(attribute.prefix, scope),
      }));
    const names = new Set(resolved.map(({ namespace, local }) => `${namespace} ${local}`));
    if (names.size !== resolved.length) throw this.#fault('attribute stands twice');
    return resolved;
  }

  #namespaceOf(prefix: string, scope: ReadonlyMap<string, string>): string {
    const namespace = scope.get(prefix);
    if (namespace === undefined && prefix !== '') throw this.#fault('prefix is not declared');
    return namespace ?? '';
  }

  #name(): { readonly prefix: string; readonly local: string } {
    const first = this.#match(NAME);
    if (first === '') throw this.#fault('a name is due');
    if (this.#text[this.#at] !== ':') return { prefix: '', local: first };
    this.#at += 1;
    const local = this.#match(NAME);
    if (local === '') throw this.#fault('a name is due');
    return { prefix: first, local };
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #expect(literal: string): void {
    if (!this.#text.startsWith(literal, this.#at)) throw this.#fault(`"${literal}" is due`);
    this.#at += literal.length;
  }

  #fault(reason: string): DecodeError {
    return new DecodeError(FORMAT, reason, this.#at);
  }
}

function isDeclaration({ prefix, local }: RawAttribute): boolean {
  return prefix === 'xmlns' || (prefix === '' && local === 'xmlns');
}

/** Character references, decimal and hexadecimal. */
function referenced(name: string): string | undefined {
  const decimal = /^#(\d{1,7})$/.exec(name)?.[1];
  const hexadecimal = /^#x([0-9a-fA-F]{1,6})$/.exec(name)?.[1];
  const point = decimal === undefined ? Number.parseInt(hexadecimal ?? '', 16) : Number(decimal);
  if (Number.isNaN(point) || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return undefined;
  return String.fromCodePoint(point);
}
