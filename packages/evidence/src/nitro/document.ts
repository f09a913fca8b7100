/** The attestation document of the Nitro Security Module: COSE_Sign1 around a CBOR map (AWS Nitro Enclaves, attestation process). */
import { DecodeError } from '@assay/bytes';
import { cut, type FindingDraft, failed, passed, visible } from '@assay/bytes/findings';
import {
  type CborMap,
  type CborValue,
  decodeCbor,
  describeCbor,
  isCborArray,
  isCborMap,
  parseSign1,
  type Sign1,
} from '../cose/index.js';

/** A document of today has about 5 KiB. */
export const LARGEST_DOCUMENT = 32 * 1024;
const LARGEST_CERTIFICATE = 4096;
const MOST_AUTHORITIES = 8;
const PCR_SIZES = [32, 48, 64];
const MOST_PCRS = 32;
/** PCRs that every enclave has: image, kernel and boot, application. */
const IMAGE_PCRS = [0, 1, 2];
const LATEST_TIME = 8_640_000_000_000_000;

/** What a document says; nothing about its origin is known. */
export interface ParsedDocument {
  readonly moduleId: string;
  /** As it stands; the right one is `SHA384`. */
  readonly digest: string;
  /** Milliseconds. */
  readonly timestamp: Date;
  /** By index, 0 to 31; 0, 1 and 2 are always there. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  readonly publicKey: Uint8Array | undefined;
  readonly userData: Uint8Array | undefined;
  readonly nonce: Uint8Array | undefined;
}

export interface DocumentParse {
  readonly findings: readonly FindingDraft[];
  /** Undefined when the message itself was not read. */
  readonly message?: Sign1;
  /** DER of the leaf and of its authorities, root first, as they stand; undefined when one of them is of a wrong type. */
  readonly certificates?: { readonly leaf: Uint8Array; readonly authorities: readonly Uint8Array[] };
  /** `digest` and `timestamp` for checks beside a form that is not right. */
  readonly digest?: string;
  /** Undefined unless every member is as it has to be. */
  readonly document?: ParsedDocument;
}

/** Reads a document. Every member that is not as it has to be is a finding; members that are not known are passed over. */
export function parseDocument(bytes: Uint8Array): DocumentParse {
  let message: Sign1;
  let payload: CborValue;
  try {
    message = parseSign1(bytes, { maxBytes: LARGEST_DOCUMENT });
    // Documents of 2025 have a map of indefinite length, those of 2021 one of definite length.
    payload = decodeCbor(message.payload, { maxBytes: LARGEST_DOCUMENT, maxDepth: 2, indefinite: true });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { findings: [malformed('document', cut(visible(error.message), 60), 'one COSE_Sign1 message is due')] };
  }
  if (!isCborMap(payload)) return { findings: [malformed('payload', describeCbor(payload), 'a map is due')], message };
  const members = new Members(payload);
  const document = readMembers(members);
  const certificates = readCertificates(members);
  const { digest } = document;
  const complete = members.findings.length === 0;
  return {
    findings: complete ? [passed('nitro.document.form', 'document')] : members.findings,
    message,
    ...(certificates === undefined ? {} : { certificates }),
    ...(digest === undefined ? {} : { digest }),
    ...(complete ? { document: document as ParsedDocument } : {}),
  };
}

function readMembers(members: Members): { [member in keyof ParsedDocument]: ParsedDocument[member] | undefined } {
  const moduleId = members.text('module_id', 256);
  const digest = members.text('digest', 32);
  const timestamp = members.time('timestamp');
  const pcrs = members.pcrs('pcrs');
  const publicKey = members.optional('public_key', 1024);
  const userData = members.optional('user_data', 1024);
  const nonce = members.optional('nonce', 512);
  return { moduleId, digest, timestamp, pcrs, publicKey, userData, nonce };
}

function readCertificates(members: Members): DocumentParse['certificates'] {
  const leaf = members.bytes('certificate', LARGEST_CERTIFICATE);
  const authorities = members.list('cabundle', MOST_AUTHORITIES, LARGEST_CERTIFICATE);
  return leaf === undefined || authorities === undefined ? undefined : { leaf, authorities };
}

/** Members of the payload, each asked for once; what is wrong is collected. */
class Members {
  readonly findings: FindingDraft[] = [];
  readonly #map: CborMap;

  constructor(map: CborMap) {
    this.#map = map;
  }

  text(member: string, limit: number): string | undefined {
    const value = this.#map.get(member);
    if (typeof value === 'string' && value.length > 0 && value.length <= limit) return value;
    return this.#wrong(member, value, `a text of at most ${limit} characters is due`);
  }

  time(member: string): Date | undefined {
    const value = this.#map.get(member);
    if (typeof value === 'number' && value > 0 && value <= LATEST_TIME) return new Date(value);
    return this.#wrong(member, value, 'milliseconds since 1970 are due');
  }

  bytes(member: string, limit: number): Uint8Array | undefined {
    const value = this.#map.get(member);
    if (value instanceof Uint8Array && value.length > 0 && value.length <= limit) return value;
    return this.#wrong(member, value, `1 to ${limit} bytes are due`);
  }

  /** Null, and the member's absence, say the same. */
  optional(member: string, limit: number): Uint8Array | undefined {
    const value = this.#map.get(member);
    if (value === undefined || value === null) return undefined;
    if (value instanceof Uint8Array && value.length <= limit) return value;
    return this.#wrong(member, value, `null or at most ${limit} bytes are due`);
  }

  list(member: string, most: number, limit: number): readonly Uint8Array[] | undefined {
    const value = this.#map.get(member);
    if (!isCborArray(value) || value.length === 0 || value.length > most) {
      return this.#wrong(member, value, `a list of 1 to ${most} certificates is due`);
    }
    const found: Uint8Array[] = [];
    for (const [index, one] of value.entries()) {
      if (one instanceof Uint8Array && one.length > 0 && one.length <= limit) found.push(one);
      else this.#wrong(`${member}[${index}]`, one, `1 to ${limit} bytes are due`);
    }
    return found.length === value.length ? found : undefined;
  }

  pcrs(member: string): ReadonlyMap<number, Uint8Array> | undefined {
    const value = this.#map.get(member);
    if (!isCborMap(value) || value.size > MOST_PCRS) {
      return this.#wrong(member, value, `a map of at most ${MOST_PCRS} is due`);
    }
    const pcrs = new Map<number, Uint8Array>();
    for (const [index, one] of value) {
      if (typeof index !== 'number' || index < 0 || index >= MOST_PCRS) {
        this.#wrong(member, index, `indexes 0 to ${MOST_PCRS - 1} are due`);
      } else if (!(one instanceof Uint8Array) || !PCR_SIZES.includes(one.length)) {
        this.#wrong(`PCR${index}`, one, '32, 48 or 64 bytes are due');
      } else {
        pcrs.set(index, one);
      }
    }
    for (const index of IMAGE_PCRS) if (!value.has(index)) this.#wrong(`PCR${index}`, undefined, 'it is always there');
    return pcrs;
  }

  #wrong(member: string, value: CborValue | undefined, expected: string): undefined {
    this.findings.push(malformed(`\`${member}\``, describeCbor(value), expected));
  }
}

function malformed(field: string, actual: string, expected: string): FindingDraft {
  return failed('nitro.document.form', {
    subject: 'document',
    params: { field, actual, expected },
    expected,
    actual,
    compare: { relation: 'well-formed', type: 'bytes' },
    source: 'AWS Nitro Enclaves: attestation document',
    origin: { kind: 'spec', document: 'AWS Nitro Enclaves: attestation process' },
  });
}
