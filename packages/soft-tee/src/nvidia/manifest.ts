import { createHash, type KeyObject, sign } from 'node:crypto';
import { encodeHex } from '@assay/bytes';
import type { EmulatedCertificate } from '../x509/certificate.js';

const SWID = 'http://standards.iso.org/iso/19770/-2/2015/schema.xsd';
const SHA384 = 'http://www.w3.org/2001/04/xmlenc#sha384';
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const C14N = 'http://www.w3.org/2006/12/xml-c14n11';
const RIMIM = 'https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-model/';

/** One golden measurement, by index of the manifest. */
export interface GoldenMeasurement {
  readonly index: number;
  readonly values: readonly Uint8Array[];
  readonly active?: boolean;
}

export interface ManifestFields {
  readonly version: string;
  readonly golden: readonly GoldenMeasurement[];
  readonly chain: readonly EmulatedCertificate[];
  readonly key: KeyObject;
  /** Changes the document before it is signed. */
  readonly content?: (document: string) => string;
  /** Changes SignedInfo, in its canonical form, before it is signed. */
  readonly signedInfo?: (text: string) => string;
}

/** What stands in place of the signature while the document is digested: nothing. */
const PLACE = '<!--signature-->';

/**
 * A SWID tag with an enveloped signature. It is written in its canonical form, so that nothing here canonicalises: what is signed is
 * what is written.
 */
export function encodeManifest(fields: ManifestFields): Uint8Array {
  const written = swidTag(fields);
  const document = fields.content?.(written) ?? written;
  const scope = `xmlns="${SWID}" xmlns:ds="${DSIG}" xmlns:hash="${SHA384}" xmlns:swid="${SWID}"`;
  const digest = createHash('sha384').update(document.replace(PLACE, '')).digest('base64');
  const plain = signedInfo(digest);
  const canonical = plain.replace('<ds:SignedInfo>', `<ds:SignedInfo ${scope}>`);
  const info = fields.signedInfo?.(canonical) ?? canonical;
  const value = sign('sha384', Buffer.from(info), { key: fields.key, dsaEncoding: 'ieee-p1363' }).toString('base64');
  const certificates = fields.chain
    .map(({ der }) => `<ds:X509Certificate>${Buffer.from(der).toString('base64')}</ds:X509Certificate>`)
    .join('');
  const signature = `<ds:Signature xmlns:ds="${DSIG}">${info.replace(` ${scope}`, '')}<ds:SignatureValue>${value}</ds:SignatureValue><ds:KeyInfo><ds:X509Data>${certificates}</ds:X509Data></ds:KeyInfo></ds:Signature>`;
  return Buffer.from(document.replace(PLACE, signature));
}

function swidTag({ golden, version }: ManifestFields): string {
  const resources = golden.map(({ active = true, index, values }) => {
    const hashes = values.map((value, place) => ` hash:Hash${place}="${encodeHex(value)}"`).join('');
    return `<swid:Resource active="${active ? 'True' : 'False'}" alternatives="${values.length}" index="${index}" name="Measurement_${index}" size="48" type="Measurement"${hashes}></swid:Resource>`;
  });
  return [
    `<SoftwareIdentity xmlns="${SWID}" xmlns:hash="${SHA384}" xmlns:swid="${SWID}" name="GH100" tagId="emulated" tagVersion="0" version="1.0">`,
    '<swid:Entity name="Assay emulated NVIDIA" role="softwareCreator tagCreator"></swid:Entity>',
    `<swid:Meta xmlns:rim="${RIMIM}" colloquialVersion="${version}" edition="GPU" product="GH100" rim:PlatformManufacturerStr="Assay emulated NVIDIA"></swid:Meta>`,
    `<swid:Payload>${resources.join('\n')}</swid:Payload>`,
    `${PLACE}</SoftwareIdentity>`,
  ].join('\n');
}

function signedInfo(digest: string): string {
  return [
    '<ds:SignedInfo>',
    `<ds:CanonicalizationMethod Algorithm="${C14N}"></ds:CanonicalizationMethod>`,
    '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"></ds:SignatureMethod>',
    '<ds:Reference URI=""><ds:Transforms>',
    '<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform>',
    `<ds:Transform Algorithm="${C14N}"></ds:Transform></ds:Transforms>`,
    '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#sha384"></ds:DigestMethod>',
    `<ds:DigestValue>${digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>`,
  ].join('');
}
