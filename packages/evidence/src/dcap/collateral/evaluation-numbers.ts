/**
 * TCB evaluation numbers that Intel serves (PCS v4, "TCB Evaluation Data Numbers", version 1). They say what may be pinned;
 * no verdict rests on them, so that the signer's revocation is left to the documents that are pinned.
 */
import { DecodeError, parseJsonStrict } from '@assay/bytes';
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';
import type { Endorsements } from '../../verifier.js';
import { nameInWords } from '../../x509/index.js';
import type { Tee } from '../quote/model.js';
import type { DcapTrust } from '../roots.js';
import { unchecked } from './findings.js';
import { Members } from './members.js';
import { verifySignedText } from './signed-json.js';
import { issuerChain } from './signer.js';

export interface EvaluationNumber {
  readonly number: number;
  /** When the vulnerabilities that the evaluation is about were published. */
  readonly recoveryEventDate: Date;
  /** A platform with everything of that day is up to date by this evaluation. */
  readonly tcbDate: Date;
}

export interface EvaluationNumbers {
  readonly tee: Tee;
  readonly issueDate: Date;
  readonly nextUpdate: Date;
  /** Highest first; never empty. */
  readonly numbers: readonly EvaluationNumber[];
}

/** Names of the pieces among endorsements. */
const NAMES = { text: 'tcb_numbers', signature: 'tcb_numbers_signature', chain: 'tcb_numbers_issuer_chain' } as const;
const LIMITS = { maxBytes: 64 * 1024, maxDepth: 8 };
const MOST_NUMBERS = 1024;
const SUBJECT = 'TCB evaluation numbers';
const SOURCE = 'Intel PCS v4, TCB Evaluation Data Numbers';

/** Signature first, then the text is read. Nothing is said where there is no such list. Never throws. */
export function verifyEvaluationNumbers(
  endorsements: Endorsements,
  trust: DcapTrust,
): { readonly findings: readonly FindingDraft[]; readonly numbers?: EvaluationNumbers } {
  const piece = (name: string): Uint8Array =>
    (Object.hasOwn(endorsements, name) && endorsements[name]) || new Uint8Array();
  const text = piece(NAMES.text);
  if (text.length === 0) return { findings: [] };
  const { findings, signer } = issuerChain(piece(NAMES.chain), 'tcbNumbers', trust, undefined);
  if (signer === undefined) {
    const ids = ['dcap.tcb-numbers.signature', 'dcap.tcb-numbers.form'] as const;
    const causes = ['dcap.tcb-numbers.signer'] as const;
    return { findings: [...findings, ...unchecked(ids, SUBJECT, 'its signer is not established', causes)] };
  }
  if (!verifySignedText(text, piece(NAMES.signature), signer)) {
    const bad = failed('dcap.tcb-numbers.signature', {
      subject: SUBJECT,
      params: { signer: nameInWords(signer.subject) },
      expected: signer.fingerprint,
      compare: { relation: 'signed-by', type: 'key' },
      source: SOURCE,
    });
    const causes = ['dcap.tcb-numbers.signature'] as const;
    const unread = unchecked(['dcap.tcb-numbers.form'], SUBJECT, 'its signature does not stand', causes);
    return { findings: [...findings, bad, ...unread] };
  }
  const signed = [...findings, passed('dcap.tcb-numbers.signature', SUBJECT)];
  try {
    const numbers = parseEvaluationNumbers(text);
    return { findings: [...signed, passed('dcap.tcb-numbers.form', SUBJECT)], numbers };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const form = failed('dcap.tcb-numbers.form', {
      subject: SUBJECT,
      params: { what: error.message },
      compare: { relation: 'well-formed', type: 'json' },
      source: SOURCE,
    });
    return { findings: [...signed, form] };
  }
}

/** Reads the signed text. @throws DecodeError */
function parseEvaluationNumbers(text: Uint8Array): EvaluationNumbers {
  const document = new Members(parseJsonStrict(text, LIMITS));
  const version = document.integer('version', 255);
  if (version !== 1) throw new DecodeError('member', `version: ${version}; 1 is known`);
  const numbers = document.objects('tcbEvalNumbers', 1, MOST_NUMBERS).map((entry) => ({
    number: entry.integer('tcbEvaluationDataNumber', 2 ** 31),
    recoveryEventDate: entry.time('tcbRecoveryEventDate'),
    tcbDate: entry.time('tcbDate'),
  }));
  if (new Set(numbers.map(({ number }) => number)).size !== numbers.length) {
    throw new DecodeError('member', 'tcbEvalNumbers: a number stands twice');
  }
  return {
    tee: document.oneOf('id', ['SGX', 'TDX']) === 'SGX' ? 'sgx' : 'tdx',
    issueDate: document.time('issueDate'),
    nextUpdate: document.time('nextUpdate'),
    numbers: numbers.sort((a, b) => b.number - a.number),
  };
}
