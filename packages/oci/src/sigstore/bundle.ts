/** Sigstore bundles: protobuf's JSON, versions 0.1 to 0.3. */
import { concatBytes, encodeHex, encodeUtf8, type JsonObject, type JsonValue } from '@assay/bytes';
import { selfIssued } from '@assay/evidence/x509';
import { readSignerCertificate } from './certificate.js';
import { malformed } from './failure.js';
import type { InclusionProof, LogEntry } from './log-entry.js';
import { bytesOf, countOf, listOf, objectOf, onlyMembers, readObject, textOf } from './members.js';
import type { FoundSignature } from './verify.js';

export const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const VERSIONS: ReadonlyMap<string, 1 | 2 | 3> = new Map([
  ['application/vnd.dev.sigstore.bundle+json;version=0.1', 1],
  ['application/vnd.dev.sigstore.bundle+json;version=0.2', 2],
  ['application/vnd.dev.sigstore.bundle+json;version=0.3', 3],
  [BUNDLE_TYPE, 3],
]);
const MOST = 32;

export interface Envelope {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

export interface Bundle {
  readonly content:
    | { readonly kind: 'envelope'; readonly envelope: Envelope }
    | { readonly kind: 'message'; readonly digest?: Uint8Array; readonly signature: Uint8Array };
  readonly certificate?: Uint8Array;
  readonly intermediates: readonly Uint8Array[];
  readonly entries: readonly LogEntry[];
  readonly proofNeeded: boolean;
}

/** @throws AssayError `signature.bundle.form` */
export function readBundle(bytes: Uint8Array): Bundle {
  const bundle = readObject(bytes, 'it');
  onlyMembers(bundle, ['mediaType', 'verificationMaterial', 'messageSignature', 'dsseEnvelope'], 'it');
  const version = VERSIONS.get(textOf(bundle['mediaType'], 'mediaType'));
  if (version === undefined) throw malformed('its mediaType is none of versions 0.1 to 0.3');
  const material = objectOf(bundle['verificationMaterial'], 'verificationMaterial');
  const known = ['certificate', 'x509CertificateChain', 'publicKey', 'tlogEntries', 'timestampVerificationData'];
  onlyMembers(material, known, 'verificationMaterial');
  const entries = listOf(material['tlogEntries'] ?? [], 'tlogEntries', MOST).map(readEntry);
  return { content: readContent(bundle), ...readSigner(material), entries, proofNeeded: version > 1 };
}

/** The signature of an envelope: over its pre-authentication encoding (DSSE version 1). */
export function foundInEnvelope(bundle: Bundle, { payloadType, payload, signature }: Envelope): FoundSignature {
  const head = `DSSEv1 ${encodeUtf8(payloadType).length} ${payloadType} ${payload.length} `;
  return { ...bundle, signature, payload, content: concatBytes(encodeUtf8(head), payload) };
}

function readContent(bundle: JsonObject): Bundle['content'] {
  const { messageSignature, dsseEnvelope } = bundle;
  if ((messageSignature === undefined) === (dsseEnvelope === undefined)) {
    throw malformed('it has not exactly one of messageSignature and dsseEnvelope');
  }
  if (dsseEnvelope !== undefined) {
    const envelope = objectOf(dsseEnvelope, 'dsseEnvelope');
    const [one, ...more] = listOf(envelope['signatures'], 'signatures', MOST);
    if (one === undefined || more.length > 0) throw malformed('its envelope has not exactly one signature');
    return {
      kind: 'envelope',
      envelope: {
        payloadType: textOf(envelope['payloadType'], 'payloadType'),
        payload: bytesOf(envelope['payload'], 'payload'),
        signature: bytesOf(objectOf(one, 'signature')['sig'], 'sig'),
      },
    };
  }
  const message = objectOf(messageSignature, 'messageSignature');
  const signature = bytesOf(message['signature'], 'signature');
  if (message['messageDigest'] === undefined) return { kind: 'message', signature };
  const digest = objectOf(message['messageDigest'], 'messageDigest');
  if (digest['algorithm'] !== 'SHA2_256') throw malformed('its messageDigest is not of SHA2_256');
  return { kind: 'message', signature, digest: bytesOf(digest['digest'], 'messageDigest') };
}

function readSigner(material: JsonObject): Pick<Bundle, 'certificate' | 'intermediates'> {
  const { certificate, x509CertificateChain: chain, publicKey } = material;
  if ([certificate, chain, publicKey].filter((one) => one !== undefined).length !== 1) {
    throw malformed('it has not exactly one of certificate, x509CertificateChain and publicKey');
  }
  if (publicKey !== undefined) return { intermediates: [] };
  const list =
    chain === undefined
      ? [certificate]
      : listOf(objectOf(chain, 'x509CertificateChain')['certificates'], 'certificates', MOST);
  const [leaf, ...intermediates] = list.map((one) => bytesOf(objectOf(one, 'certificate')['rawBytes'], 'rawBytes'));
  if (leaf === undefined) throw malformed('its chain has no certificate');
  if (intermediates.some((der) => selfIssued(readSignerCertificate(der)))) {
    throw malformed('its chain has a root, which nobody should take from there');
  }
  return { certificate: leaf, intermediates };
}

function readEntry(value: JsonValue): LogEntry {
  const entry = objectOf(value, 'a member of tlogEntries');
  const { integratedTime, inclusionPromise: promise, inclusionProof: proof } = entry;
  return {
    body: bytesOf(entry['canonicalizedBody'], 'canonicalizedBody'),
    logId: encodeHex(bytesOf(objectOf(entry['logId'], 'logId')['keyId'], 'keyId')),
    logIndex: countOf(entry['logIndex'], 'logIndex'),
    ...(integratedTime === undefined ? {} : { integratedTime: countOf(integratedTime, 'integratedTime') }),
    ...(promise === undefined
      ? {}
      : { promise: bytesOf(objectOf(promise, 'inclusionPromise')['signedEntryTimestamp'], 'signedEntryTimestamp') }),
    ...(proof === undefined ? {} : { proof: readProof(objectOf(proof, 'inclusionProof')) }),
  };
}

function readProof(proof: JsonObject): InclusionProof {
  const checkpoint = objectOf(proof['checkpoint'], 'checkpoint');
  return {
    index: countOf(proof['logIndex'] ?? '0', 'logIndex of the proof'),
    size: countOf(proof['treeSize'], 'treeSize'),
    root: bytesOf(proof['rootHash'], 'rootHash'),
    hashes: listOf(proof['hashes'] ?? [], 'hashes', 64).map((hash) => bytesOf(hash, 'a hash of the proof')),
    checkpoint: textOf(checkpoint['envelope'], 'envelope of the checkpoint'),
  };
}
