/** One quote with its key and the values of the registers: every question asked, every answer kept. */
import { ByteReader, constantTimeEqual, DecodeError, encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed, unmet } from '@assay/bytes/findings';
import type { AttestationKey } from '../key/ak.js';
import { type QuoteAttest, readQuote } from '../structures/attest.js';
import { missingValues, type PcrValues, pcrDigest, rangesInWords, selectedValues, selectionInWords } from './pcrs.js';
import { checkScheme, checkSignature, type SignatureReading } from './signature.js';

declare const authentic: unique symbol;

/** A quote that its key signed, with the values that it covers. Whose key it is, is another question. Only `verifyTpmQuote` makes one. */
export interface AuthenticTpmQuote {
  readonly [authentic]: true;
  readonly quote: QuoteAttest;
  readonly ak: AttestationKey;
  /** Values of the quoted registers, no others. */
  readonly pcrs: PcrValues;
}

/** Registers that something other than the quote reads. */
export interface PcrUse {
  readonly index: number;
  /** Who reads it, for the finding: `init-data`, `setting tpm.required_pcrs`. */
  readonly who: string;
}

export interface TpmQuoteInput {
  /** TPMS_ATTEST. */
  readonly message: Uint8Array;
  readonly signature: SignatureReading;
  /** Undefined when no key could be read: its findings say why. */
  readonly ak: AttestationKey | undefined;
  readonly pcrs: PcrValues;
  /** Registers of the SHA-256 bank that must be quoted. */
  readonly uses: readonly PcrUse[];
}

export interface TpmQuoteVerification {
  readonly findings: readonly FindingDraft[];
  /** Of a structure that could be read. */
  readonly quote: QuoteAttest | undefined;
  /** Undefined where it was not asked. */
  readonly signatureHolds: boolean | undefined;
  readonly digestHolds: boolean | undefined;
  readonly authentic: AuthenticTpmQuote | undefined;
}

const SUBJECT = 'TPM quote';
const PART2 = 'TPM 2.0 Library, Part 2';
const BANK = 'sha256';

/** Verifies a quote. Pure, and without exceptions for what quote, signature and values may hold. */
export function verifyTpmQuote(input: TpmQuoteInput): TpmQuoteVerification {
  const form = readMessage(input.message);
  const { signature } = input.signature;
  const { quote } = form;
  const findings: FindingDraft[] = [...form.findings, ...input.signature.findings];
  if (signature !== undefined) findings.push(checkScheme(signature));
  const signed = checkSigned(input, quote !== undefined);
  findings.push(signed);
  if (quote === undefined) {
    const why = 'not checked: the attest structure was not read';
    findings.push(
      notChecked('tpm.pcr.selection', why, { subject: SUBJECT }),
      notChecked('tpm.pcr.digest', why, { subject: SUBJECT }),
    );
    return { findings, quote, signatureHolds: holds(signed), digestHolds: undefined, authentic: undefined };
  }
  const digest = checkDigest(quote, input);
  findings.push(...checkSelection(quote, input.uses), checkValues(quote, input.pcrs), digest, checkClock(quote));
  const base = { findings, quote, signatureHolds: holds(signed), digestHolds: holds(digest) };
  const { ak } = input;
  const good = ak !== undefined && signature !== undefined && holds(signed) === true && holds(digest) === true;
  if (!good || findings.some(({ outcome }) => outcome === 'fail')) return { ...base, authentic: undefined };
  const result = { quote, ak, pcrs: selectedValues(quote.pcrSelection, input.pcrs) };
  // The one place where an AuthenticTpmQuote comes into being.
  return { ...base, authentic: result as unknown as AuthenticTpmQuote };
}

function holds({ outcome }: FindingDraft): boolean | undefined {
  return outcome === 'not-checked' ? undefined : outcome === 'pass';
}

function readMessage(message: Uint8Array): { readonly findings: FindingDraft[]; readonly quote?: QuoteAttest } {
  const reader = new ByteReader(message, 'TPMS_ATTEST');
  try {
    const quote = readQuote(reader);
    const form = passed('tpm.attest.form', SUBJECT);
    return { quote, findings: [form, checkTrailing(reader)] };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const finding = failed('tpm.attest.form', {
      subject: SUBJECT,
      params: { what: error.reason },
      actual: error.reason,
      compare: { relation: 'well-formed', type: 'bytes' },
      source: `${PART2}: TPMS_ATTEST`,
      origin: { kind: 'spec', document: PART2, clause: '10.12.12' },
    });
    return { findings: [finding] };
  }
}

function checkTrailing({ position, remaining }: ByteReader): FindingDraft {
  if (remaining === 0) return passed('tpm.attest.trailing', SUBJECT);
  return failed('tpm.attest.trailing', {
    subject: SUBJECT,
    params: { n: remaining, size: position },
    expected: position,
    actual: position + remaining,
    compare: { relation: 'equal', type: 'integer', unit: 'bytes' },
    source: `${PART2}: TPMS_ATTEST`,
    origin: { kind: 'spec', document: PART2, clause: '10.12.12' },
  });
}

function checkSigned({ ak, message, signature: { signature } }: TpmQuoteInput, read: boolean): FindingDraft {
  const subject = SUBJECT;
  if (ak === undefined)
    return notChecked('tpm.signature.valid', 'not checked: there is no AK to verify with', { subject });
  if (signature === undefined) {
    return notChecked('tpm.signature.valid', 'not checked: the signature was not read', { subject });
  }
  // A restricted key signs nothing that looks like an attest structure; what is none may be signed by anyone's wish.
  if (!read) return notChecked('tpm.signature.valid', 'not checked: the attest structure was not read', { subject });
  return checkSignature(message, signature, ak);
}

/** A quote of nothing vouches for nothing; what is read must be among what was quoted. */
function checkSelection({ pcrSelection }: QuoteAttest, uses: readonly PcrUse[]): FindingDraft[] {
  const quoted = selectionInWords(pcrSelection);
  const covered = new Set(pcrSelection.find(({ bank }) => bank === BANK)?.indexes);
  const readers = [...new Set(uses.map(({ who }) => who))];
  const uncovered = readers.flatMap((who) => {
    const indexes = uses.filter((use) => use.who === who && !covered.has(use.index)).map(({ index }) => index);
    return indexes.length === 0 ? [] : [{ who, list: rangesInWords(indexes.sort((a, b) => a - b)) }];
  });
  const empty = pcrSelection.every(({ indexes }) => indexes.length === 0);
  if (empty) uncovered.unshift({ who: 'verifiers', list: 'of any index' });
  if (uncovered.length === 0) return [passed('tpm.pcr.selection', SUBJECT, quoted)];
  return uncovered.map(({ list, who }) =>
    failed('tpm.pcr.selection', {
      subject: SUBJECT,
      params: { list, who, quoted },
      expected: list,
      actual: quoted,
      compare: { relation: 'present', type: 'text' },
      source: empty ? `${PART2}: TPML_PCR_SELECTION` : who,
      ...(empty ? { remedy: 'Quote the PCRs of the SHA-256 bank that policy reads.' } : {}),
    }),
  );
}

function checkValues({ pcrSelection }: QuoteAttest, pcrs: PcrValues): FindingDraft {
  const missing = missingValues(pcrSelection, pcrs);
  const [first] = missing;
  if (first === undefined) return passed('tpm.pcr.values', SUBJECT);
  const list = rangesInWords(first.indexes);
  return failed('tpm.pcr.values', {
    subject: SUBJECT,
    params: { list, bank: first.bank },
    expected: selectionInWords(pcrSelection),
    actual: `without ${missing.map(({ bank, indexes }) => `${bank}: ${rangesInWords(indexes)}`).join('; ')}`,
    compare: { relation: 'present', type: 'text' },
    source: 'selection of the signed quote',
    origin: { kind: 'spec', document: 'TPM 2.0 Library, Part 3', clause: 'TPM2_Quote' },
  });
}

function checkDigest(quote: QuoteAttest, { pcrs, signature: { signature } }: TpmQuoteInput): FindingDraft {
  const subject = SUBJECT;
  if (signature === undefined) {
    return notChecked('tpm.pcr.digest', 'not compared: the signature, which names the hash, was not read', { subject });
  }
  if (checkScheme(signature).outcome !== 'pass') {
    return notChecked('tpm.pcr.digest', 'not compared: the hash of the signature is not accepted', { subject });
  }
  const computed = pcrDigest(signature.hash, quote.pcrSelection, pcrs);
  if (constantTimeEqual(computed, quote.pcrDigest))
    return passed('tpm.pcr.digest', subject, encodeHex(quote.pcrDigest));
  return failed('tpm.pcr.digest', {
    subject,
    params: { actual: encodeHex(computed), expected: encodeHex(quote.pcrDigest) },
    expected: encodeHex(quote.pcrDigest),
    actual: encodeHex(computed),
    compare: { relation: 'equal', type: 'digest', also: [`hash of the signature: ${signature.hash}`] },
    source: 'pcrDigest of the signed quote',
    origin: { kind: 'spec', document: 'TPM 2.0 Library, Part 3', clause: 'TPM2_Quote' },
    causedBy: ['tpm.pcr.values'],
  });
}

function checkClock({ clockInfo: { resetCount, restartCount, safe } }: QuoteAttest): FindingDraft {
  if (safe) return passed('tpm.clock.safe', SUBJECT, { resets: resetCount, restarts: restartCount });
  return unmet('tpm.clock.safe', {
    subject: SUBJECT,
    params: { resets: resetCount, restarts: restartCount },
    expected: true,
    actual: false,
    compare: { relation: 'equal', type: 'flags' },
    source: `${PART2}: TPMS_CLOCK_INFO`,
    origin: { kind: 'spec', document: PART2, clause: '10.11.1' },
  });
}
