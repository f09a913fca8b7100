/** QE identity of Intel PCS: version 2 ("Enclave Identity", API v2 to v4) and version 1 ("QE Identity", API v1). */
import { DecodeError, parseJsonStrict } from '@assay/bytes';
import { type ModuleStatus, QE_STATUSES } from '../tcb/status.js';
import { Members } from './members.js';
import { advisories } from './tcb-info.js';

export type QeIdentityId = 'QE' | 'TD_QE' | 'QVE';

export interface QeLevel {
  readonly isvSvn: number;
  /** Version 1 dates no levels: the issue date of the document. */
  readonly date: Date;
  /** What is neither UpToDate nor Revoked counts as OutOfDate. */
  readonly status: ModuleStatus;
  readonly advisoryIds: readonly string[];
}

export interface QeIdentity {
  readonly version: 1 | 2;
  /** Version 1 is of the SGX quoting enclave alone. */
  readonly id: QeIdentityId;
  readonly issueDate: Date;
  readonly nextUpdate: Date;
  /** Version 1 is older than these numbers, hence 0: below whatever an owner asks for. */
  readonly evaluationNumber: number;
  /** Bytes in memory order, as the report has them. */
  readonly miscSelect: Uint8Array;
  readonly miscSelectMask: Uint8Array;
  readonly attributes: Uint8Array;
  readonly attributesMask: Uint8Array;
  readonly mrSigner: Uint8Array;
  readonly isvProdId: number;
  /** Highest ISVSVN first. */
  readonly levels: readonly QeLevel[];
}

const LIMITS = { maxBytes: 1024 * 1024, maxDepth: 8 };
const MOST_LEVELS = 1024;

/** Reads the signed text. @throws DecodeError */
export function parseQeIdentity(text: Uint8Array): QeIdentity {
  const document = new Members(parseJsonStrict(text, LIMITS));
  const version = document.integer('version', 255);
  if (version !== 1 && version !== 2) throw new DecodeError('member', `version: ${version}; 1 and 2 are known`);
  const issueDate = document.time('issueDate');
  return {
    version,
    ...(version === 1 ? readVersion1(document, issueDate) : readVersion2(document)),
    issueDate,
    nextUpdate: document.time('nextUpdate'),
    miscSelect: document.hex('miscselect', 4),
    miscSelectMask: document.hex('miscselectMask', 4),
    attributes: document.hex('attributes', 16),
    attributesMask: document.hex('attributesMask', 16),
    mrSigner: document.hex('mrsigner', 32),
    isvProdId: document.integer('isvprodid', 65535),
  };
}

type Versioned = Pick<QeIdentity, 'id' | 'evaluationNumber' | 'levels'>;

function readVersion2(document: Members): Versioned {
  const levels = document.objects('tcbLevels', 1, MOST_LEVELS).map(readLevel);
  levels.sort((a, b) => b.isvSvn - a.isvSvn);
  return {
    id: document.oneOf('id', ['QE', 'TD_QE', 'QVE']),
    evaluationNumber: document.integer('tcbEvaluationDataNumber', 2 ** 31),
    levels,
  };
}

/** One ISVSVN instead of levels: from it on the enclave is up to date, below it is out of date (Intel QVL, EnclaveIdentityV1). */
function readVersion1(document: Members, date: Date): Versioned {
  if (document.has('id')) document.oneOf('id', ['QE']);
  // Both at once would be two answers to one question.
  if (document.has('tcbLevels')) throw new DecodeError('member', 'tcbLevels: version 1 has none');
  const isvSvn = document.integer('isvsvn', 65535);
  const level = (from: number, status: ModuleStatus): QeLevel => ({ isvSvn: from, date, status, advisoryIds: [] });
  const below = isvSvn === 0 ? [] : [level(0, 'OutOfDate')];
  return { id: 'QE', evaluationNumber: 0, levels: [level(isvSvn, 'UpToDate'), ...below] };
}

function readLevel(level: Members): QeLevel {
  const status = level.oneOf('tcbStatus', QE_STATUSES);
  return {
    isvSvn: level.object('tcb').integer('isvsvn', 65535),
    date: level.time('tcbDate'),
    status: status === 'UpToDate' || status === 'Revoked' ? status : 'OutOfDate',
    advisoryIds: advisories(level),
  };
}
