/** What the evidence of one entry is to be bound to, and what stands in the claims for it. */
import { encodeUtf8, type JsonValue } from '@assay/bytes';
import { asAssayError } from '@assay/bytes/findings';
import type { ExpectedInitData, ExpectedReportData } from '@assay/evidence';
import { canonicalBytes, DEFAULT_HASH_ALGORITHM, digest, parseInitData } from '@assay/protocol';
import type { EvidenceEntry, HashAlgorithm, InitData, RuntimeData } from '../contract.js';

export interface Expectations {
  readonly reportData: readonly ExpectedReportData[] | undefined;
  /** The texts behind `reportData`, for finding out which other hash a guest used. */
  readonly texts: readonly HashedText[];
  readonly initData: ExpectedInitData | undefined;
  /** `null` unless the runtime data came as an object. */
  readonly runtimeClaims: JsonValue;
  /** `null` unless the init-data came as a document. */
  readonly initDataClaims: JsonValue;
}

export interface HashedText {
  readonly bytes: Uint8Array;
  readonly members: string;
}

/** @throws AssayError `binding.init-data.form`, `request.body.form` for what has no canonical form */
export function expectationsOf(entry: EvidenceEntry): Expectations {
  try {
    const algorithm = entry.hashAlgorithm ?? DEFAULT_HASH_ALGORITHM;
    const texts = hashedTexts(entry.runtimeData);
    return {
      reportData: reportData(entry.runtimeData, texts, algorithm),
      texts,
      runtimeClaims: entry.runtimeData.form === 'structured' ? entry.runtimeData.value : null,
      ...initDataOf(entry.initData),
    };
  } catch (thrown) {
    throw asAssayError(thrown);
  }
}

function hashedTexts(runtimeData: RuntimeData): readonly HashedText[] {
  if (runtimeData.form !== 'structured') return [];
  const { value, preimages } = runtimeData;
  if (preimages !== undefined && preimages.length > 0) {
    return preimages.map(({ text, members }) => ({ bytes: encodeUtf8(text), members }));
  }
  return [{ bytes: canonicalBytes(value), members: Object.keys(value).sort().join(', ') }];
}

function reportData(
  runtimeData: RuntimeData,
  texts: readonly HashedText[],
  algorithm: HashAlgorithm,
): readonly ExpectedReportData[] | undefined {
  if (runtimeData.form === 'none') return undefined;
  if (runtimeData.form === 'raw') return [{ bytes: runtimeData.bytes, algorithm: 'raw', members: 'bytes as given' }];
  return texts.map(({ bytes, members }) => ({ bytes: digest(algorithm, bytes), algorithm, members }));
}

function initDataOf(initData: InitData): Pick<Expectations, 'initData' | 'initDataClaims'> {
  if (initData.form === 'none') return { initData: undefined, initDataClaims: null };
  if (initData.form === 'digest') return { initData: { digest: initData.digest }, initDataClaims: null };
  const document = parseInitData(initData.text);
  return { initData: { digest: document.digest, algorithm: document.algorithm }, initDataClaims: document.claims };
}
