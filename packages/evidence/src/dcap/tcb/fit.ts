import { encodeHex } from '@assay/bytes';
import { type FindingDraft, type FindingRef, failed, passed } from '@assay/bytes/findings';
import { unchecked } from '../collateral/findings.js';
import type { TcbInfo } from '../collateral/tcb-info.js';
import type { PckPlatform } from '../pck/extension.js';
import type { Tee } from '../quote/model.js';

/** Whether TCB info is of the TEE, the FMSPC and the PCE of the platform. */
export function checkFit(
  quoteTee: Tee,
  info: TcbInfo | undefined,
  saysTee: 'sgx' | 'tdx' | undefined,
  platform: PckPlatform | undefined,
  causes: readonly FindingRef[],
): { readonly fits: boolean; readonly findings: readonly FindingDraft[] } {
  const findings: FindingDraft[] = [];
  const tee = info?.tee ?? saysTee;
  if (tee === undefined) findings.push(...unchecked(['dcap.tcbinfo.kind'], 'TCB info', 'no TCB info stands', causes));
  else if (tee === quoteTee) findings.push(passed('dcap.tcbinfo.kind', 'TCB info'));
  else {
    const [expected, actual] = [quoteTee.toUpperCase(), tee.toUpperCase()];
    const compare = { relation: 'equal', type: 'text' } as const;
    const source = 'tee_type of the quote';
    const facts = { subject: 'TCB info', params: { actual, expected }, expected, actual, compare, source };
    findings.push(failed('dcap.tcbinfo.kind', facts));
  }
  if (info === undefined || platform === undefined) {
    findings.push(...unchecked(['dcap.tcbinfo.platform'], 'TCB info', 'one of the two sides is missing', causes));
    return { fits: false, findings };
  }
  const pairs = [
    ['FMSPC', encodeHex(info.fmspc), encodeHex(platform.fmspc)],
    ['PCE id', encodeHex(info.pceId), encodeHex(platform.pceId)],
  ] as const;
  const differing = pairs.filter(([, actual, expected]) => actual !== expected);
  for (const [field, actual, expected] of differing) {
    const compare = { relation: 'equal', type: 'bytes' } as const;
    const source = 'SGX extension of the PCK certificate';
    const facts = { subject: field, params: { field, actual, expected }, expected, actual, compare, source };
    findings.push(failed('dcap.tcbinfo.platform', facts));
  }
  if (differing.length === 0) findings.push(passed('dcap.tcbinfo.platform', 'TCB info'));
  return { fits: tee === quoteTee && differing.length === 0, findings };
}
