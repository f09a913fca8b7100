import { DER_TAG, DecodeError, type DerElement, type DerReader, decodeText } from '@assay/bytes';

/** One attribute of a distinguished name. */
interface NameAttribute {
  /** Dotted object identifier of the attribute type. */
  readonly type: string;
  readonly text: string;
}

/** Distinguished name (RFC 5280 section 4.1.2.4). Names are compared by their encoding: vendors' chains copy it octet by octet. */
export interface Name {
  readonly der: Uint8Array;
  /** In the order of the encoding; attributes of one RDN follow each other. */
  readonly attributes: readonly NameAttribute[];
  /** The first common name; undefined when there is none. */
  readonly commonName: string | undefined;
}

export const ATTRIBUTE_TYPE = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  organizationalUnit: '2.5.4.11',
} as const;

const MOST_ATTRIBUTES = 32;

/** Reads a Name. @throws DecodeError */
export function readName(reader: DerReader): Name {
  const element = reader.element(0x30);
  const attributes: NameAttribute[] = [];
  for (const sets = reader.inside(element); !sets.atEnd; ) {
    for (const pair of sets.setOf()) {
      attributes.push(readAttribute(sets, pair));
      if (attributes.length > MOST_ATTRIBUTES) {
        throw new DecodeError('X.509 name', `more than ${MOST_ATTRIBUTES} attributes`, element.contentOffset);
      }
    }
  }
  const commonName = attributes.find(({ type }) => type === ATTRIBUTE_TYPE.commonName)?.text;
  return { der: element.encoded, attributes, commonName };
}

/** Texts of one attribute type, in order. */
export function attributeTexts(name: Name, type: string): string[] {
  return name.attributes.flatMap((attribute) => (attribute.type === type ? [attribute.text] : []));
}

/** The common name for a line of text; the name of a certificate without one is its whole subject in RFC 4514 manner. */
export function nameInWords(name: Name): string {
  if (name.commonName !== undefined) return name.commonName;
  const texts = name.attributes.map(({ text }) => text);
  return texts.length === 0 ? 'a certificate without a name' : texts.join(', ');
}

export function sameName(left: Name, right: Name): boolean {
  return Buffer.compare(left.der, right.der) === 0;
}

function readAttribute(reader: DerReader, element: DerElement): NameAttribute {
  if (element.tag !== DER_TAG.sequence) {
    throw new DecodeError('X.509 name', 'an attribute is not a SEQUENCE', element.contentOffset);
  }
  const pair = reader.inside(element);
  const type = pair.oid();
  const text = decodeText(pair.any());
  pair.end();
  return { type, text };
}
