/** Issuer chains of collateral: signer and root, under the pinned root. */
import { DecodeError } from '@assay/bytes';
import { type FindingDraft, type FindingId, type FindingRef, failed, passed, reported } from '@assay/bytes/findings';
import {
  type Certificate,
  checkEndEntity,
  checkPath,
  nameInWords,
  orderChain,
  pinned,
  type TrustAnchor,
} from '../../x509/index.js';
import { algorithmProblem } from '../pck/chain.js';
import { isRootName, isTcbSignerName, pckCaOf, TCB_SIGNER_PHRASE } from '../pck/names.js';
import { type DcapTrust, readChain } from '../roots.js';

export type ChainKind = 'tcbInfo' | 'qeIdentity' | 'tcbNumbers' | 'pckCrl';

export interface IssuerChain {
  /** The certificate that signs, only if everything about the chain held. */
  readonly signer: Certificate | undefined;
  readonly root: Certificate | undefined;
  readonly anchor: TrustAnchor | undefined;
  readonly certificates: readonly Certificate[];
  readonly findings: readonly FindingDraft[];
}

const KINDS = {
  tcbInfo: { id: 'dcap.tcbinfo.signer', subject: 'TCB info issuer chain' },
  qeIdentity: { id: 'dcap.qe-identity.signer', subject: 'QE identity issuer chain' },
  tcbNumbers: { id: 'dcap.tcb-numbers.signer', subject: 'issuer chain of the TCB evaluation numbers' },
  pckCrl: { id: 'dcap.crl.chain', subject: 'PCK CRL issuer chain' },
} as const satisfies { readonly [kind in ChainKind]: { readonly id: FindingId; readonly subject: string } };

const SOURCE = 'Intel SGX PCK certificate and CRL profile';
const LARGEST = 64 * 1024;

type ReadChain = (input: Uint8Array) => readonly Certificate[] | string;

/** Reads and orders chains; one that is equal to the one before is not read again. @throws DecodeError, by the function it gives */
export function chainReader(trust: DcapTrust): ReadChain {
  let before: { readonly input: Uint8Array; readonly path: readonly Certificate[] | string } | undefined;
  return (input) => {
    if (before !== undefined && Buffer.compare(before.input, input) === 0) return before.path;
    if (input.length > LARGEST) throw new DecodeError('chain', `${input.length} bytes are too many`);
    const path = orderChain(readChain(input, trust));
    before = { input, path };
    return path;
  };
}

/**
 * Reads and checks an issuer chain.
 *
 * @param other the anchor of the other chains of the same collateral: one root must vouch for all of it
 * @param read for callers with several chains
 */
export function issuerChain(
  input: Uint8Array,
  kind: ChainKind,
  trust: DcapTrust,
  other: TrustAnchor | undefined,
  read: ReadChain = chainReader(trust),
): IssuerChain {
  const { id, subject } = KINDS[kind];
  let path: readonly Certificate[] | string;
  try {
    path = read(input);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return unusable([problem(kind, error.message)]);
  }
  if (typeof path === 'string') return unusable([problem(kind, path)]);
  const [signer, root] = path;
  if (signer === undefined || root === undefined || path.length !== 2) {
    return unusable([problem(kind, `chain has ${path.length} certificates; 2 are wanted`)]);
  }
  const anchor = pinned(root, trust.anchors);
  const findings = [
    ...names(kind, signer, root),
    ...[...checkPath(path, trust.links), ...(kind === 'pckCrl' ? [] : checkEndEntity(signer))].map(({ text }) =>
      problem(kind, text),
    ),
    ...path.flatMap(algorithmProblem).map(({ what }) => problem(kind, what)),
    ...pinProblems(kind, root, anchor, other),
  ];
  if (findings.length > 0) return { signer: undefined, root, anchor, certificates: path, findings };
  return { signer, root, anchor, certificates: path, findings: [passed(id, subject)] };
}

function names(kind: ChainKind, signer: Certificate, root: Certificate): FindingDraft[] {
  const findings: FindingDraft[] = [];
  const cn = nameInWords(signer.subject);
  if (!isRootName(root)) findings.push(problem(kind, `${nameInWords(root.subject)} stands where the root belongs`));
  if (kind === 'pckCrl') {
    if (pckCaOf(signer) === undefined) findings.push(problem(kind, `${cn} stands where a PCK CA belongs`));
    return findings;
  }
  if (isTcbSignerName(signer)) return findings;
  const facts = {
    subject: KINDS[kind].subject,
    params: { cn },
    expected: TCB_SIGNER_PHRASE,
    actual: cn,
    compare: { relation: 'equal', type: 'text' },
    source: SOURCE,
  } as const;
  findings.push(failed(KINDS[kind].id, facts));
  return findings;
}

function pinProblems(
  kind: ChainKind,
  root: Certificate,
  anchor: TrustAnchor | undefined,
  other: TrustAnchor | undefined,
): FindingDraft[] {
  const cn = nameInWords(root.subject);
  if (anchor === undefined) return [problem(kind, `chain ends in ${cn}, whose key is not pinned`, ['dcap.pck.root'])];
  if (other !== undefined && other !== anchor) {
    return [problem(kind, `chain ends in the ${anchor.name}, the others in the ${other.name}`)];
  }
  return [];
}

/** @param causedBy what the quote's own chain may have failed for already */
function problem(kind: ChainKind, what: string, causedBy: readonly FindingRef[] = []): FindingDraft {
  const { id, subject } = KINDS[kind];
  const compare = { relation: 'chains-to', type: 'certificate' } as const;
  const facts = { subject, compare, source: SOURCE, ...(causedBy.length === 0 ? {} : { causedBy }) };
  if (kind === 'pckCrl') return failed('dcap.crl.chain', { ...facts, params: { what } });
  return reported(id, `${subject}: ${what}`, facts);
}

function unusable(findings: readonly FindingDraft[]): IssuerChain {
  return { signer: undefined, root: undefined, anchor: undefined, certificates: [], findings };
}
