/** A document and its certificates: every question asked, every answer kept. */
import { type ClockName, type FindingDraft, failed, notChecked, passed, refuses, warned } from '@assay/bytes/findings';
import { type CoseKey, describeCbor, type Sign1, verifySign1 } from '../cose/index.js';
import { type Certificate, KeyCache, nameInWords, type TrustAnchor } from '../x509/index.js';
import { examineChain, judgeDates, keyHex } from './chain.js';
import { type ParsedDocument, parseDocument } from './document.js';
import type { NitroTrust } from './roots.js';
import { DEFAULT_CLOCK_SKEW, type NitroRules } from './rules.js';

declare const authentic: unique symbol;
/** A document that AWS's certificates vouch for at the time of verification. Only `verifyNitroDocument` makes one. */
export interface AuthenticDocument {
  readonly [authentic]: true;
  readonly document: ParsedDocument;
  readonly anchor: TrustAnchor;
}

export interface NitroInput {
  readonly document: Uint8Array;
  readonly trust: NitroTrust;
  readonly rules: NitroRules;
  readonly now: Date;
  /** Whose time `now` is, for lines of text. */
  readonly clock: ClockName;
}

export interface NitroVerification {
  readonly findings: readonly FindingDraft[];
  /** Of a document of right form. */
  readonly document?: ParsedDocument;
  readonly leaf?: Certificate;
  readonly checks: {
    readonly signature: boolean;
    readonly chain: boolean;
    readonly root: boolean;
  };
  readonly authentic?: AuthenticDocument;
}

/** Verifies one document. Pure, and without exceptions for what a document may hold. */
export function verifyNitroDocument(input: NitroInput): NitroVerification {
  const { clock, now, rules, trust } = input;
  const parsed = parseDocument(input.document);
  const { document, message } = parsed;
  const chain = examineChain(parsed.certificates, trust);
  const dates = judgeDates(chain.path, document?.timestamp, now, rules.clockSkew ?? DEFAULT_CLOCK_SKEW, clock);
  const signature = judgeSignature(message, chain.leaf);
  const evidence = [
    ...parsed.findings,
    ...judgeAlgorithm(message, parsed.digest),
    ...chain.findings,
    ...dates,
    signature,
  ];
  const { anchor, leaf } = chain;
  const proven = document !== undefined && anchor !== undefined && !evidence.some(refuses);
  const findings = [...evidence, judgeDebug(document, rules), ...(proven ? [hardware(anchor)] : [])];
  return {
    findings,
    ...(document === undefined ? {} : { document }),
    ...(leaf === undefined ? {} : { leaf }),
    checks: {
      signature: signature.outcome === 'pass',
      chain: chain.linked && dates.every(({ outcome }) => outcome === 'pass'),
      root: anchor !== undefined,
    },
    ...(proven ? { authentic: { document, anchor } as AuthenticDocument } : {}),
  };
}

/** ES384 in the protected header, alone, and SHA384 as the digest of the PCRs. */
function judgeAlgorithm(message: Sign1 | undefined, digest: string | undefined): FindingDraft[] {
  if (message === undefined) {
    return [notChecked('nitro.document.algorithm', 'not checked: the document was not read', { subject: 'document' })];
  }
  const wrong: FindingDraft[] = [];
  if (message.algorithm?.name !== 'ES384' || message.protectedHeader.size !== 1) {
    const { algorithm, algorithmLabel, protectedHeader } = message;
    const label = algorithm?.name ?? describeCbor(algorithmLabel);
    const more = protectedHeader.size > 1 ? ', and there are other members' : '';
    wrong.push(otherAlgorithm('algorithm of the protected header', `${label}${more}`, 'ES384 alone'));
  }
  // A digest that is no text is a matter of form.
  if (digest !== undefined && digest !== 'SHA384') wrong.push(otherAlgorithm('`digest`', digest, 'SHA384'));
  return wrong.length === 0 ? [passed('nitro.document.algorithm', 'document')] : wrong;
}

function otherAlgorithm(field: string, actual: string, expected: string): FindingDraft {
  return failed('nitro.document.algorithm', {
    subject: field,
    params: { field, actual, expected },
    expected,
    actual,
    compare: { relation: 'equal', type: 'text' },
    source: 'AWS Nitro Enclaves: attestation document',
    origin: { kind: 'spec', document: 'AWS Nitro Enclaves: attestation process' },
  });
}

function judgeSignature(message: Sign1 | undefined, leaf: Certificate | undefined): FindingDraft {
  if (message === undefined || leaf === undefined) {
    const why = message === undefined ? 'the document was not read' : 'there is no leaf certificate';
    return notChecked('nitro.signature.valid', `not checked: ${why}`, { subject: 'document' });
  }
  const cn = nameInWords(leaf.subject);
  const key = leafKey(leaf);
  if (key !== undefined && verifySign1(message, key)) return passed('nitro.signature.valid', 'document', cn);
  return failed('nitro.signature.valid', {
    subject: 'document',
    params: { cn },
    expected: keyHex(leaf),
    actual: null,
    compare: { relation: 'signed-by', type: 'key' },
    source: `public key of ${cn}`,
    origin: { kind: 'vendor', vendor: 'AWS', document: 'leaf certificate' },
    // Another certificate holds another key: that is what has to be put right.
    causedBy: ['nitro.chain.links'],
  });
}

/** A leaf lives for three hours: its key goes into no shared cache. */
function leafKey({ publicKey }: Certificate): CoseKey | undefined {
  const key = publicKey.type === 'ec-p384' ? new KeyCache(0).key(publicKey) : undefined;
  return key === undefined ? undefined : { curve: 'P-384', key };
}

/** A debug enclave has zeros in PCR0 to PCR2, and its memory can be read from outside. */
export function isDebug({ pcrs }: ParsedDocument): boolean {
  return [0, 1, 2].every((index) => pcrs.get(index)?.every((byte) => byte === 0) === true);
}

function judgeDebug(document: ParsedDocument | undefined, rules: NitroRules): FindingDraft {
  if (document === undefined) {
    return notChecked('nitro.enclave.debug', 'not checked: the document was not read', { subject: 'document' });
  }
  if (!isDebug(document)) return passed('nitro.enclave.debug', 'document', false);
  const facts = {
    subject: 'document',
    expected: false,
    actual: true,
    compare: { relation: 'equal', type: 'flags' },
  } as const;
  // What the owner relaxes still warns.
  if (rules.debugAllowed === true) {
    return warned('nitro.enclave.debug', {
      ...facts,
      source: 'rule of the owner: nitro.debug_allowed',
      origin: { kind: 'setting', key: 'nitro.debug_allowed' },
    });
  }
  return failed('nitro.enclave.debug', {
    ...facts,
    source: 'AWS Nitro Enclaves: PCRs of an enclave in debug mode are zero',
    origin: { kind: 'spec', document: 'AWS Nitro Enclaves: attestation process' },
  });
}

/** Evidence under the root of emulated hardware proves nothing, and says so. */
function hardware(anchor: TrustAnchor): FindingDraft {
  if (anchor.emulated !== true) return passed('evidence.hardware.backed', 'nitro');
  return warned('evidence.hardware.backed', {
    subject: 'nitro',
    params: { tee: 'emulated nitro' },
    source: `${anchor.name}: root of an emulated TEE, added by name`,
    origin: { kind: 'setting', key: 'trust.emulated_roots' },
  });
}
