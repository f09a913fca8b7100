/** Findings about the set as a whole: what is missing, what does not go together. */
import {
  type FindingDraft,
  type FindingId,
  type FindingRef,
  failed,
  notChecked,
  passed,
  unmet,
} from '@assay/bytes/findings';
import type { QeIdentity } from './qe-identity.js';
import type { RawCollateral } from './raw.js';
import type { TcbInfo } from './tcb-info.js';

/** Pieces by the name that findings give them, and what each is needed for. */
const ITEMS: { readonly [member in Exclude<keyof RawCollateral, 'pckChain'>]: readonly [item: string, why: string] } = {
  tcbInfo: ['TCB info', 'the TCB level of the platform'],
  tcbInfoSignature: ['TCB info signature', 'the authenticity of the TCB info'],
  tcbInfoIssuerChain: ['TCB info issuer chain', 'the signature of the TCB info'],
  qeIdentity: ['QE identity', 'the identity of the quoting enclave'],
  qeIdentitySignature: ['QE identity signature', 'the authenticity of the QE identity'],
  qeIdentityIssuerChain: ['QE identity issuer chain', 'the signature of the QE identity'],
  rootCaCrl: ['root CA CRL', 'revocation of intermediate CA and TCB signer'],
  pckCrl: ['PCK CRL', 'revocation of the PCK certificate'],
  pckCrlIssuerChain: ['PCK CRL issuer chain', 'the signature of the PCK CRL'],
};

type Item = keyof typeof ITEMS;
const NAMES = Object.keys(ITEMS) as Item[];

/** One finding per missing piece; a piece whose document is missing is not asked for. */
export function missing(raw: RawCollateral): FindingDraft[] {
  return NAMES.flatMap((item) => {
    if (raw[item] !== undefined) return [];
    const document = documentOf(item);
    if (document !== item && raw[document] === undefined) return [];
    const [name, why] = ITEMS[item];
    return [
      failed('collateral.item.missing', {
        subject: name,
        params: { item: name, why },
        expected: name,
        actual: null,
        compare: { relation: 'present', type: 'text' },
        source: 'Intel DCAP: collateral of a quote',
      }),
    ];
  });
}

/** The missing pieces that a check on `item` would need, as causes. */
export function needed(raw: RawCollateral, item: Item): FindingRef[] {
  const document = documentOf(item);
  return NAMES.filter((name) => documentOf(name) === document && raw[name] === undefined).map((name) => ({
    id: 'collateral.item.missing' as const,
    subject: ITEMS[name][0],
  }));
}

/** Says that checks could not be made, and for want of what. */
export function unchecked(
  ids: readonly FindingId[],
  subject: string,
  why: string,
  causedBy: readonly FindingRef[],
): FindingDraft[] {
  return ids.map((id) =>
    notChecked(id, `not checked: ${why}`, { subject, ...(causedBy.length === 0 ? {} : { causedBy }) }),
  );
}

/** TCB info and QE identity should be of one evaluation: fetched at different times they judge by different rules. */
export function consistency(info: TcbInfo | undefined, identity: QeIdentity | undefined): FindingDraft[] {
  if (info === undefined || identity === undefined) return [];
  const [a, b] = [info.evaluationNumber, identity.evaluationNumber];
  if (a === b) return [passed('collateral.set.consistent', 'collateral')];
  return [
    unmet('collateral.set.consistent', {
      subject: 'collateral',
      params: { a, b },
      expected: a,
      actual: b,
      compare: { relation: 'equal', type: 'integer' },
      source: 'tcbEvaluationDataNumber of both documents',
    }),
  ];
}

function documentOf(item: Item): Item {
  if (item.startsWith('tcbInfo')) return 'tcbInfo';
  if (item.startsWith('qeIdentity')) return 'qeIdentity';
  return item.startsWith('pckCrl') ? 'pckCrl' : item;
}
