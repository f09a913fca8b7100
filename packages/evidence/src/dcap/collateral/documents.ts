/** TCB info and QE identity: signature over the exact text first, then the text is read. */
import { DecodeError } from '@assay/bytes';
import { type FindingDraft, type FindingRef, failed, passed } from '@assay/bytes/findings';
import { type Certificate, nameInWords } from '../../x509/index.js';
import type { DatedItem } from '../dates.js';
import type { Tee } from '../quote/model.js';
import { needed, unchecked } from './findings.js';
import { parseQeIdentity, type QeIdentity } from './qe-identity.js';
import type { RawCollateral } from './raw.js';
import { verifySignedText } from './signed-json.js';
import { parseTcbInfo, type TcbInfo, teeOfTcbInfo } from './tcb-info.js';

export interface CheckedTcbInfo {
  readonly info: TcbInfo | undefined;
  readonly tee: Tee | undefined;
  readonly dated: readonly DatedItem[];
  readonly findings: readonly FindingDraft[];
}

export interface CheckedQeIdentity {
  readonly identity: QeIdentity | undefined;
  readonly dated: readonly DatedItem[];
  readonly findings: readonly FindingDraft[];
}

const UNREAD = 'its signature does not stand';

/** @param signer undefined when its chain did not hold */
export function checkTcbInfo(raw: RawCollateral, signer: Certificate | undefined): CheckedTcbInfo {
  const { tcbInfo: text, tcbInfoSignature: signature } = raw;
  const causes: FindingRef[] = ['dcap.tcbinfo.signer', ...needed(raw, 'tcbInfo')];
  const none = { info: undefined, tee: undefined, dated: [] };
  if (text === undefined || signature === undefined || signer === undefined) {
    const ids = ['dcap.tcbinfo.signature', 'dcap.tcbinfo.form', 'dcap.tcbinfo.dates'] as const;
    const why = text === undefined ? 'there is none' : 'its signer is not established';
    const findings = unchecked(ids, 'TCB info', why, causes);
    return { ...none, findings };
  }
  if (!verifySignedText(text, signature, signer)) {
    const bad = failed('dcap.tcbinfo.signature', {
      subject: 'TCB info',
      params: { signer: nameInWords(signer.subject) },
      ...signedBy(signer),
    });
    return {
      ...none,
      findings: [
        bad,
        ...unchecked(['dcap.tcbinfo.form', 'dcap.tcbinfo.dates'], 'TCB info', UNREAD, ['dcap.tcbinfo.signature']),
      ],
    };
  }
  const good = passed('dcap.tcbinfo.signature', 'TCB info');
  try {
    const info = parseTcbInfo(text);
    const dated = [{ id: 'dcap.tcbinfo.dates', name: 'TCB info', from: info.issueDate, to: info.nextUpdate }] as const;
    return { info, tee: info.tee, dated, findings: [good, passed('dcap.tcbinfo.form', 'TCB info')] };
  } catch (error) {
    const what = whatOf(error);
    const form = failed('dcap.tcbinfo.form', { subject: 'TCB info', params: { what }, ...wellFormed('TCB info') });
    const dates = unchecked(['dcap.tcbinfo.dates'], 'TCB info', 'the text could not be read', ['dcap.tcbinfo.form']);
    return { ...none, tee: teeOfTcbInfo(text), findings: [good, form, ...dates] };
  }
}

/** @param signer undefined when its chain did not hold */
export function checkQeIdentity(raw: RawCollateral, signer: Certificate | undefined): CheckedQeIdentity {
  const { qeIdentity: text, qeIdentitySignature: signature } = raw;
  const none = { identity: undefined, dated: [] };
  if (text === undefined || signature === undefined || signer === undefined) {
    const ids = ['dcap.qe-identity.signature', 'dcap.qe-identity.form', 'dcap.qe-identity.dates'] as const;
    const why = text === undefined ? 'there is none' : 'its signer is not established';
    const causes: FindingRef[] = ['dcap.qe-identity.signer', ...needed(raw, 'qeIdentity')];
    return { ...none, findings: unchecked(ids, 'QE identity', why, causes) };
  }
  if (!verifySignedText(text, signature, signer)) {
    const bad = failed('dcap.qe-identity.signature', {
      subject: 'QE identity',
      params: { signer: nameInWords(signer.subject) },
      ...signedBy(signer),
    });
    const ids = ['dcap.qe-identity.form', 'dcap.qe-identity.dates'] as const;
    return { ...none, findings: [bad, ...unchecked(ids, 'QE identity', UNREAD, ['dcap.qe-identity.signature'])] };
  }
  const good = passed('dcap.qe-identity.signature', 'QE identity');
  try {
    const identity = parseQeIdentity(text);
    const { issueDate: from, nextUpdate: to } = identity;
    const dated = [{ id: 'dcap.qe-identity.dates', name: 'QE identity', from, to }] as const;
    return { identity, dated, findings: [good, passed('dcap.qe-identity.form', 'QE identity')] };
  } catch (error) {
    const what = whatOf(error);
    const facts = wellFormed('QE identity');
    const form = failed('dcap.qe-identity.form', { subject: 'QE identity', params: { what }, ...facts });
    const dates = unchecked(['dcap.qe-identity.dates'], 'QE identity', 'the text could not be read', [
      'dcap.qe-identity.form',
    ]);
    return { ...none, findings: [good, form, ...dates] };
  }
}

/** `member tcbLevels[3].tcb.pcesvn: absent`, `member name occurs twice (JSON, offset 12)`. */
function whatOf(error: unknown): string {
  if (!(error instanceof DecodeError)) throw error;
  const { format, offset, reason } = error;
  return format === 'member'
    ? `member ${reason}`
    : `${reason} (${format}${offset === undefined ? '' : `, offset ${offset}`})`;
}

function signedBy(signer: Certificate) {
  return {
    expected: signer.fingerprint,
    compare: { relation: 'signed-by', type: 'key' },
    source: 'Intel PCS: ECDSA P-256 over the exact text',
  } as const;
}

function wellFormed(document: string) {
  return { compare: { relation: 'well-formed', type: 'json' }, source: `Intel PCS, ${document}` } as const;
}
