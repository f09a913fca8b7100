/** TDX module: which identity it has, who signed it, which level it reaches. */
import { encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, passed, unmet } from '@assay/bytes/findings';
import { unchecked } from '../collateral/findings.js';
import type { ModuleIdentity, ModuleLevel, ModuleSigner, TcbInfo } from '../collateral/tcb-info.js';
import { allZero, sameBytes, type TdReport } from '../quote/report.js';
import { findModule, matchModuleLevel, moduleId, moduleVersion } from './match.js';

export interface ModuleJudgement {
  /** Undefined for a module of version 0, which has no level of its own. */
  readonly level: ModuleLevel | undefined;
  /** Nothing about the module refuses. */
  readonly sound: boolean;
  readonly findings: readonly FindingDraft[];
}

const SUBJECT = 'TDX module';

export function judgeModule(body: TdReport, info: TcbInfo): ModuleJudgement {
  if (moduleVersion(body.teeTcbSvn) === 0) {
    const signer = info.module === undefined ? [] : checkSigner(body, info.module);
    const findings = [passed('tdx.module.identity', SUBJECT, 'tdxModule'), ...signer];
    return { level: undefined, sound: holds(findings), findings };
  }
  const identity = findModule(info, body.teeTcbSvn);
  if (identity === undefined) {
    const ids = ['tdx.module.signer', 'tdx.module.level'] as const;
    const findings = [
      unknownModule(body.teeTcbSvn, 'TEE_TCB_SVN'),
      ...unchecked(ids, SUBJECT, 'no identity of this module is known', ['tdx.module.identity']),
    ];
    return { level: undefined, sound: false, findings };
  }
  const level = matchModuleLevel(identity, body.teeTcbSvn);
  const findings = [
    passed('tdx.module.identity', SUBJECT, identity.id),
    ...checkSigner(body, identity),
    levelOf(identity, level, body.teeTcbSvn[0] ?? 0),
  ];
  return { level, sound: level !== undefined && holds(findings), findings };
}

/** @param field which SVN names the module */
export function unknownModule(svn: Uint8Array, field: string): FindingDraft {
  const expected = moduleId(svn);
  return failed('tdx.module.identity', {
    subject: field,
    params: { expected },
    expected,
    actual: null,
    compare: { relation: 'present', type: 'text' },
    source: `${field}[1] of the TD report`,
  });
}

/** MRSIGNERSEAM as the identity says; SEAMATTRIBUTES zero and as the identity says, byte for byte without the mask. */
function checkSigner(body: TdReport, signer: ModuleSigner): FindingDraft[] {
  const findings: FindingDraft[] = [];
  if (!sameBytes(body.mrSignerSeam, signer.mrSigner)) {
    findings.push(differs('MRSIGNERSEAM', encodeHex(body.mrSignerSeam), encodeHex(signer.mrSigner)));
  }
  if (!allZero(body.seamAttributes) || !sameBytes(body.seamAttributes, signer.attributes)) {
    findings.push(differs('SEAMATTRIBUTES', encodeHex(body.seamAttributes), encodeHex(signer.attributes)));
  }
  return findings.length > 0 ? findings : [passed('tdx.module.signer', SUBJECT)];
}

function differs(field: string, actual: string, expected: string): FindingDraft {
  return failed('tdx.module.signer', {
    subject: field,
    params: { field, actual, expected },
    expected,
    actual,
    compare: { relation: 'equal', type: 'bytes' },
    source: 'Intel TCB info: TDX module',
  });
}

function levelOf(identity: ModuleIdentity, level: ModuleLevel | undefined, svn: number): FindingDraft {
  if (level?.status === 'UpToDate') return passed('tdx.module.level', SUBJECT, svn);
  const best = identity.levels.find(({ status }) => status === 'UpToDate')?.isvSvn;
  const lowest = identity.levels.at(-1)?.isvSvn ?? 0;
  const facts = {
    subject: SUBJECT,
    params: {
      actual: svn,
      status: level?.status ?? `below every level, ${lowest} is the lowest`,
      expected: best ?? 'none',
    },
    expected: best ?? null,
    actual: svn,
    compare: { relation: 'at-least', type: 'svn' },
    source: `Intel TCB info: module identity ${identity.id}`,
  } as const;
  if (level !== undefined) return unmet('tdx.module.level', facts);
  return failed('tdx.module.level', { ...facts, severity: 'critical', stage: 'authenticate' });
}

function holds(findings: readonly FindingDraft[]): boolean {
  return findings.every(({ outcome }) => outcome !== 'fail');
}
