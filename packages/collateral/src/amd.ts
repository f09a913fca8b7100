import { DecodeError, encodeHex } from '@assay/bytes';
import { readLeaf, tcbEntries } from '@assay/evidence/snp';
import {
  type Certificate,
  checkCrlSignature,
  checkLink,
  checkPath,
  orderChain,
  parseCertificates,
  parseCrl,
  pinned,
  sameName,
  type TrustAnchor,
} from '@assay/evidence/x509';
import { type CollateralSet, collateralSet } from './intel.js';
import { type AmdKey, type AmdProduct, type Item, itemName, type VcekTcb } from './item/item.js';
import type { CollateralRecord } from './item/record.js';
import { type ItemCheck, type ItemOutcome, Keeper, type KeeperOptions } from './keeper.js';

export interface AmdCollateralOptions extends KeeperOptions {
  /** ARKs by key. What does not hang on one of them is neither kept nor handed out. */
  readonly anchors: readonly TrustAnchor[];
}

/** What one report needs. */
export interface AmdRequest {
  readonly product: AmdProduct;
  readonly key: AmdKey;
  /**
   * Absent where the evidence brings its own leaf. A VCEK is of one chip. A VLEK is of a provider, which alone gets it from AMD:
   * it is asked for only where the owner keeps a store of them.
   */
  readonly leaf?: { readonly hwId?: string; readonly tcb: VcekTcb };
  readonly at?: Date;
}

/** Certificates and CRLs of SEV-SNP reports. A VCEK is fetched once per chip and TCB, ever. */
export class AmdCollateral {
  readonly keeper: Keeper;
  readonly #anchors: readonly TrustAnchor[];
  readonly #stores: (item: Item) => boolean;

  constructor(options: AmdCollateralOptions) {
    this.keeper = new Keeper(options);
    this.#anchors = options.anchors;
    this.#stores = (item) => options.sources.some((source) => source.provides(item));
  }

  /** Rejects only when the cache fails. */
  async get(request: AmdRequest): Promise<CollateralSet> {
    const ask = (item: Item, check: ItemCheck): Promise<ItemOutcome> =>
      request.at === undefined ? this.keeper.get(item, check) : this.keeper.asOf(item, request.at, check);
    return this.#collect(request, ask);
  }

  /** Chain and CRL, fetched now. A VCEK never changes and is only fetched where it is missing. */
  async refresh(request: AmdRequest): Promise<CollateralSet> {
    return this.#collect(request, (item, check) =>
      item.kind === 'vcek' ? this.keeper.get(item, check) : this.keeper.refresh(item, check),
    );
  }

  /** Takes records of a bundle. @returns one line for each that does not hold */
  async take(records: readonly (readonly [Item, CollateralRecord])[]): Promise<readonly string[]> {
    const problems: string[] = [];
    // Chains first: the others are checked with them.
    const ordered = [...records].sort(([a], [b]) => Number(b.kind === 'amd-chain') - Number(a.kind === 'amd-chain'));
    const chains = new Map<string, CollateralRecord>();
    for (const [item, record] of ordered) {
      if (item.kind !== 'amd-chain' && item.kind !== 'vcek' && item.kind !== 'vlek' && item.kind !== 'amd-crl')
        continue;
      const key = 'key' in item ? item.key : item.kind;
      if (item.kind === 'amd-chain') chains.set(`${key}/${item.product}`, record);
      const check =
        item.kind === 'amd-chain' ? this.#checkChain : this.#checkWith(chains.get(`${key}/${item.product}`));
      const wrong = await this.keeper.take(item, record, check);
      if (wrong !== undefined) problems.push(`${itemName(item)}: ${wrong}`);
    }
    return problems;
  }

  async #collect(
    request: AmdRequest,
    ask: (item: Item, check: ItemCheck) => Promise<ItemOutcome>,
  ): Promise<CollateralSet> {
    const { product, key, leaf } = request;
    const chain = await ask({ kind: 'amd-chain', product, key }, this.#checkChain);
    const check = this.#checkWith(chain.record);
    const others: Item[] = [{ kind: 'amd-crl', product, key }, ...this.#leafItems(product, key, leaf)];
    const outcomes = await Promise.all(others.map((item) => ask(item, check)));
    return collateralSet([chain, ...outcomes], request.at);
  }

  #leafItems(product: AmdProduct, key: AmdKey, leaf: AmdRequest['leaf']): readonly Item[] {
    if (leaf === undefined) return [];
    const { hwId, tcb } = leaf;
    if (key === 'vcek') return hwId === undefined ? [] : [{ kind: 'vcek', product, hwId, tcb }];
    const vlek = { kind: 'vlek', product, tcb } as const;
    // Without a store the verifier says that none is there, and what to do.
    return this.#stores(vlek) ? [vlek] : [];
  }

  readonly #checkChain: ItemCheck = (item, record) => {
    const path = pathOf(record);
    if (typeof path === 'string') return path;
    const [{ subject }, root] = path;
    // A leaf of the right product would not verify under another one's chain for as long as that is kept.
    const name = item.kind === 'amd-chain' ? `SEV-${item.key === 'vlek' ? 'VLEK-' : ''}${item.product}` : undefined;
    if (subject.commonName !== name) return `is of ${subject.commonName ?? 'another CA'}, not ${name}`;
    if (pinned(root, this.#anchors) === undefined)
      return `ends in ${root.subject.commonName ?? 'a root'}, which is no known ARK`;
    return checkPath(path)[0]?.text;
  };

  #checkWith(chain: CollateralRecord | undefined): ItemCheck {
    return (item, record) => {
      const path = chain === undefined ? 'no chain is at hand to check it with' : pathOf(chain);
      if (typeof path === 'string') return path;
      const [intermediate, root] = path;
      return item.kind === 'amd-crl' ? checkCrl(record, root) : checkLeaf(item, record, intermediate);
    };
  }
}

function pathOf(record: CollateralRecord): readonly [Certificate, Certificate] | string {
  try {
    const path = orderChain(parseCertificates(record.pieces['cert_chain'] ?? new Uint8Array(0)));
    if (typeof path === 'string') return path;
    const [intermediate, root] = path;
    return intermediate === undefined || root === undefined || path.length !== 2
      ? `${path.length} certificates; 2 are right`
      : [intermediate, root];
  } catch (error) {
    return whyUnreadable(error);
  }
}

/** A leaf of another chip or TCB verifies as well: kept under this name, it would stand in the way of the right one for good. */
function checkLeaf(item: Item, record: CollateralRecord, issuer: Certificate): string | undefined {
  try {
    const [leaf, ...others] = parseCertificates(record.pieces['leaf'] ?? new Uint8Array(0));
    if (leaf === undefined || others.length > 0) return 'not one certificate';
    return checkLink(leaf, issuer, 0)[0]?.text ?? otherThanAsked(item, leaf);
  } catch (error) {
    return whyUnreadable(error);
  }
}

function otherThanAsked(item: Item, certificate: Certificate): string | undefined {
  if (item.kind !== 'vcek' && item.kind !== 'vlek') return undefined;
  const { hardwareId, tcb } = readLeaf(certificate);
  const wanted = new Map(tcbEntries(item.tcb));
  const differing = tcbEntries(tcb).find(([component, svn]) => wanted.get(component) !== svn);
  if (differing !== undefined) {
    const [component, svn] = differing;
    return `its ${component} SPL is ${svn}, ${wanted.get(component) ?? 'none'} was asked for`;
  }
  if (item.kind === 'vlek') return undefined;
  const chip = encodeHex(hardwareId ?? new Uint8Array());
  return chip === item.hwId ? undefined : `is of chip ${chip.slice(0, 16)}…`;
}

function checkCrl(record: CollateralRecord, root: Certificate): string | undefined {
  try {
    const crl = parseCrl(record.pieces['crl'] ?? new Uint8Array(0));
    if (!sameName(crl.issuer, root.subject)) return `is of ${crl.issuer.commonName ?? 'another issuer'}`;
    return checkCrlSignature(crl, root) ? undefined : `is not signed by ${root.subject.commonName ?? 'its root'}`;
  } catch (error) {
    return whyUnreadable(error);
  }
}

function whyUnreadable(error: unknown): string {
  if (error instanceof DecodeError) return error.message;
  throw error;
}
