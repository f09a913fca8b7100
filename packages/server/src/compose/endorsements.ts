import { readFileSync } from 'node:fs';
import type { Endorsed, EndorsementRequest, EndorsementSource } from '@assay/attestation-service';
import { DecodeError, decodeBase64, isJsonObject, type JsonValue } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import {
  AmdCollateral,
  Budget,
  type CollateralCache,
  type CollateralSet,
  Fetcher,
  IntelCollateral,
  kdsSource,
  nodeTransport,
  pcsSource,
  type Source,
  type Timing,
} from '@assay/collateral';
import { collateralFromEndorsements, collateralNeeds, intelTrust, verifyCollateral } from '@assay/evidence/dcap';
import { amdTrust, snpNeeds } from '@assay/evidence/snp';
import { parseCertificates, type TrustAnchor } from '@assay/evidence/x509';
import type { Storage } from '@assay/storage';
import type { Settings } from '../config/schema.js';

const NOTHING: Endorsed = { endorsements: {}, findings: [], collateral: [] };

/** What hardware vendors say, for the evidence of SGX, TDX and SEV-SNP: from storage while it is good, from the vendors otherwise. */
export class VendorEndorsements implements EndorsementSource {
  readonly intel: IntelCollateral;
  readonly amd: AmdCollateral;

  constructor(options: {
    readonly settings: Settings['collateral'];
    readonly emulatedRoots: readonly TrustAnchor[];
    readonly storage: Storage;
    readonly timing: Timing;
  }) {
    const { settings, emulatedRoots, timing } = options;
    const cache = storedCache(options.storage);
    const policy = {
      refreshAfterMs: settings.refresh_after * HOUR,
      expireAfterMs: settings.expire_after * HOUR,
      staleIfErrorMs: settings.stale_if_error * HOUR,
    };
    const trust = intelTrust(emulatedRoots);
    this.intel = new IntelCollateral({
      sources: intelSources(settings, timing),
      cache,
      timing,
      policy,
      update: settings.tcb_update,
      verify: (endorsements) => verifyCollateral(collateralFromEndorsements(endorsements), trust).findings,
    });
    this.amd = new AmdCollateral({
      sources: amdSources(settings, timing),
      cache,
      timing,
      policy,
      anchors: amdTrust(emulatedRoots).anchors,
    });
  }

  async endorse(request: EndorsementRequest): Promise<Endorsed> {
    switch (request.tee) {
      case 'tdx':
      case 'sgx':
        return this.#forQuote(request.evidence);
      case 'snp':
        return this.#forReport(request.evidence);
      default:
        return NOTHING;
    }
  }

  async #forQuote(evidence: JsonValue): Promise<Endorsed> {
    const quote = quoteOf(evidence);
    const needs = quote === undefined ? undefined : collateralNeeds(quote);
    // Without a platform there is nothing to ask for: the verifier says what is wrong with the quote.
    if (needs === undefined || !('fmspc' in needs)) return NOTHING;
    return endorsed(await this.intel.get({ tee: needs.tee, fmspc: needs.fmspc, ca: needs.ca }));
  }

  async #forReport(evidence: JsonValue): Promise<Endorsed> {
    const needs = snpNeeds(evidence);
    if (needs?.product === undefined) return NOTHING;
    const { product, kind, hardwareId, tcb, suppliesLeaf } = needs;
    const wantsLeaf = !suppliesLeaf && kind === 'VCEK' && hardwareId !== undefined;
    return endorsed(
      await this.amd.get({
        product,
        key: kind === 'VLEK' ? 'vlek' : 'vcek',
        ...(wantsLeaf ? { leaf: { hwId: hardwareId, tcb } } : {}),
      }),
    );
  }
}

const HOUR = 3_600_000;

function endorsed({ endorsements, findings, uses }: CollateralSet): Endorsed {
  return { endorsements, findings, collateral: uses };
}

function quoteOf(evidence: JsonValue): Uint8Array | undefined {
  const quote = isJsonObject(evidence) ? evidence['quote'] : undefined;
  if (typeof quote !== 'string') return undefined;
  try {
    return decodeBase64(quote);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** Roots of emulated hardware that the owner added by name. @throws AssayError `config.file.form` */
export function emulatedRoots(settings: Settings['trust']): readonly TrustAnchor[] {
  return settings.emulated_roots.flatMap((path) => {
    try {
      return parseCertificates(new Uint8Array(readFileSync(path))).map((certificate) => ({
        name: `emulated root ${path.split('/').at(-1) ?? path} (${certificate.fingerprint.slice(0, 16)}…)`,
        publicKey: certificate.publicKey.der,
        emulated: true as const,
      }));
    } catch (error) {
      const actual = `${path}: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`;
      throw assayError('config.file.form', {
        params: {
          file: 'settings',
          line: '',
          key: 'trust.emulated_roots',
          actual,
          expected: 'certificates in PEM or DER are wanted',
        },
        cause: error,
      });
    }
  });
}

function intelSources(settings: Settings['collateral'], timing: Timing): readonly Source[] {
  const fetcher = fetcherOf(settings, timing, { requests: 300, intervalMs: 60_000 });
  return [
    ...settings.pccs.map((url) => pcsSource({ kind: 'pccs', url, fetcher })),
    ...(settings.intel_pcs === 'off' ? [] : [pcsSource({ kind: 'pcs', url: settings.intel_pcs, fetcher })]),
  ];
}

function amdSources(settings: Settings['collateral'], timing: Timing): readonly Source[] {
  if (settings.amd_kds === 'off') return [];
  return [
    kdsSource({
      url: settings.amd_kds,
      // KDS gives about one VCEK in ten seconds; chains and CRLs are not counted.
      vcekFetcher: fetcherOf(settings, timing, { requests: 1, intervalMs: 10_000 }),
      fetcher: fetcherOf(settings, timing, { requests: 60, intervalMs: 60_000 }),
    }),
  ];
}

function fetcherOf(
  settings: Settings['collateral'],
  timing: Timing,
  limit: { requests: number; intervalMs: number },
): Fetcher {
  const ca = settings.ca === undefined ? {} : { ca: [readFileSync(settings.ca, 'utf8')] };
  return new Fetcher({
    transport: nodeTransport({ ...ca, allowHttp: settings.allow_http }),
    timing,
    budget: new Budget(limit, timing.now),
  });
}

const NAMESPACE = 'collateral';
const PAGE = 500;

/** The cache of collateral in the server's own storage, shared by replicas. */
function storedCache(storage: Storage): CollateralCache {
  return {
    get: async (key) => (await storage.get(NAMESPACE, storedKey(key)))?.value,
    put: async (key, value) => {
      await storage.put(NAMESPACE, storedKey(key), value);
    },
    delete: async (key) => {
      await storage.delete(NAMESPACE, storedKey(key));
    },
    list: async (prefix) => {
      const keys: string[] = [];
      for (;;) {
        const after = keys.at(-1);
        const page = await storage.list(NAMESPACE, {
          prefix: storedKey(prefix),
          limit: PAGE,
          ...(after === undefined ? {} : { after }),
        });
        keys.push(...page.map(({ key }) => key));
        if (page.length < PAGE) return keys.map(originalKey);
      }
    },
  };
}

/** Storage keys know fewer characters than item keys (times have colons): the others stand as `.` and two hex digits. */
function storedKey(key: string): string {
  return key.replace(/[^A-Za-z0-9_/-]/g, (character) => `.${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function originalKey(key: string): string {
  return key.replace(/\.([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
