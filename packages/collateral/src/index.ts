/** `@assay/collateral`: what vendors state about their platforms, fetched, kept and handed out. Decides nothing. */
export { AmdCollateral, type AmdCollateralOptions, type AmdRequest } from './amd.js';
export { type Bundle, exportBundle, importBundle, type KnownExporter, rawPublicKey } from './bundle/bundle.js';
export { type BundleTargets, type TakenBundle, takeBundle } from './bundle/take.js';
export { Archive } from './cache/archive.js';
export { type CollateralCache, memoryCache } from './cache/cache.js';
export { Budget, type BudgetLimit } from './http/budget.js';
export { DEFAULT_RETRY, Fetcher, type FetcherOptions, type RetryPolicy } from './http/fetcher.js';
export { type NodeTransportOptions, nodeTransport } from './http/node-transport.js';
export { type OutboundProxy, parseProxy } from './http/proxy.js';
export {
  type Transport,
  type TransportAnswer,
  TransportError,
  type TransportFault,
  type TransportRequest,
} from './http/transport.js';
export { HygonCollateral, type HygonCollateralOptions, type HygonRequest } from './hygon.js';
export { type CollateralSet, IntelCollateral, type IntelCollateralOptions, type IntelRequest } from './intel.js';
export {
  type AmdKey,
  type AmdProduct,
  type IntelTee,
  type Item,
  itemKey,
  itemName,
  type PckCa,
  type PckRequest,
  type TcbUpdate,
  type VcekTcb,
} from './item/item.js';
export { parseItemKey } from './item/parse-key.js';
export { type CollateralRecord, decodeRecord, encodeRecord } from './item/record.js';
export {
  DEFAULT_KEEPING,
  type ItemCheck,
  type ItemOutcome,
  Keeper,
  type KeeperOptions,
  type KeepingPolicy,
} from './keeper.js';
export { HYGON_KDS, type HygonKdsOptions, hskCekFolder, hygonKdsSource } from './source/hygon.js';
export { AMD_KDS, type KdsSourceOptions, kdsSource, type LeafStore, leafStoreSource } from './source/kds.js';
export { leafFolder } from './source/leaf-folder.js';
export { INTEL_PCS, type PcsSourceOptions, pcsSource } from './source/pcs.js';
export { type PcsToolOptions, pcsToolSource } from './source/pcs-tool.js';
export { NVIDIA_RIM_SERVICE, type RimSourceOptions, rimSource } from './source/rim.js';
export type { Source, SourceFailure, SourceResult } from './source/source.js';
export { collateralStatus, type ItemStatus } from './status.js';
export { systemTiming, type Timing } from './timing.js';
export { type VeraisonAnswer, VeraisonClient, type VeraisonOptions } from './veraison/client.js';
