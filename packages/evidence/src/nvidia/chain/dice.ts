/** Firmware ids in DICE certificates (TCG DICE Attestation Architecture, section 6.1; and the older CompositeDeviceID). */
import { contextTag, DER_TAG, DecodeError, type DerElement, DerReader } from '@assay/bytes';
import type { Certificate } from '../../x509/index.js';

/** 2.23.133.5.4.1 in all parts that were seen, 2.23.133.5.4.1.1 in newer ones. */
const EXTENSIONS = ['2.23.133.5.4.1', '2.23.133.5.4.1.1'] as const;

const FORMAT = 'DICE extension';
const SHA384 = '2.16.840.1.101.3.4.2.2';
const DIGEST_SIZE = 48;
const FWIDS = contextTag(6, true);
const MOST_FWIDS = 64;

/**
 * Firmware ids of a certificate, one list for each extension that has some: the one id of a CompositeDeviceID, or all of a
 * TcbInfo in its order.
 *
 * @returns empty where the certificate has no such extension
 * @throws DecodeError where it has one that is of neither form
 */
export function firmwareIds(certificate: Certificate): readonly (readonly Uint8Array[])[] {
  return certificate.extensions
    .filter(({ oid }) => (EXTENSIONS as readonly string[]).includes(oid))
    .map(({ value, offset }) => readExtension(new DerReader(value, offset)));
}

function readExtension(outer: DerReader): Uint8Array[] {
  const inner = outer.sequence();
  outer.end();
  return inner.peekTag() === DER_TAG.integer ? [readCompositeDeviceId(inner)] : readTcbInfo(inner);
}

/** SEQUENCE { INTEGER 1, SubjectPublicKeyInfo of the device id, FWID } */
function readCompositeDeviceId(inner: DerReader): Uint8Array {
  const version = inner.smallInteger();
  if (version !== 1) throw new DecodeError(FORMAT, `version ${version}`, inner.offset);
  inner.element(DER_TAG.sequence);
  const id = readFwid(inner.sequence());
  inner.end();
  return id;
}

/** SEQUENCE { [0] vendor … [6] fwids … }, every member optional. */
function readTcbInfo(inner: DerReader): Uint8Array[] {
  const ids: Uint8Array[] = [];
  while (!inner.atEnd) {
    const member = inner.any();
    if (member.tag !== FWIDS) continue;
    for (const list = fwidList(inner, member); !list.atEnd; ) {
      ids.push(readFwid(list.sequence()));
      if (ids.length > MOST_FWIDS) throw new DecodeError(FORMAT, `more than ${MOST_FWIDS} firmware ids`, inner.offset);
    }
  }
  return ids;
}

/** The tag is implicit; encoders that make it explicit put one SEQUENCE more around the list. */
function fwidList(inner: DerReader, member: DerElement): DerReader {
  const probe = inner.inside(member);
  if (!probe.atEnd) {
    const first = probe.any();
    const only = probe.atEnd && first.tag === DER_TAG.sequence;
    if (only && probe.inside(first).peekTag() === DER_TAG.sequence) return probe.inside(first);
  }
  return inner.inside(member);
}

/** FWID ::= SEQUENCE { hashAlg OBJECT IDENTIFIER, digest OCTET STRING } */
function readFwid(fwid: DerReader): Uint8Array {
  const at = fwid.offset;
  const algorithm = fwid.oid();
  const digest = fwid.octetString();
  fwid.end();
  if (algorithm !== SHA384 || digest.length !== DIGEST_SIZE) {
    throw new DecodeError(FORMAT, `firmware id of algorithm ${algorithm}, ${digest.length} bytes`, at);
  }
  return digest;
}
