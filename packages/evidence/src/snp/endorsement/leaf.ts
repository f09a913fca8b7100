/** Leaf certificates of AMD's key distribution service: VCEK and VLEK (AMD 57230, section 3). */
import { DER_TAG, DecodeError, DerReader, decodeText } from '@assay/bytes';
import { type Certificate, type Extension, nameInWords } from '../../x509/index.js';
import { isProduct, type Product } from '../product.js';
import { TCB_COMPONENTS, type Tcb, type TcbComponent, tcbLayout } from '../tcb.js';

export type LeafKind = 'VCEK' | 'VLEK';

/** What a leaf certificate says of the key in it. */
export interface AmdLeaf {
  readonly certificate: Certificate;
  /** By the CSP id extension, whatever a file or a table calls it. */
  readonly kind: LeafKind;
  /** Product line: the product name extension up to the first `-`. */
  readonly product: Product;
  /** As it stands: `Milan-B0`. */
  readonly productName: string;
  readonly tcb: Tcb;
  /** SPL of the reserved bytes of TCB_VERSION, by number of the extension; absent ones are zero. */
  readonly reservedSpl: ReadonlyMap<number, number>;
  /** VCEK only: 64 bytes, 8 on Turin. */
  readonly hardwareId: Uint8Array | undefined;
  /** VLEK only. */
  readonly cspId: string | undefined;
}

const ARC = '1.3.6.1.4.1.3704.1';
const OID = {
  structureVersion: `${ARC}.1`,
  productName: `${ARC}.2`,
  hardwareId: `${ARC}.4`,
  cspId: `${ARC}.5`,
} as const;
const SPL: { readonly [component in TcbComponent]: string } = {
  bootloader: `${ARC}.3.1`,
  tee: `${ARC}.3.2`,
  snp: `${ARC}.3.3`,
  microcode: `${ARC}.3.8`,
  fmc: `${ARC}.3.9`,
};
const RESERVED_SPLS = [4, 5, 6, 7] as const;
const FORMAT = 'AMD leaf certificate';

/** Reads the extensions of a VCEK or VLEK. @throws DecodeError in the words of findings */
export function readLeaf(certificate: Certificate): AmdLeaf {
  const { extensions } = certificate;
  if (certificate.publicKey.type !== 'ec-p384') throw fault(`key is ${certificate.publicKey.type}; ec-p384 is wanted`);
  const structure = integer(extensions, OID.structureVersion, 'structure version');
  const productName = text(extensions, OID.productName, 'product name');
  const [product = ''] = productName.split('-');
  if (!isProduct(product)) throw fault(`product name is \`${productName.slice(0, 32)}\`, not a known product`);
  const cspId = optional(extensions, OID.cspId) === undefined ? undefined : text(extensions, OID.cspId, 'CSP id');
  const kind: LeafKind = cspId === undefined ? 'VCEK' : 'VLEK';
  if (structure > 1) throw fault(`structure version is ${structure}; 0 and 1 are known`);
  return {
    certificate,
    kind,
    product,
    productName,
    tcb: readSpls(extensions, product),
    reservedSpl: readReservedSpls(extensions, product),
    hardwareId: readHardwareId(extensions, product, kind),
    cspId,
  };
}

function readSpls(extensions: readonly Extension[], product: Product): Tcb {
  const wanted = new Set(tcbLayout(product).components.map(([name]) => name));
  const stray = TCB_COMPONENTS.find((name) => !wanted.has(name) && optional(extensions, SPL[name]) !== undefined);
  if (stray !== undefined) throw fault(`${stray} SPL is present; ${product} has none`);
  return Object.fromEntries([...wanted].map((name) => [name, svn(extensions, SPL[name], `${name} SPL`)])) as Tcb;
}

/** Extensions of the reserved bytes: those that the product has bytes for. */
function readReservedSpls(extensions: readonly Extension[], product: Product): ReadonlyMap<number, number> {
  const known = new Set<number>(tcbLayout(product).reserved.map(([spl]) => spl));
  const values = new Map<number, number>();
  for (const spl of RESERVED_SPLS) {
    const oid = `${ARC}.3.${spl}`;
    if (optional(extensions, oid) === undefined) continue;
    const value = svn(extensions, oid, `spl${spl}`);
    if (!known.has(spl) && value !== 0) throw fault(`spl${spl} is ${value}; ${product} has no byte for it`);
    values.set(spl, value);
  }
  return values;
}

function readHardwareId(extensions: readonly Extension[], product: Product, kind: LeafKind): Uint8Array | undefined {
  const extension = optional(extensions, OID.hardwareId);
  if (kind === 'VLEK') {
    if (extension !== undefined) throw fault('hwID is present in a VLEK, which names no chip');
    return undefined;
  }
  if (extension === undefined) throw fault('hwID is absent, and so is the CSP id of a VLEK');
  const size = product === 'Turin' ? 8 : 64;
  const { value } = extension;
  // Both encodings are in the field: the bytes themselves, and an OCTET STRING around them.
  const wrapped = value.length === size + 2 && value[0] === DER_TAG.octetString && value[1] === size;
  const bytes = wrapped ? value.subarray(2) : value;
  if (bytes.length !== size) throw fault(`hwID is ${value.length} bytes; ${size} are wanted for ${product}`);
  return bytes;
}

function optional(extensions: readonly Extension[], oid: string): Extension | undefined {
  return extensions.find((extension) => extension.oid === oid);
}

/** The value of an extension that must be there, read to its end. */
function value<T>(extensions: readonly Extension[], oid: string, name: string, read: (reader: DerReader) => T): T {
  const extension = optional(extensions, oid);
  if (extension === undefined) throw fault(`${name} is absent`);
  try {
    const reader = new DerReader(extension.value, extension.offset);
    const result = read(reader);
    reader.end();
    return result;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw fault(`${name} is not of its type: ${error.reason}`);
  }
}

function integer(extensions: readonly Extension[], oid: string, name: string): number {
  return value(extensions, oid, name, (reader) => reader.smallInteger());
}

/** A security version number: one byte of TCB_VERSION. */
function svn(extensions: readonly Extension[], oid: string, name: string): number {
  const number = integer(extensions, oid, name);
  if (number > 0xff) throw fault(`${name} is ${number}; at most 255`);
  return number;
}

function text(extensions: readonly Extension[], oid: string, name: string): string {
  return value(extensions, oid, name, (reader) => decodeText(reader.element(DER_TAG.ia5String)));
}

function fault(reason: string): DecodeError {
  return new DecodeError(FORMAT, reason);
}

/** `VCEK of chip c38427a3…524e`, `VLEK of CN=cc-us-east-2.amazonaws.com`, for lines of text. */
export function leafInWords(leaf: AmdLeaf): string {
  return leaf.cspId === undefined ? nameInWords(leaf.certificate.subject) : `VLEK of ${leaf.cspId.slice(0, 64)}`;
}
