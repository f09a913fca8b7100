import { createHash, type KeyObject, sign } from 'node:crypto';
import {
  DerReader,
  derBitString,
  derElement,
  derExplicit,
  derOctetString,
  derOid,
  derSequence,
  encodeUtf8,
} from '@assay/bytes';
import type { EmulatedCertificate } from '../x509/certificate.js';
import { publicKeyInfo } from '../x509/extension.js';
import { encodeName } from '../x509/name.js';
import { algorithmIdentifier } from '../x509/signature.js';
import { NVIDIA_ISSUERS, type NvidiaPki, nvidiaName } from './pki.js';

/** What the emulated responder shall do otherwise. */
export interface OcspOrders {
  readonly status?: 'good' | 'revoked' | 'unknown';
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date | null;
  /** Repeats another nonce, or none. */
  readonly nonce?: Uint8Array | null;
  /** Signs with this key instead. */
  readonly key?: KeyObject;
  readonly responder?: EmulatedCertificate;
  /** `issuer`: the CA signs the answer itself. */
  readonly signer?: 'responder' | 'issuer';
  /** CertID instead of the one that was asked about. */
  readonly certId?: Uint8Array;
}

const NONCE = '1.3.6.1.5.5.7.48.1.2';
const BASIC = '1.3.6.1.5.5.7.48.1.1';
const HOUR = 3_600_000;

/** Answers an OCSP request about any certificate of the emulated NVIDIA; undefined for another issuer. */
export function answerOcsp(
  pki: NvidiaPki,
  request: Uint8Array,
  now: Date,
  orders: OcspOrders = {},
): Uint8Array | undefined {
  const { certId, keyHash, nonce } = readRequest(request);
  const issuer = NVIDIA_ISSUERS.find(([, label]) => Buffer.compare(keyHashOf(pki.key(label)), keyHash) === 0);
  if (issuer === undefined) return undefined;
  const [commonName, label] = issuer;
  const name = nvidiaName(commonName);
  const responder = orders.responder ?? pki.responder(name, pki.key(label), now);
  const own = orders.signer === 'issuer';
  const echoed = orders.nonce === undefined ? nonce : (orders.nonce ?? undefined);
  const thisUpdate = orders.thisUpdate ?? now;
  const nextUpdate = orders.nextUpdate === undefined ? new Date(now.getTime() + 12 * HOUR) : orders.nextUpdate;
  const single = derSequence(
    orders.certId ?? certId,
    statusOf(orders.status ?? 'good', now),
    time(thisUpdate),
    ...(nextUpdate === null ? [] : [derExplicit(0, time(nextUpdate))]),
  );
  const data = derSequence(
    derExplicit(1, own ? encodeName(name) : encodeName(responder.fields.subject)),
    time(now),
    derSequence(single),
    ...(echoed === undefined
      ? []
      : [derExplicit(1, derSequence(derSequence(derOid(NONCE), derOctetString(derOctetString(echoed)))))]),
  );
  const key = orders.key ?? (own ? pki.key(label) : pki.key('ocsp'));
  const basic = derSequence(
    data,
    algorithmIdentifier('ecdsa-sha384'),
    derBitString(Uint8Array.from(sign('sha384', data, key))),
    ...(own ? [] : [derExplicit(0, derSequence(responder.der))]),
  );
  return derSequence(
    derElement(0x0a, Uint8Array.of(0)),
    derExplicit(0, derSequence(derOid(BASIC), derOctetString(basic))),
  );
}

/** An answer that says that there is none: `tryLater`. */
export const OCSP_TRY_LATER: Uint8Array = derSequence(derElement(0x0a, Uint8Array.of(3)));

function readRequest(request: Uint8Array): {
  readonly certId: Uint8Array;
  readonly keyHash: Uint8Array;
  readonly nonce: Uint8Array | undefined;
} {
  const tbs = new DerReader(request).sequence().sequence();
  const element = tbs.sequence().sequence().element(0x30);
  const inner = new DerReader(element.encoded).sequence();
  inner.any();
  inner.octetString();
  const keyHash = inner.octetString();
  const extension = tbs.explicit(2)?.sequence().sequence();
  if (extension?.oid() !== NONCE) return { certId: element.encoded, keyHash, nonce: undefined };
  return { certId: element.encoded, keyHash, nonce: new DerReader(extension.octetString()).octetString() };
}

/** SHA-384 of the key's bits, as requests are made with. */
function keyHashOf(key: KeyObject): Uint8Array {
  const spki = new DerReader(publicKeyInfo(key)).sequence();
  spki.any();
  return Uint8Array.from(createHash('sha384').update(spki.bitString().bytes).digest());
}

function statusOf(status: 'good' | 'revoked' | 'unknown', now: Date): Uint8Array {
  if (status === 'good') return derElement(0x80);
  if (status === 'unknown') return derElement(0x82);
  return derElement(
    0xa1,
    time(new Date(now.getTime() - 240 * HOUR)),
    derExplicit(0, derElement(0x0a, Uint8Array.of(1))),
  );
}

/** GeneralizedTime whatever the year: OCSP has no UTCTime. */
function time(date: Date): Uint8Array {
  const text = date.toISOString().replace(/[-:T]|\.\d{3}/g, '');
  return derElement(0x18, encodeUtf8(text));
}
