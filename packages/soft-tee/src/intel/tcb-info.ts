import type { JsonObject } from '@assay/bytes';
import type { IntelPlatform } from './platform.js';

export type IntelTee = 'sgx' | 'tdx';

/** One TCB level, highest first in a document. */
export interface TcbLevel {
  readonly sgx: readonly number[];
  readonly pceSvn: number;
  readonly tdx: readonly number[];
  readonly date: string;
  readonly status: string;
  readonly advisories?: readonly string[];
}

export interface SvnLevel {
  readonly isvSvn: number;
  readonly date: string;
  readonly status: string;
  readonly advisories?: readonly string[];
}

export interface TdxModuleIdentity {
  /** `TDX_01` */
  readonly id: string;
  readonly levels: readonly SvnLevel[];
}

/** What TCB info says, before it is a document. */
export interface TcbInfoFields {
  readonly tee: IntelTee;
  /** 2 is the document of PCS API v3 (SGX only), 3 that of v4. */
  readonly version: 2 | 3;
  readonly fmspc: string;
  readonly pceId: string;
  readonly issued: Date;
  readonly nextUpdate: Date;
  readonly evaluation: number;
  readonly levels: readonly TcbLevel[];
  readonly modules: readonly TdxModuleIdentity[];
}

/** Categories and types as Intel prints them beside the SVNs; index is the component. */
const SGX_LABELS: readonly (readonly [category?: string, type?: string])[] = [
  ['BIOS', 'Early Microcode Update'],
  ['OS/VMM', 'SGX Late Microcode Update'],
  ['OS/VMM', 'TXT SINIT'],
  ['BIOS'],
  ['BIOS'],
  ['BIOS'],
  [],
  ['OS/VMM', 'SEAMLDR ACM'],
];
const TDX_LABELS: readonly (readonly [category?: string, type?: string])[] = [
  ['OS/VMM', 'TDX Module'],
  ['OS/VMM', 'TDX Module'],
  ['OS/VMM', 'TDX Late Microcode Update'],
];

const ZERO_SIGNER = '0'.repeat(96);

/** The `tcbInfo` object, members in the order of Intel's service. */
export function tcbInfoDocument(fields: TcbInfoFields): JsonObject {
  const head = {
    version: fields.version,
    issueDate: seconds(fields.issued),
    nextUpdate: seconds(fields.nextUpdate),
    fmspc: fields.fmspc.toUpperCase(),
    pceId: fields.pceId.toUpperCase(),
    tcbType: 0,
    tcbEvaluationDataNumber: fields.evaluation,
  };
  if (fields.version === 2) return { ...head, tcbLevels: fields.levels.map(levelV2) };
  const levels = fields.levels.map((level) => levelV3(level, fields.tee));
  if (fields.tee === 'sgx') return { id: 'SGX', ...head, tcbLevels: levels };
  const identity = { mrsigner: ZERO_SIGNER, attributes: '0'.repeat(16), attributesMask: 'F'.repeat(16) };
  return {
    id: 'TDX',
    ...head,
    tdxModule: identity,
    tdxModuleIdentities: fields.modules.map((module) => ({
      id: module.id,
      ...identity,
      tcbLevels: module.levels.map(svnLevel),
    })),
    tcbLevels: levels,
  };
}

/** A level of a module or of a quoting enclave. */
export function svnLevel(level: SvnLevel): JsonObject {
  return {
    tcb: { isvsvn: level.isvSvn },
    tcbDate: level.date,
    tcbStatus: level.status,
    ...advisories(level.advisories),
  };
}

/** RFC 3339 with whole seconds, as Intel's service writes dates. */
export function seconds(time: Date): string {
  return time.toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** Levels of the emulated machine type: the newest, one behind in microcode, and the first ever. */
export function defaultLevels(platform: Pick<IntelPlatform, 'components' | 'pceSvn'>): readonly TcbLevel[] {
  const newest = platform.components;
  const behind = newest.map((svn, index) => (index < 2 || index === 4 ? Math.max(0, svn - 1) : svn));
  return [
    { sgx: newest, pceSvn: platform.pceSvn, tdx: zeros([5, 0, 3]), date: '2024-11-13T00:00:00Z', status: 'UpToDate' },
    {
      sgx: behind,
      pceSvn: platform.pceSvn,
      tdx: zeros([5, 0, 2]),
      date: '2023-08-09T00:00:00Z',
      status: 'OutOfDate',
      advisories: ['INTEL-SA-00837', 'INTEL-SA-00960'],
    },
    {
      sgx: behind,
      pceSvn: Math.max(0, platform.pceSvn - 6),
      tdx: zeros([3, 0, 2]),
      date: '2018-01-04T00:00:00Z',
      status: 'OutOfDate',
      advisories: ['INTEL-SA-00106', 'INTEL-SA-00289', 'INTEL-SA-00615', 'INTEL-SA-00837', 'INTEL-SA-00960'],
    },
  ];
}

export const DEFAULT_MODULES: readonly TdxModuleIdentity[] = [
  { id: 'TDX_03', levels: [{ isvSvn: 3, date: '2024-11-13T00:00:00Z', status: 'UpToDate' }] },
  {
    id: 'TDX_01',
    levels: [
      { isvSvn: 5, date: '2024-11-13T00:00:00Z', status: 'UpToDate' },
      { isvSvn: 2, date: '2023-08-09T00:00:00Z', status: 'OutOfDate', advisories: ['INTEL-SA-01099'] },
    ],
  },
];

function levelV2(level: TcbLevel): JsonObject {
  const components = Object.fromEntries(
    level.sgx.map((svn, index) => [`sgxtcbcomp${String(index + 1).padStart(2, '0')}svn`, svn]),
  );
  return { tcb: { ...components, pcesvn: level.pceSvn }, tcbDate: level.date, tcbStatus: level.status };
}

function levelV3(level: TcbLevel, tee: IntelTee): JsonObject {
  const tdx = tee === 'tdx' ? { tdxtcbcomponents: components(level.tdx, TDX_LABELS) } : {};
  return {
    tcb: { sgxtcbcomponents: components(level.sgx, SGX_LABELS), pcesvn: level.pceSvn, ...tdx },
    tcbDate: level.date,
    tcbStatus: level.status,
    ...advisories(level.advisories),
  };
}

function components(svns: readonly number[], labels: typeof SGX_LABELS): JsonObject[] {
  return svns.map((svn, index) => {
    const [category, type] = labels[index] ?? [];
    return { svn, ...(category === undefined ? {} : { category }), ...(type === undefined ? {} : { type }) };
  });
}

function advisories(ids: readonly string[] | undefined): JsonObject {
  return ids === undefined || ids.length === 0 ? {} : { advisoryIDs: [...ids] };
}

function zeros(head: readonly number[]): readonly number[] {
  return [...head, ...new Array<number>(16 - head.length).fill(0)];
}
