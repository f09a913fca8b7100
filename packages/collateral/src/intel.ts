import { DecodeError, isJsonObject, type JsonObject, type JsonValue, parseJsonStrict } from '@assay/bytes';
import type { CollateralUse, FindingDraft } from '@assay/bytes/findings';
import { notChecked } from '@assay/bytes/findings';
import type { Endorsements } from '@assay/evidence';
import { parseCrl } from '@assay/evidence/x509';
import {
  type IntelTee,
  type Item,
  itemKey,
  itemName,
  type PckCa,
  type PckRequest,
  type TcbUpdate,
} from './item/item.js';
import type { CollateralRecord } from './item/record.js';
import { type ItemCheck, type ItemOutcome, Keeper, type KeeperOptions } from './keeper.js';
import { useOf } from './use.js';

export interface IntelCollateralOptions extends KeeperOptions {
  /**
   * Verifies endorsements that may be incomplete; only its failures count here. In production this is `verifyCollateral` of
   * `@assay/evidence` with the owner's roots. What it refuses is neither kept nor handed out.
   */
  readonly verify: (endorsements: Endorsements) => readonly FindingDraft[];
  /** Default `early`: what a platform is known for now, not what it will be judged by when everybody had time to update. */
  readonly update?: TcbUpdate;
}

/** What one quote needs. */
export interface IntelRequest {
  readonly tee: IntelTee;
  /** 6 bytes, lower-case hex. */
  readonly fmspc: string;
  readonly ca: PckCa;
  /** For quotes of certification types 1 to 3, which carry no PCK certificate. */
  readonly pck?: PckRequest;
  /** Verification as of this time: from what was kept, never from a source. */
  readonly at?: Date;
}

/** Endorsements by name, and what is to be said about them. */
export interface CollateralSet {
  readonly endorsements: Endorsements;
  readonly uses: readonly CollateralUse[];
  readonly findings: readonly FindingDraft[];
  /** Every item is there, in time or used by the owner's allowance. */
  readonly complete: boolean;
  /** Milliseconds since the epoch: when asking again may help. */
  readonly nextAt?: number;
}

/** Collateral of Intel quotes. */
export class IntelCollateral {
  readonly keeper: Keeper;
  readonly #verify: IntelCollateralOptions['verify'];
  readonly #update: TcbUpdate;

  constructor(options: IntelCollateralOptions) {
    this.keeper = new Keeper(options);
    this.#verify = options.verify;
    this.#update = options.update ?? 'early';
  }

  /** Everything for quotes of a machine type. Rejects only when the cache fails. */
  async get(request: IntelRequest): Promise<CollateralSet> {
    const ask = (item: Item, check: ItemCheck): Promise<ItemOutcome> =>
      request.at === undefined ? this.keeper.get(item, check) : this.keeper.asOf(item, request.at, check);
    return this.#collect(request, ask);
  }

  /** The same, fetched now, and the list of the evaluation numbers that may be pinned. */
  async refresh(request: IntelRequest): Promise<CollateralSet> {
    const [set] = await Promise.all([
      this.#collect(request, (item, check) => this.keeper.refresh(item, check)),
      // Not every cache has the list, and no verdict needs it: without it the set is as complete.
      this.keeper.refresh({ kind: 'tcb-numbers', tee: request.tee }, this.#check),
    ]);
    return set;
  }

  /** List of the evaluation numbers, as it was fetched last; undefined where none is kept or what is kept does not hold. */
  async keptNumbers(tee: IntelTee): Promise<CollateralRecord | undefined> {
    const item = { kind: 'tcb-numbers', tee } as const;
    const found = await this.keeper.archive.current(itemKey(item));
    if (found === undefined || 'damaged' in found) return undefined;
    return this.#check(item, found.record) === undefined ? found.record : undefined;
  }

  /** Takes records of a bundle. @returns one line for each that does not hold */
  async take(records: readonly (readonly [Item, CollateralRecord])[]): Promise<readonly string[]> {
    const chains = records.find(([item]) => item.kind === 'tcb-info' || item.kind === 'qe-identity')?.[1];
    const problems: string[] = [];
    for (const [item, record] of records) {
      const check = item.kind === 'root-crl' ? this.#checkWith(chains) : this.#check;
      const wrong = await this.keeper.take(item, record, check);
      if (wrong !== undefined) problems.push(`${itemName(item)}: ${wrong}`);
    }
    return problems;
  }

  async #collect(
    request: IntelRequest,
    ask: (item: Item, check: ItemCheck) => Promise<ItemOutcome>,
  ): Promise<CollateralSet> {
    const { tee, fmspc, ca, pck } = request;
    const update = this.#update;
    const items: Item[] = [
      { kind: 'tcb-info', tee, fmspc, update },
      { kind: 'qe-identity', tee, update },
      { kind: 'pck-crl', ca },
      ...(pck === undefined ? [] : [{ kind: 'pck-certificate', request: pck } as const]),
    ];
    const outcomes = await Promise.all(items.map((item) => ask(item, this.#check)));
    // The root CRL is checked under the root that the chains of the others end in.
    const chains = outcomes.find(({ record }) => record !== undefined && hasChain(record))?.record;
    const rootCrl = await ask({ kind: 'root-crl' }, this.#checkWith(chains));
    return collateralSet([...outcomes, rootCrl], request.at);
  }

  readonly #check: ItemCheck = (item, record) => {
    try {
      return this.#wrong(record.pieces) ?? otherThanAsked(item, record);
    } catch (error) {
      // A bundle may hold a document without its signature, and of no form.
      if (error instanceof DecodeError) return error.message;
      throw error;
    }
  };

  #checkWith(chains: CollateralRecord | undefined): ItemCheck {
    return (_, record) => {
      if (chains === undefined) return 'no chain is at hand to check it with';
      return this.#wrong({ ...chainsOf(chains), ...record.pieces });
    };
  }

  /** Missing pieces are no fault of the ones that are there. */
  #wrong(pieces: Endorsements): string | undefined {
    const fault = this.#verify(pieces).find(({ id, outcome }) => outcome === 'fail' && !id.startsWith('collateral.'));
    return fault === undefined ? undefined : (fault.title ?? fault.id);
  }
}

/** Documents of another platform, TEE or evaluation are signed as well: what counts is what they say that they are of. */
function otherThanAsked(item: Item, { pieces }: CollateralRecord): string | undefined {
  switch (item.kind) {
    case 'tcb-info': {
      const document = documentOf(pieces['tcb_info']);
      // Version 2 knows SGX alone and names no TEE.
      return (
        differing(document['id'] ?? 'SGX', item.tee.toUpperCase()) ??
        differing(`FMSPC ${String(document['fmspc']).toLowerCase()}`, `FMSPC ${item.fmspc}`) ??
        otherEvaluation(item.update, document)
      );
    }
    case 'qe-identity': {
      const document = documentOf(pieces['qe_identity']);
      return (
        differing(document['id'] ?? 'QE', item.tee === 'sgx' ? 'QE' : 'TD_QE') ?? otherEvaluation(item.update, document)
      );
    }
    case 'tcb-numbers':
      return differing(documentOf(pieces['tcb_numbers'])['id'], item.tee.toUpperCase());
    case 'pck-crl': {
      const { issuer } = parseCrl(pieces['pck_crl'] ?? new Uint8Array());
      return differing(issuer.commonName, `Intel SGX PCK ${item.ca === 'platform' ? 'Platform' : 'Processor'} CA`);
    }
    default:
      return undefined;
  }
}

function documentOf(text: Uint8Array | undefined): JsonObject {
  const document = text === undefined ? {} : parseJsonStrict(text, { maxBytes: 4 * 1024 * 1024, maxDepth: 16 });
  return isJsonObject(document) ? document : {};
}

function differing(actual: JsonValue | undefined, wanted: string): string | undefined {
  return actual === wanted ? undefined : `is of ${String(actual)}, ${wanted} was asked for`;
}

/** A pinned evaluation number counts by what is signed, not by what was asked for. */
function otherEvaluation(
  update: TcbUpdate,
  { tcbEvaluationDataNumber: stated = null }: JsonObject,
): string | undefined {
  if (typeof update !== 'number' || stated === update) return undefined;
  return `is of TCB evaluation ${String(stated)}, ${update} was asked for`;
}

/** Puts outcomes together. */
export function collateralSet(outcomes: readonly ItemOutcome[], at?: Date): CollateralSet {
  const endorsements: Record<string, Uint8Array> = {};
  const uses: CollateralUse[] = [];
  const findings: FindingDraft[] = [];
  const times: number[] = [];
  for (const { item, record, how, findings: own, nextAt } of outcomes) {
    findings.push(...own);
    if (nextAt !== undefined) times.push(nextAt);
    if (record === undefined) {
      if (at !== undefined) findings.push(nothingKept(item, at));
      continue;
    }
    Object.assign(endorsements, record.pieces);
    uses.push(useOf(item, record, how === 'stale'));
  }
  return {
    endorsements,
    uses,
    findings,
    complete: outcomes.every(({ record, how }) => record !== undefined && how !== 'none'),
    ...(times.length === 0 ? {} : { nextAt: Math.min(...times) }),
  };
}

function nothingKept(item: Item, at: Date): FindingDraft {
  const when = at.toISOString().slice(0, 19);
  return notChecked('collateral.item.missing', `${itemName(item)}: no issue of ${when}Z is kept`, {
    subject: itemName(item),
    remedy: 'Import a bundle of that time; live collateral is not used for another date.',
  });
}

function hasChain(record: CollateralRecord): boolean {
  return Object.keys(chainsOf(record)).length > 0;
}

function chainsOf(record: CollateralRecord): Endorsements {
  return Object.fromEntries(Object.entries(record.pieces).filter(([name]) => name.endsWith('_issuer_chain')));
}
