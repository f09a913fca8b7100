import { type AmdProduct, type Item, itemKey, type TcbUpdate, type VcekTcb } from './item.js';

/**
 * The item of a key, as a bundle or the cache has it. Keys of PCK certificates hold a digest and cannot be turned back.
 *
 * @returns undefined for a text that is no such key
 */
export function parseItemKey(key: string): Item | undefined {
  const item = read(key.split('/'));
  // One spelling per item: what does not come back the same was no key of ours.
  try {
    return item !== undefined && itemKey(item) === key ? item : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function read([vendor, kind, a = '', b = '', c = '', ...more]: readonly string[]): Item | undefined {
  if (more.length > 0) return undefined;
  switch (`${vendor}/${kind}`) {
    case 'intel/tcb-info': {
      const update = updateOf(c);
      return isTee(a) && update !== undefined ? { kind: 'tcb-info', tee: a, fmspc: b, update } : undefined;
    }
    case 'intel/qe-identity': {
      const update = updateOf(b);
      return isTee(a) && update !== undefined ? { kind: 'qe-identity', tee: a, update } : undefined;
    }
    case 'intel/tcb-numbers':
      return isTee(a) ? { kind: 'tcb-numbers', tee: a } : undefined;
    case 'intel/pck-crl':
      return a === 'platform' || a === 'processor' ? { kind: 'pck-crl', ca: a } : undefined;
    case 'intel/root-crl':
      return { kind: 'root-crl' };
    case 'amd/vcek': {
      const tcb = tcbOf(c);
      return isProduct(a) && tcb !== undefined ? { kind: 'vcek', product: a, hwId: b, tcb } : undefined;
    }
    case 'amd/vlek': {
      const tcb = tcbOf(b);
      return isProduct(a) && tcb !== undefined ? { kind: 'vlek', product: a, tcb } : undefined;
    }
    case 'amd/chain':
    case 'amd/crl':
      return (a === 'vcek' || a === 'vlek') && isProduct(b)
        ? { kind: kind === 'crl' ? 'amd-crl' : 'amd-chain', key: a, product: b }
        : undefined;
    case 'hygon/hsk-cek':
      return { kind: 'hsk-cek', serial: a };
    case 'nvidia/rim':
      return { kind: 'nvidia-rim', id: a };
    default:
      return undefined;
  }
}

function isTee(text: string): text is 'sgx' | 'tdx' {
  return text === 'sgx' || text === 'tdx';
}

function isProduct(text: string): text is AmdProduct {
  return text === 'Milan' || text === 'Genoa' || text === 'Turin';
}

function updateOf(text: string): TcbUpdate | undefined {
  if (text === 'early' || text === 'standard') return text;
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function tcbOf(text: string): VcekTcb | undefined {
  const parts = text.split('.').map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : Number.NaN));
  if (parts.some(Number.isNaN) || (parts.length !== 4 && parts.length !== 5)) return undefined;
  const [bootloader = 0, tee = 0, snp = 0, microcode = 0] = parts.slice(-4);
  const [fmc = 0] = parts;
  return { ...(parts.length === 5 ? { fmc } : {}), bootloader, tee, snp, microcode };
}
