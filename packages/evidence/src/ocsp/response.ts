/** OCSPResponse (RFC 6960 section 4.2), read strictly and not verified. */
import { contextTag, DER_TAG, DecodeError, type DerElement, DerReader } from '@assay/bytes';
import { type AlgorithmIdentifier, readSignatureAlgorithm } from '../x509/algorithm.js';
import { wholeBytes } from '../x509/certificate.js';
import { type Extension, extensionReader, readExtensions } from '../x509/extension.js';
import { type Certificate, parseCertificate } from '../x509/index.js';
import { type Name, readName } from '../x509/name.js';
import { type CertId, readCertId } from './cert-id.js';
import { NONCE_EXTENSION } from './request.js';

export interface SingleResponse {
  readonly id: CertId;
  readonly status: 'good' | 'revoked' | 'unknown';
  readonly revokedAt?: Date;
  readonly thisUpdate: Date;
  readonly nextUpdate?: Date;
}

export interface BasicResponse {
  /** The signed octets. */
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
  /** The responder: by its name, or by the SHA-1 of its key. */
  readonly responder: { readonly name: Name } | { readonly keyHash: Uint8Array };
  readonly producedAt: Date;
  readonly responses: readonly SingleResponse[];
  readonly nonce: Uint8Array | undefined;
  readonly certificates: readonly Certificate[];
}

const FORMAT = 'OCSP';
const BASIC = '1.3.6.1.5.5.7.48.1.1';
const ENUMERATED = 0x0a;
const LARGEST = 64 * 1024;
const MOST_RESPONSES = 16;
const MOST_CERTIFICATES = 8;
const STATUSES = ['successful', 'malformedRequest', 'internalError', 'tryLater', '', 'sigRequired', 'unauthorized'];

/** @throws DecodeError also for answers that say that there is none */
export function parseOcspResponse(der: Uint8Array): BasicResponse {
  if (der.length > LARGEST) throw new DecodeError(FORMAT, `${der.length} bytes are too many`);
  const outer = new DerReader(der);
  const response = outer.sequence();
  outer.end();
  const [status = 255, ...more] = response.element(ENUMERATED).content;
  if (status !== 0 || more.length > 0) {
    throw new DecodeError(FORMAT, `responder says ${STATUSES[status] ?? status}`);
  }
  const wrapped = within(response.explicit(0), (reader) => reader.sequence());
  response.end();
  if (wrapped?.oid() !== BASIC) throw new DecodeError(FORMAT, 'no basic response');
  const inner = new DerReader(wrapped.octetString());
  wrapped.end();
  const basic = inner.sequence();
  inner.end();
  const tbs = basic.element(DER_TAG.sequence);
  const signatureAlgorithm = readSignatureAlgorithm(basic);
  const signature = wholeBytes(basic);
  const certificates = readCertificates(basic);
  basic.end();
  return { tbs: tbs.encoded, signatureAlgorithm, signature, certificates, ...readData(basic.inside(tbs)) };
}

function readCertificates(basic: DerReader): Certificate[] {
  const list = within(basic.explicit(0), (reader) => reader.sequence());
  const certificates: Certificate[] = [];
  while (list !== undefined && !list.atEnd) {
    certificates.push(parseCertificate(list.element(DER_TAG.sequence).encoded));
    if (certificates.length > MOST_CERTIFICATES) throw new DecodeError(FORMAT, 'too many certificates');
  }
  return certificates;
}

function readData(data: DerReader): Pick<BasicResponse, 'responder' | 'producedAt' | 'responses' | 'nonce'> {
  const version = within(data.explicit(0), (reader) => reader.smallInteger()) ?? 0;
  if (version !== 0) throw new DecodeError(FORMAT, `version ${version + 1}`);
  const named = data.explicit(1);
  const wrapper = named ?? explicitly(data, 2);
  const responder = named === undefined ? { keyHash: wrapper.octetString() } : { name: readName(wrapper) };
  wrapper.end();
  const producedAt = data.time();
  const responses: SingleResponse[] = [];
  for (const list = data.sequence(); !list.atEnd; ) {
    responses.push(readSingle(list.sequence()));
    if (responses.length > MOST_RESPONSES) throw new DecodeError(FORMAT, 'too many responses');
  }
  const extensions = readExtensionsIn(data.explicit(1), [NONCE_EXTENSION]);
  data.end();
  const reader = extensionReader(extensions, NONCE_EXTENSION);
  const nonce = reader?.octetString();
  reader?.end();
  return { responder, producedAt, responses, nonce };
}

function readSingle(single: DerReader): SingleResponse {
  const id = readCertId(single);
  const status = readStatus(single, single.any());
  const thisUpdate = single.time();
  const nextUpdate = within(single.explicit(0), (reader) => reader.time());
  readExtensionsIn(single.explicit(1), []);
  single.end();
  return { id, ...status, thisUpdate, ...(nextUpdate === undefined ? {} : { nextUpdate }) };
}

function readStatus(single: DerReader, status: DerElement): Pick<SingleResponse, 'status' | 'revokedAt'> {
  if (status.tag === contextTag(0, false) && status.content.length === 0) return { status: 'good' };
  if (status.tag === contextTag(2, false) && status.content.length === 0) return { status: 'unknown' };
  if (status.tag !== contextTag(1, true))
    throw new DecodeError(FORMAT, 'status of an unknown form', status.contentOffset);
  const info = single.inside(status);
  const revokedAt = info.time();
  within(info.explicit(0), (reason) => reason.element(ENUMERATED));
  info.end();
  return { status: 'revoked', revokedAt };
}

function readExtensionsIn(wrapper: DerReader | undefined, known: readonly string[]): Extension[] {
  if (wrapper === undefined) return [];
  const extensions = readExtensions(wrapper.sequence());
  wrapper.end();
  const unknown = extensions.find(({ critical, oid }) => critical && !known.includes(oid));
  if (unknown !== undefined) throw new DecodeError(FORMAT, `critical extension ${unknown.oid} is unknown`);
  return extensions;
}

/** The whole content of an explicit tag, where there is one. */
function within<T>(wrapper: DerReader | undefined, read: (reader: DerReader) => T): T | undefined {
  if (wrapper === undefined) return undefined;
  const value = read(wrapper);
  wrapper.end();
  return value;
}

function explicitly(reader: DerReader, number: number): DerReader {
  const found = reader.explicit(number);
  if (found === undefined) throw new DecodeError(FORMAT, 'responder is not named', reader.offset);
  return found;
}
