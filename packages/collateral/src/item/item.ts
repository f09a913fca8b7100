import { createHash } from 'node:crypto';

export type IntelTee = 'sgx' | 'tdx';
export type PckCa = 'platform' | 'processor';
export type AmdProduct = 'Milan' | 'Genoa' | 'Turin';
/** Endorsement key of an SNP report. */
export type AmdKey = 'vcek' | 'vlek';

/** `early` and `standard` channels, or one TCB evaluation data number. */
export type TcbUpdate = 'early' | 'standard' | number;

/** Components of a VCEK, as the report gives them. `fmc` on Turin only. */
export interface VcekTcb {
  readonly fmc?: number;
  readonly bootloader: number;
  readonly tee: number;
  readonly snp: number;
  readonly microcode: number;
}

/** A PCK certificate, by what quotes of certification types 1 to 3 say. Lower-case hex. */
export interface PckRequest {
  readonly encryptedPpid: string;
  readonly cpuSvn: string;
  /** As the quote has it, little-endian. */
  readonly pceSvn: string;
  readonly pceId: string;
  readonly qeId?: string;
}

/** One thing that a vendor publishes. */
export type Item =
  | { readonly kind: 'tcb-info'; readonly tee: IntelTee; readonly fmspc: string; readonly update: TcbUpdate }
  | { readonly kind: 'qe-identity'; readonly tee: IntelTee; readonly update: TcbUpdate }
  | { readonly kind: 'tcb-numbers'; readonly tee: IntelTee }
  | { readonly kind: 'pck-crl'; readonly ca: PckCa }
  | { readonly kind: 'root-crl' }
  | { readonly kind: 'pck-certificate'; readonly request: PckRequest }
  | { readonly kind: 'vcek'; readonly product: AmdProduct; readonly hwId: string; readonly tcb: VcekTcb }
  | { readonly kind: 'vlek'; readonly product: AmdProduct; readonly tcb: VcekTcb }
  | { readonly kind: 'amd-chain'; readonly product: AmdProduct; readonly key: AmdKey }
  | { readonly kind: 'amd-crl'; readonly product: AmdProduct; readonly key: AmdKey }
  | { readonly kind: 'hsk-cek'; readonly serial: string }
  | { readonly kind: 'nvidia-rim'; readonly id: string };

/** Key of an item in caches and bundles: lower-case words with slashes, at most 200 characters. */
export function itemKey(item: Item): string {
  switch (item.kind) {
    case 'tcb-info':
      return `intel/tcb-info/${item.tee}/${checked(item.fmspc, FMSPC, 'FMSPC')}/${updateText(item.update)}`;
    case 'qe-identity':
      return `intel/qe-identity/${item.tee}/${updateText(item.update)}`;
    case 'tcb-numbers':
      return `intel/tcb-numbers/${item.tee}`;
    case 'pck-crl':
      return `intel/pck-crl/${item.ca}`;
    case 'root-crl':
      return 'intel/root-crl';
    case 'pck-certificate':
      return `intel/pck-certificate/${pckDigest(item.request)}`;
    case 'vcek':
      return `amd/vcek/${item.product}/${checked(item.hwId, HW_ID, 'hwID')}/${tcbText(item.tcb)}`;
    case 'vlek':
      return `amd/vlek/${item.product}/${tcbText(item.tcb)}`;
    case 'amd-chain':
    case 'amd-crl':
      return `amd/${item.kind === 'amd-crl' ? 'crl' : 'chain'}/${item.key}/${item.product}`;
    case 'hsk-cek':
      return `hygon/hsk-cek/${checked(item.serial, SERIAL, 'serial number')}`;
    case 'nvidia-rim':
      return `nvidia/rim/${checked(item.id, RIM, 'RIM name')}`;
  }
}

/** How findings name it. */
export function itemName(item: Item): string {
  switch (item.kind) {
    case 'tcb-info':
      return 'TCB info';
    case 'qe-identity':
      return 'QE identity';
    case 'tcb-numbers':
      return 'TCB evaluation numbers';
    case 'pck-crl':
      return `PCK CRL (${item.ca})`;
    case 'root-crl':
      return 'root CA CRL';
    case 'pck-certificate':
      return 'PCK certificate';
    case 'vcek':
      return 'VCEK';
    case 'vlek':
      return `VLEK (${item.product})`;
    case 'amd-chain':
      return item.key === 'vcek' ? `ASK and ARK (${item.product})` : `ASVK and ARK (${item.product})`;
    case 'amd-crl':
      return `AMD CRL (${item.product})`;
    case 'hsk-cek':
      return 'HSK and CEK';
    case 'nvidia-rim':
      return `RIM ${item.id}`;
  }
}

/** What it is about: an FMSPC, a chip, a product. */
export function itemSubject(item: Item): string {
  switch (item.kind) {
    case 'tcb-info':
      return `FMSPC ${item.fmspc}`;
    case 'vcek':
      return `chip ${item.hwId}`;
    case 'hsk-cek':
      return `chip ${item.serial}`;
    case 'nvidia-rim':
      return item.id;
    case 'pck-certificate':
      return `platform ${pckDigest(item.request)}`;
    case 'vlek':
    case 'amd-chain':
    case 'amd-crl':
      return item.product;
    case 'qe-identity':
    case 'tcb-numbers':
      return item.tee;
    case 'pck-crl':
      return `${item.ca} CA`;
    case 'root-crl':
      return 'Intel SGX Root CA';
  }
}

/** True where the vendor's answer never changes: it is fetched once, ever. */
export function immutable(item: Item): boolean {
  return item.kind === 'vcek' || item.kind === 'hsk-cek';
}

const FMSPC = /^[0-9a-f]{12}$/;
const HW_ID = /^(?:[0-9a-f]{16}|[0-9a-f]{128})$/;
/** Of Hygon's chips: it becomes part of URLs and paths. */
const SERIAL = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
/** Names of NVIDIA's reference manifests: they become part of URLs. */
const RIM = /^[A-Z0-9][A-Z0-9_.]{0,95}$/;
const HEX = /^(?:[0-9a-f]{2})+$/;

function checked(text: string, form: RegExp, what: string): string {
  if (!form.test(text)) throw new RangeError(`${what} is not in its form (${form.source})`);
  return text;
}

function updateText(update: TcbUpdate): string {
  if (typeof update !== 'number') return update;
  if (!Number.isSafeInteger(update) || update < 0) throw new RangeError('TCB evaluation data number');
  return String(update);
}

function tcbText({ fmc, bootloader, tee, snp, microcode }: VcekTcb): string {
  const parts = [...(fmc === undefined ? [] : [fmc]), bootloader, tee, snp, microcode];
  if (!parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255)) throw new RangeError('TCB component');
  return parts.join('.');
}

/** The encrypted PPID is long and names a machine: keys hold a digest of it. */
function pckDigest({ encryptedPpid, cpuSvn, pceSvn, pceId, qeId = '' }: PckRequest): string {
  const parts = [encryptedPpid, cpuSvn, pceSvn, pceId].map((text) => checked(text, HEX, 'PCK request'));
  const text = [...parts, qeId === '' ? '' : checked(qeId, HEX, 'QE id')].join('/');
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
