/** TCB info of Intel PCS, versions 2 and 3 (API v3 and v4, "TCB Info"). */
import { DecodeError, parseJsonStrict } from '@assay/bytes';
import type { Tee } from '../quote/model.js';
import { MODULE_STATUSES, type ModuleStatus, PLATFORM_STATUSES, type PlatformStatus } from '../tcb/status.js';
import { Members } from './members.js';

/** What a component is and who updates it, in the vendor's words. */
export interface ComponentLabel {
  readonly type: string | undefined;
  readonly category: string | undefined;
}

export interface TcbLevel {
  /** SGX TCB component SVNs, 16. */
  readonly sgx: readonly number[];
  readonly sgxLabels: readonly ComponentLabel[];
  readonly pceSvn: number;
  /** TDX TCB component SVNs, 16; undefined for SGX. */
  readonly tdx: readonly number[] | undefined;
  readonly tdxLabels: readonly ComponentLabel[];
  readonly date: Date;
  readonly status: PlatformStatus;
  readonly advisoryIds: readonly string[];
}

export interface ModuleLevel {
  readonly isvSvn: number;
  readonly date: Date;
  readonly status: ModuleStatus;
  readonly advisoryIds: readonly string[];
}

export interface ModuleSigner {
  readonly mrSigner: Uint8Array;
  readonly attributes: Uint8Array;
}

export interface ModuleIdentity extends ModuleSigner {
  /** `TDX_01`, `TDX_03` …, in upper case. */
  readonly id: string;
  /** Highest ISVSVN first. */
  readonly levels: readonly ModuleLevel[];
}

export interface TcbInfo {
  readonly version: 2 | 3;
  readonly tee: Tee;
  readonly issueDate: Date;
  readonly nextUpdate: Date;
  readonly fmspc: Uint8Array;
  readonly pceId: Uint8Array;
  readonly evaluationNumber: number;
  /** Highest first. */
  readonly levels: readonly TcbLevel[];
  /** Module of version 0; undefined for SGX. */
  readonly module: ModuleSigner | undefined;
  readonly moduleIdentities: readonly ModuleIdentity[];
}

const LIMITS = { maxBytes: 4 * 1024 * 1024, maxDepth: 12 };
const MOST_LEVELS = 1024;
const MOST_IDENTITIES = 256;
const MOST_ADVISORIES = 1024;
const ADVISORY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Reads the signed text. Members that are not known are left alone: Intel adds some within a version. @throws DecodeError */
export function parseTcbInfo(text: Uint8Array): TcbInfo {
  const document = new Members(parseJsonStrict(text, LIMITS));
  const version = document.integer('version', 255);
  if (version !== 2 && version !== 3) throw new DecodeError('member', `version: ${version}; 2 and 3 are known`);
  const id = version === 2 ? 'SGX' : document.oneOf('id', ['SGX', 'TDX']);
  const tee: Tee = id === 'SGX' ? 'sgx' : 'tdx';
  document.integer('tcbType', 0);
  const levels = document.objects('tcbLevels', 1, MOST_LEVELS).map((level) => readLevel(level, version, tee));
  return {
    version,
    tee,
    issueDate: document.time('issueDate'),
    nextUpdate: document.time('nextUpdate'),
    fmspc: document.hex('fmspc', 6),
    pceId: document.hex('pceId', 2),
    evaluationNumber: document.integer('tcbEvaluationDataNumber', 2 ** 31),
    levels: descending(levels),
    module: tee === 'tdx' ? readSigner(document.object('tdxModule')) : undefined,
    moduleIdentities: tee === 'tdx' ? readIdentities(document) : [],
  };
}

/** The id that the text carries, whatever else is wrong with it. */
export function teeOfTcbInfo(text: Uint8Array): Tee | undefined {
  try {
    const document = new Members(parseJsonStrict(text, LIMITS));
    if (document.integer('version', 255) === 2) return 'sgx';
    return document.oneOf('id', ['SGX', 'TDX']) === 'SGX' ? 'sgx' : 'tdx';
  } catch {
    return undefined;
  }
}

function readLevel(level: Members, version: 2 | 3, tee: Tee): TcbLevel {
  const tcb = level.object('tcb');
  const sgx = version === 2 ? namedComponents(tcb) : components(tcb, 'sgxtcbcomponents');
  const tdx = tee === 'tdx' ? components(tcb, 'tdxtcbcomponents') : undefined;
  return {
    sgx: sgx.svns,
    sgxLabels: sgx.labels,
    pceSvn: tcb.integer('pcesvn', 65535),
    tdx: tdx?.svns,
    tdxLabels: tdx?.labels ?? [],
    date: level.time('tcbDate'),
    status: level.oneOf('tcbStatus', PLATFORM_STATUSES),
    advisoryIds: advisories(level),
  };
}

interface Components {
  readonly svns: readonly number[];
  readonly labels: readonly ComponentLabel[];
}

function components(tcb: Members, name: string): Components {
  const entries = tcb.objects(name, 16, 16);
  return {
    svns: entries.map((entry) => entry.integer('svn', 255)),
    labels: entries.map((entry) => ({ type: entry.optionalText('type'), category: entry.optionalText('category') })),
  };
}

/** Version 2 names each component: `sgxtcbcomp01svn` to `sgxtcbcomp16svn`. */
function namedComponents(tcb: Members): Components {
  const svns = Array.from({ length: 16 }, (_, index) =>
    tcb.integer(`sgxtcbcomp${String(index + 1).padStart(2, '0')}svn`, 255),
  );
  return { svns, labels: [] };
}

/** Advisories become part of titles and claims: names, nothing else. */
export function advisories(level: Members): string[] {
  const ids = level.texts('advisoryIDs', MOST_ADVISORIES);
  const odd = ids.find((id) => !ADVISORY.test(id));
  if (odd !== undefined) throw new DecodeError('member', 'advisoryIDs: an entry is not an advisory id');
  return ids;
}

function readSigner(members: Members): ModuleSigner {
  // The mask is read for its form alone: SEAMATTRIBUTES must be zero, so it can change nothing.
  members.hex('attributesMask', 8);
  return { mrSigner: members.hex('mrsigner', 48), attributes: members.hex('attributes', 8) };
}

function readIdentities(document: Members): ModuleIdentity[] {
  if (!document.has('tdxModuleIdentities')) return [];
  const identities = document.objects('tdxModuleIdentities', 1, MOST_IDENTITIES).map((identity) => ({
    id: identity.text('id').toUpperCase(),
    ...readSigner(identity),
    levels: identity
      .objects('tcbLevels', 1, MOST_LEVELS)
      .map(readModuleLevel)
      .sort((a, b) => b.isvSvn - a.isvSvn),
  }));
  if (new Set(identities.map(({ id }) => id)).size !== identities.length) {
    throw new DecodeError('member', 'tdxModuleIdentities: an id stands twice');
  }
  return identities;
}

function readModuleLevel(level: Members): ModuleLevel {
  return {
    isvSvn: level.object('tcb').integer('isvsvn', 65535),
    date: level.time('tcbDate'),
    status: level.oneOf('tcbStatus', MODULE_STATUSES),
    advisoryIds: advisories(level),
  };
}

/** Highest first: by SGX components, then PCESVN, then TDX components, each as numbers. */
function descending(levels: readonly TcbLevel[]): TcbLevel[] {
  const sorted = [...levels].sort((a, b) => compareLevels(b, a));
  const twice = sorted.some((level, index) => {
    const next = sorted[index + 1];
    return next !== undefined && compareLevels(level, next) === 0;
  });
  if (twice) throw new DecodeError('member', 'tcbLevels: two levels are equal');
  return sorted;
}

function compareLevels(a: TcbLevel, b: TcbLevel): number {
  return compareLists(a.sgx, b.sgx) || a.pceSvn - b.pceSvn || compareLists(a.tdx ?? [], b.tdx ?? []);
}

function compareLists(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < a.length; index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
