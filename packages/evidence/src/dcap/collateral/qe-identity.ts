/** QE identity of Intel PCS, version 2 ("Enclave Identity"). */
import { DecodeError, parseJsonStrict } from '@assay/bytes';
import { type ModuleStatus, QE_STATUSES } from '../tcb/status.js';
import { Members } from './members.js';
import { advisories } from './tcb-info.js';

export type QeIdentityId = 'QE' | 'TD_QE' | 'QVE';

export interface QeLevel {
  readonly isvSvn: number;
  readonly date: Date;
  /** What is neither UpToDate nor Revoked counts as OutOfDate. */
  readonly status: ModuleStatus;
  readonly advisoryIds: readonly string[];
}

export interface QeIdentity {
  readonly id: QeIdentityId;
  readonly issueDate: Date;
  readonly nextUpdate: Date;
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
  const document = new Members(parseJsonStrict(text, LIMITS), '');
  const version = document.integer('version', 255);
  if (version !== 2) throw new DecodeError('member', `version: ${version}; 2 is known`);
  const levels = document.objects('tcbLevels', 1, MOST_LEVELS).map(readLevel);
  levels.sort((a, b) => b.isvSvn - a.isvSvn);
  return {
    id: document.oneOf('id', ['QE', 'TD_QE', 'QVE']),
    issueDate: document.time('issueDate'),
    nextUpdate: document.time('nextUpdate'),
    evaluationNumber: document.integer('tcbEvaluationDataNumber', 2 ** 31),
    miscSelect: document.hex('miscselect', 4),
    miscSelectMask: document.hex('miscselectMask', 4),
    attributes: document.hex('attributes', 16),
    attributesMask: document.hex('attributesMask', 16),
    mrSigner: document.hex('mrsigner', 32),
    isvProdId: document.integer('isvprodid', 65535),
    levels,
  };
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
