/** Lists of TCB evaluation numbers, signed by an Intel of our own; each is wrong in one thing. */
import { encodeHex, encodeUtf8 } from '@assay/bytes';
import { expect, test } from 'vitest';
import type { Endorsements } from '../../verifier.js';
import { issueCertificate, pemChain } from '../../x509/testing/issue.js';
import { fixedWidth, type JsonMap, KEYS, world } from '../testing/world.js';
import { verifyEvaluationNumbers } from './evaluation-numbers.js';

const { raw, rootDer, trust } = world();
const entry = (tcbEvaluationDataNumber: number): JsonMap => ({
  tcbEvaluationDataNumber,
  tcbRecoveryEventDate: '2025-05-13T00:00:00Z',
  tcbDate: '2025-05-14T00:00:00Z',
});
const list: JsonMap = {
  id: 'TDX',
  version: 1,
  issueDate: '2026-06-01T00:00:00Z',
  nextUpdate: '2026-07-01T00:00:00Z',
  tcbEvalNumbers: [entry(17), entry(19), entry(18)],
};

function pieces(change: JsonMap = {}): { text: Uint8Array; signature: Uint8Array; chain: Uint8Array } {
  const text = encodeUtf8(JSON.stringify({ ...list, ...change }));
  const signature = encodeUtf8(encodeHex(fixedWidth(text, KEYS.signer)));
  return { text, signature, chain: raw.tcbInfoIssuerChain ?? new Uint8Array() };
}

function verify(parts: Partial<ReturnType<typeof pieces>>): { told: string[]; numbers: number[] | undefined } {
  const named = Object.entries({ text: '', signature: '_signature', chain: '_issuer_chain' } as const);
  const endorsements: Record<string, Uint8Array> = {};
  for (const [part, suffix] of named) {
    const piece = parts[part as keyof typeof parts];
    if (piece !== undefined) endorsements[`tcb_numbers${suffix}`] = piece;
  }
  const { findings, numbers } = verifyEvaluationNumbers(endorsements as Endorsements, trust);
  const told = findings.map(({ id, outcome }) => `${outcome} ${id.replace('dcap.tcb-numbers.', '')}`);
  return { told, numbers: numbers?.numbers.map(({ number }) => number) };
}

test('a list that is signed is read, highest number first', () => {
  expect(verify(pieces())).toEqual({ told: ['pass signer', 'pass signature', 'pass form'], numbers: [19, 18, 17] });
});

test('where there is no list, nothing is said', () => {
  const { chain, signature } = pieces();
  expect(verify({ chain, signature })).toEqual({ told: [], numbers: undefined });
});

test('a signer that is not established: nothing is read', () => {
  const stranger = issueCertificate({
    subject: 'Intel SGX TCB Signing',
    issuer: 'Intel SGX Root CA',
    key: KEYS.signer,
    signer: KEYS.other,
    ca: false,
  });
  for (const chain of [new Uint8Array(), pemChain(stranger, rootDer)]) {
    const { numbers, told } = verify({ ...pieces(), chain });
    expect(told).toContain('fail signer');
    expect(told).toContain('not-checked signature');
    expect(numbers).toBeUndefined();
  }
});

test('a signature of another text, or none: nothing is read', () => {
  const { signature } = pieces({ id: 'SGX' });
  for (const other of [signature, new Uint8Array(), encodeUtf8('00'.repeat(64))]) {
    const result = verify({ ...pieces(), signature: other });
    expect(result).toEqual({ told: ['pass signer', 'fail signature', 'not-checked form'], numbers: undefined });
  }
});

test.each<[string, JsonMap]>([
  ['another version', { version: 2 }],
  ['a number twice', { tcbEvalNumbers: [entry(17), entry(17)] }],
  ['no number', { tcbEvalNumbers: [] }],
  ['another TEE', { id: 'QE' }],
])('%s is refused, though signed', (_, change) => {
  expect(verify(pieces(change))).toEqual({
    told: ['pass signer', 'pass signature', 'fail form'],
    numbers: undefined,
  });
});
