import { type KeyObject, verify, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { encodeBase64, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import { createSgxVerifier, createTdxVerifier, type Verifier } from '@assay/evidence';
import {
  authenticateQuote,
  intelTrust,
  type ParsedQuote,
  parseCollateralBundle,
  parseQuote,
  type RawCollateral,
  verifyCollateral,
} from '@assay/evidence/dcap';
import { KeyCache, vendorKeys } from '@assay/evidence/x509';
import { vectorsArea } from '@assay/testkit';
import { type Collateral, verify as phalaVerify } from '@phala/dcap-qvl';
import { initSync, js_verify } from '@phala/dcap-qvl-web';
import { coldSignatures, importPoint } from './dcap-floor.js';

export const TEES = ['tdx', 'sgx'] as const;
export type Tee = (typeof TEES)[number];

/** Quotes of real hardware. */
const SAMPLES: Readonly<Record<Tee, string>> = { tdx: 'tdx-v4-uptodate', sgx: 'sgx-xeon-e-processor-ca' };

interface Sample {
  readonly bytes: Uint8Array;
  readonly quote: ParsedQuote;
  readonly bundle: JsonObject;
  readonly raw: RawCollateral;
  readonly now: Date;
}

export const CONTENDERS = [
  'raw_signatures',
  'warm',
  'warm_kept_key',
  'verifier_with_claims',
  'cold_signatures',
  'cold',
  'phala_js',
  'phala_wasm',
] as const;
export type Contender = (typeof CONTENDERS)[number];

/** Who takes part, by name. Each verifies the sample once per call, and throws where it refuses. */
export function contenders(tee: Tee): Readonly<Record<Contender, () => void>> {
  const { bundle, bytes, now, quote, raw } = load(tee, SAMPLES[tee]);
  const warm = verifyCollateral(raw, intelTrust());
  const keptKeys = new KeyCache(8);
  const noKeys = new KeyCache(0);
  const verifier: Verifier = (tee === 'sgx' ? createSgxVerifier : createTdxVerifier)({ keys: noKeys });
  const evidence = { quote: encodeBase64(bytes) };
  const endorsements = { collateral: new TextEncoder().encode(JSON.stringify(bundle)) };
  const pck = pckKey(quote);
  const signatures = coldSignatures(quote, raw);
  initSync({
    module: readFileSync(createRequire(import.meta.url).resolve('@phala/dcap-qvl-web/dcap-qvl-web_bg.wasm')),
  });
  const seconds = BigInt(Math.floor(now.getTime() / 1000));
  return {
    raw_signatures: () => must(rawSignatures(quote, pck)),
    warm: () => must(authentic(bytes, warm, now, noKeys)),
    warm_kept_key: () => must(authentic(bytes, warm, now, keptKeys)),
    verifier_with_claims: () =>
      must(verifier.verify({ evidence, reportData: undefined, initData: undefined, endorsements, now }).accepted),
    cold_signatures: () => must(signatures()),
    cold: () => {
      vendorKeys.clear();
      must(authentic(bytes, verifyCollateral(raw, intelTrust()), now, noKeys));
    },
    phala_js: () =>
      must(phalaVerify(Buffer.from(bytes), bundle as unknown as Collateral, Number(seconds)) !== undefined),
    phala_wasm: () => must(js_verify(bytes, bundle, seconds) !== undefined),
  };
}

function authentic(
  bytes: Uint8Array,
  collateral: ReturnType<typeof verifyCollateral>,
  now: Date,
  keys: KeyCache,
): boolean {
  const { quote } = parseQuote(bytes);
  return quote !== undefined && authenticateQuote(quote, collateral, now, { keys }).authentic !== undefined;
}

function rawSignatures(quote: ParsedQuote, pck: KeyObject): boolean {
  const { attestationKey, qeReport, qeReportSignature, signature, signed } = quote;
  const key = importPoint(attestationKey);
  return (
    verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature) &&
    verify('sha256', qeReport.bytes, { key: pck, dsaEncoding: 'ieee-p1363' }, qeReportSignature)
  );
}

function pckKey(quote: ParsedQuote): KeyObject {
  const [pem = ''] = Buffer.from(quote.certification.data)
    .toString('latin1')
    .split(/(?<=-----END CERTIFICATE-----)/);
  return new X509Certificate(pem).publicKey;
}

function load(area: string, id: string): Sample {
  const folder = vectorsArea(area);
  if (folder === undefined) throw new Error('the vectors are needed: set ASSAY_VECTORS');
  const bytes = new Uint8Array(readFileSync(join(folder, id, 'quote.dat')));
  const text = new Uint8Array(readFileSync(join(folder, id, 'collateral.json')));
  const bundle = parseJsonStrict(text);
  const { quote } = parseQuote(bytes);
  if (quote === undefined || !isJsonObject(bundle)) throw new Error(`vector ${id} could not be read`);
  return { bytes, quote, bundle, raw: parseCollateralBundle(text), now: timeOf(folder, id) };
}

function timeOf(folder: string, id: string): Date {
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  const entry = (manifest as readonly { id: string; verification_time: string }[]).find((one) => one.id === id);
  if (entry === undefined) throw new Error(`vector ${id} is missing`);
  return new Date(entry.verification_time);
}

function must(holds: boolean): void {
  if (!holds) throw new Error('a contender refused the sample');
}
