/** Canonical XML 1.1 without comments (W3C Recommendation of 2 May 2008), of a document or of one of its elements. */
import { DecodeError, encodeUtf8 } from '@assay/bytes';
import { isElement, XML_NAMESPACE, type XmlAttribute, type XmlElement } from './reader.js';

/** Attributes of the xml namespace that an element which is taken out of its document brings along (section 2.4). */
const INHERITED = ['lang', 'space'];

/**
 * Canonical octets of the subset that an element is the apex of.
 *
 * @param ancestors from the root to the parent; empty for the root itself
 * @param without an element that is left out with all that it holds
 * @throws DecodeError where `xml:base` would have to be joined
 */
export function canonicalise(
  apex: XmlElement,
  ancestors: readonly XmlElement[] = [],
  without?: XmlElement,
): Uint8Array {
  const parts: string[] = [];
  write(apex, new Map(), inheritedAttributes(apex, ancestors), without, parts);
  return encodeUtf8(parts.join(''));
}

function write(
  element: XmlElement,
  rendered: ReadonlyMap<string, string>,
  inherited: readonly XmlAttribute[],
  without: XmlElement | undefined,
  parts: string[],
): void {
  const name = qualified(element);
  parts.push('<', name);
  for (const [prefix, uri] of [...element.scope].filter(([prefix]) => prefix !== 'xml').sort(byPrefix)) {
    if ((rendered.get(prefix) ?? '') === uri) continue;
    parts.push(prefix === '' ? ' xmlns="' : ` xmlns:${prefix}="`, escapedValue(uri), '"');
  }
  for (const attribute of [...element.attributes, ...inherited].sort(byName)) {
    parts.push(' ', qualified(attribute), '="', escapedValue(attribute.value), '"');
  }
  parts.push('>');
  for (const child of element.children) {
    if (!isElement(child)) parts.push(escapedText(child));
    else if (child !== without) write(child, element.scope, [], without, parts);
  }
  parts.push('</', name, '>');
}

/** `xml:lang` and `xml:space` of the nearest ancestor that has them. */
function inheritedAttributes(apex: XmlElement, ancestors: readonly XmlElement[]): XmlAttribute[] {
  const own = (element: XmlElement): readonly XmlAttribute[] =>
    element.attributes.filter(({ namespace }) => namespace === XML_NAMESPACE);
  if (ancestors.some((element) => own(element).some(({ local }) => local === 'base'))) {
    throw new DecodeError('XML', 'xml:base above a signed element is not served');
  }
  return INHERITED.flatMap((local) => {
    if (own(apex).some((attribute) => attribute.local === local)) return [];
    const nearest = ancestors
      .flatMap(own)
      .filter((attribute) => attribute.local === local)
      .at(-1);
    return nearest === undefined ? [] : [nearest];
  });
}

function qualified({ prefix, local }: { readonly prefix: string; readonly local: string }): string {
  return prefix === '' ? local : `${prefix}:${local}`;
}

function byPrefix([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return order(a, b);
}

/** By namespace, then by local name; attributes without a namespace come first. */
function byName(a: XmlAttribute, b: XmlAttribute): number {
  return order(a.namespace, b.namespace) || order(a.local, b.local);
}

/** By code points; names and URIs read here are ASCII, where code units are the same. */
function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function escapedText(text: string): string {
  return text.replace(/[&<>\r]/g, (character) => ESCAPES[character] ?? character);
}

function escapedValue(text: string): string {
  return text.replace(/[&<"\t\n\r]/g, (character) => ESCAPES[character] ?? character);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#x9;',
  '\n': '&#xA;',
  '\r': '&#xD;',
};
