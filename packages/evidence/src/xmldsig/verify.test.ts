/** Signed documents of our own: each is signed as it stands, and is outside of the profile in one thing. */
import { createHash, sign } from 'node:crypto';
import { DecodeError, encodeBase64 } from '@assay/bytes';
import { expect, test } from 'vitest';
import { issueCertificate, testKey } from '../x509/testing/issue.js';
import { canonicalise } from './canonical.js';
import { isElement, parseXml, type XmlElement } from './reader.js';
import { verifyXmlSignature } from './verify.js';

const key = testKey('P-384');
const other = testKey('P-384');
const issue = (of: typeof key): Uint8Array =>
  issueCertificate({ subject: 'Signer', issuer: 'Signer', key: of, signer: of });
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const MORE = 'http://www.w3.org/2001/04/xmldsig-more#';
const C14N = 'http://www.w3.org/2006/12/xml-c14n11';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const certificate = (of = key): string => `<X509Certificate>${encodeBase64(issue(of))}</X509Certificate>`;
const sound = {
  document: '<a xmlns="urn:a"><b/>@</a>',
  signature: `<Signature xmlns="${DSIG}">@</Signature>`,
  canonicalization: `<CanonicalizationMethod Algorithm="${C14N}"/>`,
  method: `<SignatureMethod Algorithm="${MORE}ecdsa-sha384"/>`,
  reference: '<Reference URI="">@</Reference>',
  transforms: `<Transforms><Transform Algorithm="${DSIG}enveloped-signature"/><Transform Algorithm="${C14N}"/></Transforms>`,
  digestMethod: `<DigestMethod Algorithm="${MORE}sha384"/>`,
  digestValue: '<DigestValue>@</DigestValue>',
  signatureValue: '<SignatureValue>@</SignatureValue>',
  keyInfo: '<KeyInfo><X509Data>@</X509Data></KeyInfo>',
  certificates: certificate(),
  inSignature: '',
};

/** Each part of the document that is given stands for the sound one; `@` is where its content goes. */
function signed(parts: Partial<typeof sound> = {}): Uint8Array {
  const part = { ...sound, ...parts };
  const into = (frame: string, content: string): string => frame.replace('@', () => content);
  const bare = parseXml(bytes(into(part.document, '')));
  const digest = createHash('sha384').update(canonicalise(bare, [])).digest('base64');
  const reference = into(part.reference, part.transforms + part.digestMethod + into(part.digestValue, digest));
  const signedInfo = `<SignedInfo>${part.canonicalization}${part.method}${reference}</SignedInfo>`;
  const whole = (value: string): string =>
    into(
      part.document,
      into(
        part.signature,
        signedInfo + into(part.signatureValue, value) + into(part.keyInfo, part.certificates) + part.inSignature,
      ),
    );
  const root = parseXml(bytes(whole('')));
  const path = pathTo(root, 'SignedInfo');
  const info = path.pop();
  if (info === undefined) return bytes(whole(''));
  const signature = sign('sha384', canonicalise(info, path), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return bytes(whole(signature.toString('base64')));
}

/** The elements from the root to the first of a name. */
function pathTo(element: XmlElement, name: string): XmlElement[] {
  if (element.local === name) return [element];
  const found = element.children
    .filter(isElement)
    .map((child) => pathTo(child, name))
    .find(({ length }) => length > 0);
  return found === undefined ? [] : [element, ...found];
}

test('a document of the profile is read without its signature', () => {
  const { certificates, root } = verifyXmlSignature(signed());
  expect(root.children.map((child) => isElement(child) && child.local)).toEqual(['b']);
  expect(certificates).toHaveLength(1);
});

test('what was changed after it was signed is refused', () => {
  const text = new TextDecoder().decode(signed());
  expect(() => verifyXmlSignature(bytes(text.replace('<b/>', '<c/>')))).toThrow('another digest');
  const value = /<SignatureValue>(.)/;
  const changed = text.replace(value, (_, first: string) => `<SignatureValue>${first === 'A' ? 'B' : 'A'}`);
  expect(() => verifyXmlSignature(bytes(changed))).toThrow('does not verify');
});

test.each<[string, Partial<typeof sound>, string]>([
  ['no signature', { document: '<a xmlns="urn:a"><b/></a>' }, '0 signatures'],
  ['a second signature', { document: `<a xmlns="urn:a"><Signature xmlns="${DSIG}"/>@</a>` }, '2 signatures'],
  ['a signature further down', { document: '<a xmlns="urn:a"><b>@</b></a>' }, 'one below the root'],
  ['the key of another', { certificates: certificate(other) }, 'does not verify'],
  ['the signer second', { certificates: certificate(other) + certificate() }, 'does not verify'],
  ['no certificate', { certificates: '' }, 'does not verify'],
  ['too many certificates', { certificates: certificate().repeat(9) }, 'too many certificates'],
  [
    'something else among the certificates',
    { certificates: `${certificate()}<X509CRL/>` },
    'X509Certificate is wanted',
  ],
  ['a reference to a part', { reference: '<Reference URI="#b">@</Reference>' }, 'not to the whole document'],
  ['a reference of a type', { reference: '<Reference URI="" Type="x">@</Reference>' }, 'not to the whole document'],
  ['a reference to nothing said', { reference: '<Reference Id="">@</Reference>' }, 'not to the whole document'],
  ['another transform', { transforms: sound.transforms.replace('enveloped-signature', 'base64') }, 'Transform is not'],
  ['a transform less', { transforms: sound.transforms.replace(/<Transform [^>]*\/>/, '') }, '1 members; 2 are wanted'],
  ['another digest method', { digestMethod: `<DigestMethod Algorithm="${MORE}sha224"/>` }, 'DigestMethod is not'],
  ['another method', { method: `<SignatureMethod Algorithm="${MORE}ecdsa-sha256"/>` }, 'SignatureMethod is not'],
  ['a method with more to say', { method: `<SignatureMethod Algorithm="${MORE}ecdsa-sha384" Id="x"/>` }, 'is not'],
  [
    'a method with parameters',
    { method: `<SignatureMethod Algorithm="${MORE}ecdsa-sha384"><X/></SignatureMethod>` },
    'SignatureMethod is not',
  ],
  ['another canonical form', { canonicalization: '<CanonicalizationMethod Algorithm="x"/>' }, 'Method is not'],
  ['attributes of the signature', { signature: `<Signature xmlns="${DSIG}" Id="s">@</Signature>` }, 'has attributes'],
  ['attributes of the digest', { digestValue: '<DigestValue Id="d">@</DigestValue>' }, 'DigestValue has attributes'],
  ['attributes of the value', { signatureValue: '<SignatureValue Id="v">@</SignatureValue>' }, 'has attributes'],
  ['an object in the signature', { inSignature: '<Object/>' }, '4 members; 3 are wanted'],
  ['another element for the key', { keyInfo: '<KeyName><X509Data>@</X509Data></KeyName>' }, 'KeyInfo is wanted'],
  [
    'the element of the key in another namespace',
    { keyInfo: '<KeyInfo xmlns="urn:x"><X509Data>@</X509Data></KeyInfo>' },
    'KeyInfo is wanted',
  ],
])('%s is refused', (_, parts, words) => {
  const refused = (): unknown => verifyXmlSignature(signed(parts));
  expect(refused).toThrow(words);
  expect(refused).toThrow(DecodeError);
});
