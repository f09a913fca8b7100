/** SGX extension of PCK certificates (Intel SGX PCK Certificate and CRL Profile Specification, section 3.6). */
import { DER_TAG, DecodeError, type DerReader } from '@assay/bytes';
import { type Certificate, extensionReader } from '../../x509/index.js';

type SgxType = 'Standard' | 'Scalable' | 'Scalable with Integrity';

/** What Intel certifies about a platform: identity and TCB. */
export interface PckPlatform {
  readonly ppid: Uint8Array;
  /** SGX TCB component SVNs 1 to 16, in order, each 0 to 255. */
  readonly components: readonly number[];
  readonly pceSvn: number;
  readonly cpuSvn: Uint8Array;
  readonly pceId: Uint8Array;
  readonly fmspc: Uint8Array;
  readonly sgxType: SgxType;
  /** Platform CA only. */
  readonly platformInstanceId: Uint8Array | undefined;
  readonly dynamicPlatform: boolean | undefined;
  readonly cachedKeys: boolean | undefined;
  readonly smtEnabled: boolean | undefined;
}

const SGX = '1.2.840.113741.1.13.1';
const SGX_TYPES: readonly SgxType[] = ['Standard', 'Scalable', 'Scalable with Integrity'];
const FORMAT = 'SGX extension';

/** @throws DecodeError that names what is missing, doubled or out of range. */
export function readPckPlatform(certificate: Certificate): PckPlatform {
  const reader = extensionReader(certificate.extensions, SGX);
  if (reader === undefined) throw new DecodeError(FORMAT, 'the extension is absent');
  const members = readPairs(reader.sequence(), SGX);
  reader.end();
  const tcb = readPairs(inner(members, `${SGX}.2`, 'TCB'), `${SGX}.2`);
  const configurationReader = members.get(`${SGX}.7`);
  const configuration =
    configurationReader === undefined ? undefined : readPairs(configurationReader.sequence(), `${SGX}.7`);
  const components = Array.from({ length: 16 }, (_, index) =>
    integer(tcb, `${SGX}.2.${index + 1}`, `TCB component ${index + 1}`, 255),
  );
  const type = value(members, `${SGX}.5`, 'SGX type').smallInteger(DER_TAG.enumerated);
  const sgxType = SGX_TYPES[type];
  if (sgxType === undefined) throw new DecodeError(FORMAT, `SGX type ${type} is unknown`);
  const instance = members.get(`${SGX}.6`);
  return {
    ppid: octets(members, `${SGX}.1`, 'PPID', 16),
    components,
    pceSvn: integer(tcb, `${SGX}.2.17`, 'PCESVN', 65535),
    cpuSvn: octets(tcb, `${SGX}.2.18`, 'CPUSVN', 16),
    pceId: octets(members, `${SGX}.3`, 'PCE id', 2),
    fmspc: octets(members, `${SGX}.4`, 'FMSPC', 6),
    sgxType,
    platformInstanceId: instance === undefined ? undefined : octets(members, `${SGX}.6`, 'platform instance id', 16),
    dynamicPlatform: flag(configuration, `${SGX}.7.1`),
    cachedKeys: flag(configuration, `${SGX}.7.2`),
    smtEnabled: flag(configuration, `${SGX}.7.3`),
  };
}

/** SEQUENCE of SEQUENCE { OID, value }, every OID below `parent` and at most once. */
function readPairs(reader: DerReader, parent: string): Map<string, DerReader> {
  const members = new Map<string, DerReader>();
  while (!reader.atEnd) {
    const pair = reader.sequence();
    const oid = pair.oid();
    const element = pair.again(pair.any());
    pair.end();
    if (!oid.startsWith(`${parent}.`)) throw new DecodeError(FORMAT, `${oid} does not belong there`);
    if (members.has(oid)) throw new DecodeError(FORMAT, `${oid} stands twice`);
    members.set(oid, element);
  }
  return members;
}

function value(members: ReadonlyMap<string, DerReader>, oid: string, name: string): DerReader {
  const reader = members.get(oid);
  if (reader === undefined) throw new DecodeError(FORMAT, `${name} is absent`);
  return reader;
}

function inner(members: ReadonlyMap<string, DerReader>, oid: string, name: string): DerReader {
  return value(members, oid, name).sequence();
}

function integer(members: ReadonlyMap<string, DerReader>, oid: string, name: string, most: number): number {
  const number = value(members, oid, name).smallInteger();
  if (number > most) throw new DecodeError(FORMAT, `${name} is ${number}; at most ${most}`);
  return number;
}

function octets(members: ReadonlyMap<string, DerReader>, oid: string, name: string, size: number): Uint8Array {
  const bytes = value(members, oid, name).octetString();
  if (bytes.length !== size) throw new DecodeError(FORMAT, `${name} has ${bytes.length} bytes; ${size} are right`);
  return bytes;
}

function flag(members: ReadonlyMap<string, DerReader> | undefined, oid: string): boolean | undefined {
  return members?.get(oid)?.boolean();
}
