/**
 * Evidence of the SNP attester of Confidential Containers: `{"attestation_report": …, "cert_chain": …}`.
 *
 * The report comes as JSON, in the form of the `sev` crate that the guest was built with; its bytes are put together again,
 * because the signature is over them. Releases 0.7 to 0.13 send every field of the binary (flat form), later ones
 * only what has a meaning (structured form). Base64 text of the 1184 bytes is taken as well.
 */
import {
  DecodeError,
  decodeBase64,
  decodeHex,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '@assay/bytes';
import { cut, type FindingDraft, failed, passed, visible } from '@assay/bytes/findings';
import {
  type CertificateKind,
  collect,
  NO_CERTIFICATES,
  type SuppliedCertificates,
} from './endorsement/certificate-table.js';
import { productOfCpuid } from './product.js';
import { REPORT_SIZE } from './report/report.js';
import { tcbLayout } from './tcb.js';

export interface SnpEvidence {
  /** Undefined when the report was not complete. */
  readonly report: Uint8Array | undefined;
  readonly certificates: SuppliedCertificates;
  readonly findings: readonly FindingDraft[];
}

const MOST_CERTIFICATES = 16;
const LARGEST_CERTIFICATE = 64 * 1024;
const LONGEST_TEXT = 2 * REPORT_SIZE;

/** A member that is not as it has to be. */
class MemberFault extends Error {
  readonly member: string;
  readonly actual: string;
  readonly expected: string;

  constructor(member: string, actual: string, expected: string) {
    super(`${member} is ${actual}`);
    this.member = member;
    this.actual = actual;
    this.expected = expected;
  }
}

/** Reads the evidence; unknown members are passed over. */
export function readSnpEvidence(evidence: JsonValue): SnpEvidence {
  const nothing = { report: undefined, certificates: NO_CERTIFICATES };
  if (!isJsonObject(evidence)) {
    return { ...nothing, findings: [malformed(new MemberFault('evidence', describe(evidence), 'an object is due'))] };
  }
  let certificates: SuppliedCertificates;
  try {
    certificates = readChain(own(evidence, 'cert_chain'));
  } catch (error) {
    if (!(error instanceof MemberFault)) throw error;
    return { ...nothing, findings: [malformed(error)] };
  }
  const form = passed('evidence.json.form', 'snp');
  try {
    const report = readReportJson(own(evidence, 'attestation_report'));
    return { report, certificates, findings: [form, passed('snp.report.json', 'attestation_report')] };
  } catch (error) {
    if (!(error instanceof MemberFault)) throw error;
    return { report: undefined, certificates, findings: [form, incomplete(error)] };
  }
}

/** The 1184 bytes of a report in any of its forms. */
function readReportJson(report: JsonValue | undefined): Uint8Array {
  if (typeof report === 'string') return readText(report);
  if (!isJsonObject(report)) throw new MemberFault('attestation_report', describe(report), 'an object is due');
  return own(report, '_author_key_en') === undefined ? structured(report) : flat(report);
}

function readText(text: string): Uint8Array {
  if (text.length > LONGEST_TEXT) {
    throw new MemberFault('attestation_report', `${text.length} characters long`, `at most ${LONGEST_TEXT} are read`);
  }
  try {
    return decodeBase64(text);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new MemberFault('attestation_report', 'a text that is not base64', 'base64 with padding is due');
  }
}

/** Writes members into the binary one after the other. */
class ReportWriter {
  readonly bytes = new Uint8Array(REPORT_SIZE);
  readonly #json: JsonObject;

  constructor(json: JsonObject) {
    this.#json = json;
  }

  /** An unsigned number, little-endian. */
  number(offset: number, size: number, member: string): this {
    return this.value(offset, size, member, own(this.#json, member));
  }

  /** A number that may be null or absent: then the bytes stay zero. */
  optional(offset: number, size: number, member: string): this {
    const found = own(this.#json, member);
    return found === undefined || found === null ? this : this.value(offset, size, member, found);
  }

  array(offset: number, size: number, member: string): this {
    return this.#array(offset, size, member, own(this.#json, member));
  }

  /** Arrays inside an object: `signature.r`. */
  nested(object: string, arrays: readonly (readonly [string, number, number])[]): this {
    const inner = this.object(object);
    for (const [member, offset, size] of arrays) this.#array(offset, size, `${object}.${member}`, own(inner, member));
    return this;
  }

  /** One byte each, of an object: `current.build`. */
  octets(object: string, positions: readonly (readonly [string, number])[]): this {
    const inner = this.object(object);
    for (const [member, offset] of positions) this.value(offset, 1, `${object}.${member}`, own(inner, member));
    return this;
  }

  object(member: string): JsonObject {
    const found = own(this.#json, member);
    if (!isJsonObject(found)) throw new MemberFault(member, describe(found), 'an object is due');
    return found;
  }

  value(offset: number, size: number, member: string, found: JsonValue | undefined): this {
    const limit = 2 ** Math.min(8 * size, 53);
    if (typeof found !== 'number' || !Number.isInteger(found) || found < 0 || found >= limit) {
      const beyond = typeof found === 'number' && size === 8 && found >= limit;
      const actual = beyond ? 'beyond 2^53' : typeof found === 'number' ? String(found) : describe(found);
      throw new MemberFault(member, actual, `an unsigned number of ${size} bytes is due`);
    }
    let rest = found;
    for (let at = offset; at < offset + size; at += 1) {
      this.bytes[at] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    return this;
  }

  #array(offset: number, size: number, member: string, found: JsonValue | undefined): this {
    this.bytes.set(readBytes(member, found, size), offset);
    return this;
  }
}

/** Members that both forms have, at the same places. */
function common(writer: ReportWriter): ReportWriter {
  return writer
    .number(0x000, 4, 'version')
    .number(0x004, 4, 'guest_svn')
    .number(0x008, 8, 'policy')
    .array(0x010, 16, 'family_id')
    .array(0x020, 16, 'image_id')
    .number(0x030, 4, 'vmpl')
    .number(0x034, 4, 'sig_algo')
    .number(0x040, 8, 'plat_info')
    .array(0x050, 64, 'report_data')
    .array(0x090, 48, 'measurement')
    .array(0x0c0, 32, 'host_data')
    .array(0x0e0, 48, 'id_key_digest')
    .array(0x110, 48, 'author_key_digest')
    .array(0x140, 32, 'report_id')
    .array(0x160, 32, 'report_id_ma')
    .array(0x1a0, 64, 'chip_id');
}

const TCBS = [
  ['current_tcb', 0x038],
  ['reported_tcb', 0x180],
  ['committed_tcb', 0x1e0],
  ['launch_tcb', 0x1f0],
] as const;

/** Form of guests 0.14 and later: reserved bytes are left out, so they are zero. */
function structured(json: JsonObject): Uint8Array {
  const writer = common(new ReportWriter(json))
    .number(0x048, 4, 'key_info')
    .optional(0x188, 1, 'cpuid_fam_id')
    .optional(0x189, 1, 'cpuid_mod_id')
    .optional(0x18a, 1, 'cpuid_step')
    .octets('current', [
      ['build', 0x1e8],
      ['minor', 0x1e9],
      ['major', 0x1ea],
    ])
    .octets('committed', [
      ['build', 0x1ec],
      ['minor', 0x1ed],
      ['major', 0x1ee],
    ])
    .optional(0x1f8, 8, 'launch_mit_vector')
    .optional(0x200, 8, 'current_mit_vector')
    .nested('signature', [
      ['r', 0x2a0, 72],
      ['s', 0x2e8, 72],
    ]);
  const [family = 0, model = 0] = writer.bytes.subarray(0x188);
  // Turin names a component more and places the others elsewhere; the member `fmc` is null on the others.
  const layout = tcbLayout(productOfCpuid(family, model) === 'Turin' ? 'Turin' : 'Milan');
  for (const [member, offset] of TCBS) {
    const tcb = writer.object(member);
    const fmc = own(tcb, 'fmc');
    const named: (readonly [string, number])[] = layout.components.map(([name, byte]) => [name, offset + byte]);
    if (fmc !== undefined && fmc !== null && !named.some(([name]) => name === 'fmc')) {
      throw new MemberFault(`${member}.fmc`, describe(fmc), `null is due on CPU family 0x${family.toString(16)}`);
    }
    writer.octets(member, named);
  }
  return writer.bytes;
}

/** Form of guests 0.7 to 0.13: every byte of the binary has a member, so reserved bytes are as the firmware left them. */
function flat(json: JsonObject): Uint8Array {
  const writer = common(new ReportWriter(json))
    .number(0x048, 4, '_author_key_en')
    .number(0x04c, 4, '_reserved_0')
    .array(0x188, 24, '_reserved_1')
    .number(0x1e8, 1, 'current_build')
    .number(0x1e9, 1, 'current_minor')
    .number(0x1ea, 1, 'current_major')
    .number(0x1eb, 1, '_reserved_2')
    .number(0x1ec, 1, 'committed_build')
    .number(0x1ed, 1, 'committed_minor')
    .number(0x1ee, 1, 'committed_major')
    .number(0x1ef, 1, '_reserved_3')
    .array(0x1f8, 168, '_reserved_4')
    .nested('signature', [
      ['r', 0x2a0, 72],
      ['s', 0x2e8, 72],
      ['_reserved', 0x330, 368],
    ]);
  // Always the layout of Milan, whatever the processor: names are wrong on Turin, bytes are right.
  for (const [member, offset] of TCBS) {
    writer
      .octets(member, [
        ['bootloader', offset],
        ['tee', offset + 1],
        ['snp', offset + 6],
        ['microcode', offset + 7],
      ])
      .nested(member, [['_reserved', offset + 2, 4]]);
  }
  return writer.bytes;
}

/** `cert_chain`: null, or entries `{"cert_type": …, "data": bytes}`. */
function readChain(chain: JsonValue | undefined): SuppliedCertificates {
  if (chain === undefined || chain === null) return NO_CERTIFICATES;
  if (!isJsonArray(chain)) throw new MemberFault('cert_chain', describe(chain), 'a list or null is due');
  if (chain.length > MOST_CERTIFICATES) {
    throw new MemberFault('cert_chain', `a list of ${chain.length}`, `at most ${MOST_CERTIFICATES} are read`);
  }
  return collect(
    chain.flatMap((entry, index): (readonly [CertificateKind, Uint8Array])[] => {
      const name = `cert_chain[${index}]`;
      if (!isJsonObject(entry)) throw new MemberFault(name, describe(entry), 'an object is due');
      const kind = own(entry, 'cert_type');
      // `Empty` and `{"OTHER": "<uuid>"}` hold nothing that is verified.
      if (typeof kind !== 'string' && !isJsonObject(kind)) {
        throw new MemberFault(`${name}.cert_type`, describe(kind), 'a name is due');
      }
      if (!isCertificateKind(kind)) return [];
      return [[kind, readBytes(`${name}.data`, own(entry, 'data'), undefined)]];
    }),
  );
}

function isCertificateKind(kind: JsonValue): kind is CertificateKind {
  return typeof kind === 'string' && ['VCEK', 'VLEK', 'ASK', 'ARK', 'CRL'].includes(kind);
}

/** A list of octets, as `serde` writes byte arrays; newer guests write hex text. */
function readBytes(member: string, found: JsonValue | undefined, size: number | undefined): Uint8Array {
  const limit = size ?? LARGEST_CERTIFICATE;
  const expected = size === undefined ? `at most ${limit} bytes are due` : `${size} bytes are due`;
  if (typeof found === 'string' && found.length === 2 * limit && /^[0-9a-f]*$/.test(found)) return decodeHex(found);
  if (!isJsonArray(found)) throw new MemberFault(member, describe(found), expected);
  if (found.length > limit || (size !== undefined && found.length !== size)) {
    throw new MemberFault(member, `${found.length} bytes long`, expected);
  }
  const bytes = new Uint8Array(found.length);
  // A plain loop: reports come as two thousand numbers, on the hot path.
  for (let index = 0; index < found.length; index += 1) {
    const octet = found[index];
    if (typeof octet !== 'number' || !Number.isInteger(octet) || octet < 0 || octet > 255) {
      throw new MemberFault(`${member}[${index}]`, describe(octet), 'a byte is due');
    }
    bytes[index] = octet;
  }
  return bytes;
}

function own(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function describe(found: JsonValue | undefined): string {
  if (found === undefined) return 'absent';
  if (found === null) return 'null';
  return Array.isArray(found) ? 'a list' : `a ${typeof found}`;
}

function malformed({ member, actual, expected }: MemberFault): FindingDraft {
  return failed('evidence.json.form', {
    subject: 'snp',
    params: { member, actual, expected },
    expected,
    actual,
    compare: { relation: 'well-formed', type: 'json' },
    source: 'evidence format of the SNP attester',
  });
}

function incomplete({ member, actual, expected }: MemberFault): FindingDraft {
  return failed('snp.report.json', {
    subject: 'attestation_report',
    params: { member: cut(visible(member), 32), actual, expected },
    expected,
    actual,
    compare: { relation: 'well-formed', type: 'json' },
    source: 'report as the `sev` crate writes it',
    origin: { kind: 'spec', document: 'evidence of the SNP attester' },
    ...(actual === 'beyond 2^53' ? { causes: [{ text: 'number beyond 2^53', confirmed: true as const }] } : {}),
  });
}
