import {
  DecodeError,
  encodeUtf8,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import type { IntelTee, Item, TcbUpdate } from '../item/item.js';
import { type Answer, decodeChainHeader, readCrl, readSignedAnswer } from './answer.js';
import { failure, type Source, type SourceResult } from './source.js';

export interface PcsToolOptions {
  /** For findings: the file's name. */
  readonly name: string;
  /** The file's bytes as they are now. */
  readonly read: () => Promise<Uint8Array>;
}

const FORMAT = 'PCS client tool file';
const LIMITS = { maxBytes: 64 * 1024 * 1024, maxDepth: 24 };

/**
 * The JSON file that Intel's PCS client tool writes (`collaterals` with `tcbinfos`, `pckcacrl`, `qeidentity` …), which Trustee takes
 * as `file://` collateral service. `early` falls back to the standard entry where the file has no other.
 */
export function pcsToolSource({ name, read }: PcsToolOptions): Source {
  return {
    name,
    provides: ({ kind }) => kind === 'tcb-info' || kind === 'qe-identity' || kind === 'pck-crl' || kind === 'root-crl',
    fetch: async (item) => {
      let bytes: Uint8Array;
      try {
        bytes = await read();
      } catch (error) {
        return failure({ kind: 'unreachable', reason: error instanceof Error ? error.message : 'not read', ms: 0 });
      }
      try {
        return pick(item, collaterals(bytes));
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        return failure({ kind: 'form', what: error.message });
      }
    },
  };
}

function pick(item: Item, file: JsonObject): SourceResult {
  const answer = answerFor(item, file);
  return answer === undefined ? failure({ kind: 'unknown' }) : { kind: 'answer', answer };
}

function answerFor(item: Item, file: JsonObject): Answer | undefined {
  const certificates = object(file['certificates']);
  switch (item.kind) {
    case 'tcb-info': {
      const list = file['tcbinfos'];
      const entries = list !== undefined && isJsonArray(list) ? list : [];
      const entry = entries
        .map(object)
        .find(({ fmspc }) => typeof fmspc === 'string' && fmspc.toLowerCase() === item.fmspc);
      const document = entry === undefined ? undefined : byUpdate(entry, `${item.tee}_tcbinfo`, item.update);
      // Files of API v3 name the chain as that API does.
      const chain = certificates['TCB-Info-Issuer-Chain'] ?? certificates['SGX-TCB-Info-Issuer-Chain'];
      return document === undefined ? undefined : readSignedAnswer(document, ['tcbInfo'], text(chain));
    }
    case 'qe-identity': {
      const document = byUpdate(file, IDENTITY[item.tee], item.update);
      const chain = text(certificates['SGX-Enclave-Identity-Issuer-Chain']);
      return document === undefined ? undefined : readSignedAnswer(document, ['enclaveIdentity', 'qeIdentity'], chain);
    }
    case 'pck-crl': {
      const crl = text(object(file['pckcacrl'])[item.ca === 'platform' ? 'platformCrl' : 'processorCrl']);
      if (crl === undefined) return undefined;
      const chains = object(certificates['SGX-PCK-Certificate-Issuer-Chain']);
      const chain = decodeChainHeader(text(chains[item.ca.toUpperCase()]));
      const { pieces, ...dates } = readCrl(encodeUtf8(crl), 'pck_crl');
      return { pieces: { ...pieces, pck_crl_issuer_chain: chain }, ...dates };
    }
    case 'root-crl': {
      const crl = text(file['rootcacrl']);
      return crl === undefined ? undefined : readCrl(encodeUtf8(crl), 'root_ca_crl');
    }
    default:
      return undefined;
  }
}

const IDENTITY: Readonly<Record<IntelTee, string>> = { sgx: 'qeidentity', tdx: 'tdqeidentity' };

function byUpdate(entry: JsonObject, name: string, update: TcbUpdate): Uint8Array | undefined {
  // The file says nothing of numbers: one that is asked for cannot be promised.
  if (typeof update === 'number') return undefined;
  const early = update === 'early' ? document(entry[`${name}_early`]) : undefined;
  return early ?? document(entry[name]);
}

/**
 * A document stands in the file as text, or as an object: then its text is made again without white space, as Intel serves it. The
 * signature, which is checked later, tells whether that was right.
 */
function document(value: JsonValue | undefined): Uint8Array | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return encodeUtf8(value);
  return isJsonObject(value) ? encodeUtf8(JSON.stringify(value)) : undefined;
}

function collaterals(bytes: Uint8Array): JsonObject {
  const file = parseJsonStrict(bytes, LIMITS);
  const inner = isJsonObject(file) ? file['collaterals'] : undefined;
  if (inner === undefined || !isJsonObject(inner)) throw new DecodeError(FORMAT, 'collaterals is not an object');
  return inner;
}

function object(value: JsonValue | undefined): JsonObject {
  return value !== undefined && isJsonObject(value) ? value : {};
}

function text(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
