import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Endorsed, EndorsementRequest, EndorsementSource } from '@assay/attestation-service';
import { DecodeError, decodeBase64, isJsonObject, type JsonValue } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import {
  AmdCollateral,
  Budget,
  type CollateralCache,
  type CollateralSet,
  Fetcher,
  HygonCollateral,
  hskCekFolder,
  hygonKdsSource,
  IntelCollateral,
  kdsSource,
  leafFolder,
  leafStoreSource,
  nodeTransport,
  type OutboundProxy,
  parseProxy,
  pcsSource,
  type Source,
  type Timing,
  VeraisonClient,
} from '@assay/collateral';
import type { NvidiaCollateral } from '@assay/collateral/nvidia';
import { azSnpNeeds, azTdxNeeds } from '@assay/evidence/az';
import { type CcaNeeds, type CcaTrust, ccaNeeds, trustOf, VERAISON_EAR } from '@assay/evidence/cca';
import { csvNeeds, csvTrust } from '@assay/evidence/csv';
import {
  type CollateralNeeds,
  collateralFromEndorsements,
  collateralNeeds,
  type DcapTrust,
  type EvaluationNumbers,
  intelTrust,
  type PckCertificateNeeds,
  verifyCollateral,
  verifyEvaluationNumbers,
} from '@assay/evidence/dcap';
import { dcuNeeds } from '@assay/evidence/hygondcu';
import { amdTrust, type SnpNeeds, snpNeeds } from '@assay/evidence/snp';
import { parseCertificates, type TrustAnchor } from '@assay/evidence/x509';
import type { Storage } from '@assay/storage';
import type { Settings } from '../config/schema.js';
import { ccaOptions } from '../config/tee/cca.js';
import { csvOptions } from '../config/tee/csv.js';
import { nvidiaCollateral } from './nvidia.js';

const NOTHING: Endorsed = { endorsements: {}, findings: [], collateral: [] };

/** What hardware vendors say, for the evidence of SGX, TDX and SEV-SNP: from storage while it is good, from the vendors otherwise. */
export class VendorEndorsements implements EndorsementSource {
  readonly intel: IntelCollateral;
  readonly amd: AmdCollateral;
  readonly hygon: HygonCollateral;
  readonly nvidia: NvidiaCollateral;
  readonly #intelTrust: DcapTrust;
  readonly #ccaTrust: CcaTrust;
  readonly #veraison: VeraisonClient | undefined;

  constructor(options: {
    readonly settings: Settings['collateral'];
    readonly csv: Settings['csv'];
    readonly cca: Settings['cca'];
    readonly nvidia: Settings['nvidia'];
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
      update: settings.tcb_evaluation_number === 0 ? settings.tcb_update : settings.tcb_evaluation_number,
      verify: (endorsements) => [
        ...verifyCollateral(collateralFromEndorsements(endorsements), trust).findings,
        ...verifyEvaluationNumbers(endorsements, trust).findings,
      ],
    });
    this.#intelTrust = trust;
    this.amd = new AmdCollateral({
      sources: amdSources(settings, timing),
      cache,
      timing,
      policy,
      anchors: amdTrust(emulatedRoots).anchors,
    });
    this.hygon = new HygonCollateral({
      sources: hygonSources(options.csv, settings, timing),
      cache,
      timing,
      policy,
      trust: csvTrust(csvOptions(options.csv).emulatedRoots),
    });
    this.#ccaTrust = trustOf(ccaOptions(options.cca));
    const { veraison: url } = options.cca;
    // Sessions are cheap for the service: a limit keeps a loop from becoming a flood.
    const fetcher = fetcherOf(settings, timing, { requests: 600, intervalMs: 60_000 });
    this.#veraison = url === undefined ? undefined : new VeraisonClient({ url, fetcher, timing });
    this.nvidia = nvidiaCollateral({
      settings: options.nvidia,
      emulatedRoots,
      cache,
      timing,
      policy,
      fetcher: (limit) => fetcherOf(settings, timing, limit),
    });
  }

  async endorse(request: EndorsementRequest): Promise<Endorsed> {
    switch (request.tee) {
      case 'tdx':
      case 'sgx':
        return this.#forQuote(quoteNeeds(request.evidence));
      case 'snp':
        return this.#forReport(snpNeeds(request.evidence));
      case 'az-snp-vtpm':
        return this.#forReport(azSnpNeeds(request.evidence));
      case 'az-tdx-vtpm':
        return this.#forQuote(azTdxNeeds(request.evidence));
      case 'csv':
        return this.#forChips(csvNeeds(request.evidence));
      case 'hygondcu':
        return this.#forChips({ serials: dcuNeeds(request.evidence), suppliesHskCek: false });
      case 'cca':
        return this.#forPlatform(ccaNeeds(request.evidence, this.#ccaTrust));
      case 'nvidia':
        return this.#forDevices(request);
      default:
        return NOTHING;
    }
  }

  /** A platform whose key is not enrolled here may be known to Veraison. */
  async #forPlatform(needs: CcaNeeds | undefined): Promise<Endorsed> {
    if (needs === undefined || this.#veraison === undefined) return NOTHING;
    const answer = await this.#veraison.verifyCca(needs.token, needs.nonce);
    if ('finding' in answer) return { ...NOTHING, findings: [answer.finding] };
    return { ...NOTHING, endorsements: { [VERAISON_EAR]: answer.result } };
  }

  async #forDevices({ evidence, now }: EndorsementRequest): Promise<Endorsed> {
    const { endorsements, findings, uses } = await this.nvidia.get(evidence, now);
    return { endorsements, findings, collateral: uses };
  }

  async #forChips(needs: { serials: readonly string[]; suppliesHskCek: boolean } | undefined): Promise<Endorsed> {
    if (needs === undefined || needs.suppliesHskCek || needs.serials.length === 0) return NOTHING;
    return endorsed(await this.hygon.get({ serials: needs.serials }));
  }

  /** TCB evaluation numbers that Intel served when it was asked last, by TEE. */
  async evaluations(): Promise<readonly EvaluationNumbers[]> {
    const kept = await Promise.all((['sgx', 'tdx'] as const).map((tee) => this.intel.keptNumbers(tee)));
    return kept.flatMap((record) => {
      const { numbers } = record === undefined ? {} : verifyEvaluationNumbers(record.pieces, this.#intelTrust);
      return numbers === undefined ? [] : [numbers];
    });
  }

  async #forQuote(needs: CollateralNeeds | PckCertificateNeeds | undefined): Promise<Endorsed> {
    // Without a platform there is nothing to ask for: the verifier says what is wrong with the quote.
    if (needs === undefined || !('fmspc' in needs)) return NOTHING;
    return endorsed(await this.intel.get({ tee: needs.tee, fmspc: needs.fmspc, ca: needs.ca }));
  }

  async #forReport(needs: SnpNeeds | undefined): Promise<Endorsed> {
    if (needs?.product === undefined) return NOTHING;
    const { product, kind, hardwareId, tcb, suppliesLeaf } = needs;
    const leaf = { ...(hardwareId === undefined ? {} : { hwId: hardwareId }), tcb };
    return endorsed(
      await this.amd.get({
        product,
        key: kind === 'VLEK' ? 'vlek' : 'vcek',
        ...(suppliesLeaf ? {} : { leaf }),
      }),
    );
  }
}

const HOUR = 3_600_000;

function endorsed({ endorsements, findings, uses }: CollateralSet): Endorsed {
  return { endorsements, findings, collateral: uses };
}

function quoteNeeds(evidence: JsonValue): CollateralNeeds | PckCertificateNeeds | undefined {
  const quote = isJsonObject(evidence) ? evidence['quote'] : undefined;
  if (typeof quote !== 'string') return undefined;
  try {
    return collateralNeeds(decodeBase64(quote));
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
  const api = settings.pcs_api === 3 ? 3 : 4;
  return [
    ...settings.pccs.map((url) => pcsSource({ kind: 'pccs', url, api, fetcher })),
    ...(settings.intel_pcs === 'off' ? [] : [pcsSource({ kind: 'pcs', url: settings.intel_pcs, api, fetcher })]),
  ];
}

function amdSources(settings: Settings['collateral'], timing: Timing): readonly Source[] {
  const { amd_folder: folder, amd_kds: kds } = settings;
  return [
    ...(folder === undefined ? [] : [leafStoreSource(leafFolder(`folder ${basename(folder)}`, fileIn(folder)))]),
    ...(kds === 'off'
      ? []
      : [
          kdsSource({
            url: kds,
            // KDS gives about one VCEK in ten seconds; chains and CRLs are not counted.
            vcekFetcher: fetcherOf(settings, timing, { requests: 1, intervalMs: 10_000 }),
            fetcher: fetcherOf(settings, timing, { requests: 60, intervalMs: 60_000 }),
          }),
        ]),
  ];
}

function hygonSources(csv: Settings['csv'], settings: Settings['collateral'], timing: Timing): readonly Source[] {
  const { hsk_cek_folder: folder, hygon_kds: kds } = csv;
  return [
    ...(folder === undefined ? [] : [hskCekFolder(`folder ${basename(folder)}`, fileIn(folder))]),
    ...(kds === 'off'
      ? []
      : [hygonKdsSource({ url: kds, fetcher: fetcherOf(settings, timing, { requests: 60, intervalMs: 60_000 }) })]),
  ];
}

/** Files of a folder as they are now. The paths are made of hex digits, product names and numbers: none leads out of it. */
function fileIn(folder: string): (path: string) => Promise<Uint8Array | undefined> {
  return async (path) => {
    try {
      return new Uint8Array(await readFile(join(folder, path)));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw error;
    }
  };
}

function fetcherOf(
  settings: Settings['collateral'],
  timing: Timing,
  limit: { requests: number; intervalMs: number },
): Fetcher {
  const ca = settings.ca === undefined ? {} : { ca: [readFileSync(settings.ca, 'utf8')] };
  return new Fetcher({
    transport: nodeTransport({ ...ca, ...proxyOf(settings), allowHttp: settings.allow_http }),
    timing,
    budget: new Budget(limit, timing.now),
  });
}

/** @throws AssayError `config.file.form`, which does not repeat the setting: it may hold a password */
function proxyOf({ no_proxy: without, proxy: url }: Settings['collateral']): { readonly proxy?: OutboundProxy } {
  if (url === undefined || url === 'off') return {};
  const proxy = parseProxy(url, without);
  if (proxy !== undefined) return { proxy };
  throw assayError('config.file.form', {
    params: {
      file: 'settings',
      line: '',
      key: 'collateral.proxy',
      actual: 'of another form',
      expected: '`http://[USER:PASSWORD@]HOST:PORT` or `off` is wanted',
    },
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
