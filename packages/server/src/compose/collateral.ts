import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { DecodeError, decodeBase64url, encodeBase64url } from '@assay/bytes';
import { AssayError, assayError, utc } from '@assay/bytes/findings';
import {
  type CollateralRecord,
  collateralStatus,
  exportBundle,
  type IntelRequest,
  type Item,
  type ItemStatus,
  importBundle,
  type KnownExporter,
  parseItemKey,
  rawPublicKey,
} from '@assay/collateral';
import { type KeyManagement, open, seal } from '@assay/kms';
import type { Storage } from '@assay/storage';
import type { Settings } from '../config/schema.js';
import type { VendorEndorsements } from './endorsements.js';

/** What came of an import. */
export interface ImportReport {
  readonly exporter: string;
  readonly exported_at: string;
  readonly taken: number;
  /** One line for each record that does not verify. */
  readonly refused: readonly string[];
}

/** TCB evaluation numbers that Intel serves for a TEE, highest first. */
export interface EvaluationStatus {
  readonly tee: 'sgx' | 'tdx';
  readonly issued: string;
  readonly numbers: readonly { readonly number: number; readonly recovery_event: string; readonly tcb_date: string }[];
}

const exporterRecord = { ns: 'signer', key: 'collateral-exporter' } as const;
/** Items that end within this time are shown as ending. */
const endingMs = 72 * 3_600_000;

/** Looks at, carries away and brings in what vendors have said. */
export class CollateralAdministration {
  readonly #options: {
    readonly endorsements: VendorEndorsements;
    readonly storage: Storage;
    readonly keys: KeyManagement;
    readonly settings: Settings['collateral'];
    readonly now: () => Date;
  };

  constructor(options: {
    readonly endorsements: VendorEndorsements;
    readonly storage: Storage;
    readonly keys: KeyManagement;
    readonly settings: Settings['collateral'];
    readonly now: () => Date;
  }) {
    this.#options = options;
  }

  /** What is kept, by what ends first; evaluation numbers that may be pinned; and the key that signs this server's bundles. */
  async status(): Promise<{
    readonly exporter_key: string;
    readonly items: readonly ItemStatus[];
    readonly evaluations: readonly EvaluationStatus[];
    readonly pinned_evaluation?: number;
  }> {
    const { endorsements, now, settings } = this.#options;
    // Both keepers write to one cache: one archive shows everything.
    const items = await collateralStatus([endorsements.intel.keeper.archive], now(), endingMs);
    const evaluations = (await endorsements.evaluations()).map(({ issueDate, numbers, tee }) => ({
      tee,
      issued: utc(issueDate),
      numbers: numbers.map(({ number, recoveryEventDate, tcbDate }) => ({
        number,
        recovery_event: utc(recoveryEventDate),
        tcb_date: utc(tcbDate),
      })),
    }));
    const pinned = settings.tcb_evaluation_number;
    return {
      exporter_key: encodeBase64url(rawPublicKey(await this.#exporterKey())),
      items,
      evaluations,
      ...(pinned === 0 ? {} : { pinned_evaluation: pinned }),
    };
  }

  /** Everything that is kept, as a bundle signed by this server. */
  async export(): Promise<Uint8Array> {
    const { endorsements, now } = this.#options;
    return exportBundle(await endorsements.intel.keeper.archive.all(), await this.#exporterKey(), now());
  }

  /** Takes a bundle of a known exporter; each record is verified like a fetched one. @throws AssayError */
  async import(bytes: Uint8Array): Promise<ImportReport> {
    const { finding, bundle } = readBundle(bytes, this.#exporters());
    if (bundle === undefined) throw new AssayError(finding);
    const records = bundle.records.flatMap((record): (readonly [Item, CollateralRecord])[] => {
      const item = parseItemKey(record.key);
      return item === undefined ? [] : [[item, record]];
    });
    const { amd, hygon, intel, nvidia } = this.#options.endorsements;
    const ofAmd = records.filter(
      ([{ kind }]) => kind === 'amd-chain' || kind === 'amd-crl' || kind === 'vcek' || kind === 'vlek',
    );
    const ofHygon = records.filter(([{ kind }]) => kind === 'hsk-cek');
    const ofNvidia = records.filter(([{ kind }]) => kind === 'nvidia-rim');
    const ofOthers = [...ofAmd, ...ofHygon, ...ofNvidia];
    const ofIntel = records.filter((record) => !ofOthers.includes(record));
    const refused = [
      ...(await intel.take(ofIntel)),
      ...(await amd.take(ofAmd)),
      ...(await hygon.take(ofHygon)),
      ...((await nvidia.manifests?.take(ofNvidia)) ?? []),
    ];
    return {
      exporter: bundle.exporter,
      exported_at: bundle.exportedAt.toISOString(),
      taken: records.length - refused.length,
      refused,
    };
  }

  /** Fetches what quotes of a machine type need, now. */
  async refresh(request: IntelRequest) {
    const { complete, findings } = await this.#options.endorsements.intel.refresh(request);
    return { complete, findings };
  }

  #exporters(): readonly KnownExporter[] {
    return this.#options.settings.exporters.map((entry) => {
      const equals = entry.indexOf('=');
      const key = equals > 0 ? unlessMalformed(() => decodeBase64url(entry.slice(equals + 1))) : undefined;
      if (key?.length !== 32) {
        throw assayError('config.file.form', {
          params: {
            file: 'settings',
            line: '',
            key: 'collateral.exporters',
            actual: `\`${entry.slice(0, 60)}\``,
            expected: 'NAME=KEY is wanted, as `assay collateral status` of the exporter shows it',
          },
        });
      }
      return { name: entry.slice(0, equals), publicKey: key };
    });
  }

  /** The Ed25519 key of this data directory; made at the first use, kept sealed. */
  async #exporterKey(): Promise<KeyObject> {
    const { storage, keys } = this.#options;
    for (;;) {
      const entry = await storage.get(exporterRecord.ns, exporterRecord.key);
      if (entry !== undefined) {
        const der = await open(keys, entry.value, exporterRecord);
        return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' });
      }
      const der = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' });
      // Another replica may be first: everybody reads the one that is stored.
      await storage.put(exporterRecord.ns, exporterRecord.key, await seal(keys, der, exporterRecord), {
        ifAbsent: true,
      });
    }
  }
}

function readBundle(bytes: Uint8Array, exporters: readonly KnownExporter[]) {
  try {
    return importBundle(bytes, exporters, 'bundle');
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw assayError('request.body.form', {
      params: {
        path: '/api/v1/collateral/import',
        member: 'body',
        actual: `no bundle (${error.message})`,
        expected: 'the output of `assay collateral export` is wanted',
      },
      cause: error,
    });
  }
}

function unlessMalformed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
