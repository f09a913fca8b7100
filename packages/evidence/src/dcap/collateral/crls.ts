/** Root CA CRL and PCK CRL (Intel SGX PCK certificate and CRL profile, section 4). */
import { DecodeError } from '@assay/bytes';
import { type FindingDraft, type FindingRef, failed, passed, utc } from '@assay/bytes/findings';
import {
  type Certificate,
  type CertificateList,
  checkCrlSignature,
  nameInWords,
  normaliseCrl,
  parseCrl,
  sameName,
  verifySignature,
} from '../../x509/index.js';
import type { DatedItem } from '../dates.js';
import { named } from '../pck/names.js';
import { anchorKeys, type DcapTrust } from '../roots.js';
import { unchecked } from './findings.js';

export interface CheckedCrl {
  /** Only if its signature stands. */
  readonly list: CertificateList | undefined;
  readonly dated: readonly DatedItem[];
  readonly findings: readonly FindingDraft[];
}

const ROOT_CRL = 'root CA CRL';
const PCK_CRL = 'PCK CRL';
const SOURCE = 'Intel SGX PCK certificate and CRL profile';

/** @param root root certificate of a chain that leads to an anchor; without one the anchors' keys are tried */
export function checkRootCrl(
  input: Uint8Array | undefined,
  root: Certificate | undefined,
  trust: DcapTrust,
): CheckedCrl {
  if (input === undefined) return absent(ROOT_CRL);
  const read = readCrl(input, ROOT_CRL);
  const { list } = read;
  if (list === undefined) return read;
  if (root === undefined) {
    const signed = trust.anchors.some(({ publicKey }) =>
      verifySignature(list.signatureAlgorithm.name, list.tbs, list.signature, {
        der: publicKey,
        type: 'ec-p256',
        key: publicKey.subarray(-65),
      }),
    );
    return signed ? held(read, list, ROOT_CRL) : unsigned(read, ROOT_CRL, 'any pinned root', anchorKeys(trust));
  }
  const issuer = nameInWords(root.subject);
  const signed = sameName(list.issuer, root.subject) && checkCrlSignature(list, root);
  return signed ? held(read, list, ROOT_CRL) : unsigned(read, ROOT_CRL, issuer, root.fingerprint);
}

/** @param issuer first certificate of the issuer chain, when that chain held; the name is compared with the leaf's later */
export function checkPckCrl(input: Uint8Array | undefined, issuer: Certificate | undefined): CheckedCrl {
  if (input === undefined) return absent(PCK_CRL);
  const read = readCrl(input, PCK_CRL);
  const { list } = read;
  if (list === undefined) return read;
  if (issuer === undefined) {
    const why = 'its issuer chain is not established';
    const unknown = unchecked(['dcap.crl.signature', 'dcap.crl.dates'], PCK_CRL, why, [
      'dcap.crl.chain',
      { id: 'collateral.item.missing', subject: 'PCK CRL issuer chain' },
    ]);
    return { ...read, list: undefined, findings: [...read.findings, ...unknown] };
  }
  return checkCrlSignature(list, issuer)
    ? held(read, list, PCK_CRL)
    : unsigned(read, PCK_CRL, nameInWords(issuer.subject), issuer.fingerprint);
}

/** Whether the TCB signing certificate is on the root CRL. */
export function revocationOfSigner(
  signer: Certificate,
  list: CertificateList | undefined,
  causes: readonly FindingRef[],
): FindingDraft[] {
  return [caRevocation(signer, list, causes)];
}

/** Whether a certificate that the root issued is on the root CRL. */
export function caRevocation(
  certificate: Certificate,
  list: CertificateList | undefined,
  causes: readonly FindingRef[],
): FindingDraft {
  const subject = named(certificate);
  const [unknown] = unchecked(['dcap.ca.revoked'], subject, 'the root CA CRL does not stand', causes);
  if (list === undefined && unknown !== undefined) return unknown;
  const date = list?.revoked.get(certificate.serial);
  if (date === undefined) return passed('dcap.ca.revoked', subject);
  return failed('dcap.ca.revoked', {
    subject,
    params: { cn: nameInWords(certificate.subject), date: utc(date) },
    expected: null,
    actual: { serial: certificate.serial, revoked: utc(date) },
    compare: { relation: 'not-in', type: 'certificate' },
    source: ROOT_CRL,
  });
}

function readCrl(input: Uint8Array, name: string): CheckedCrl {
  try {
    const list = parseCrl(new Uint8Array(normaliseCrl(input)));
    const problem = profileProblem(list);
    if (problem === undefined) return { list, dated: [], findings: [passed('dcap.crl.form', name)] };
    return { list: undefined, dated: [], findings: [form(name, problem), ...unsignedYet(name)] };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { list: undefined, dated: [], findings: [form(name, error.message), ...unsignedYet(name)] };
  }
}

/** The profile wants number and authority key identifier, which only version 2 can have, and a next update. */
function profileProblem(list: CertificateList): string | undefined {
  if (list.nextUpdate === undefined) return 'no next update';
  if (list.crlNumber === undefined) return 'no CRL number';
  return list.authorityKeyIdentifier === undefined ? 'no authority key identifier' : undefined;
}

function held(read: CheckedCrl, list: CertificateList, name: string): CheckedCrl {
  const { thisUpdate: from, nextUpdate } = list;
  const dated = [{ id: 'dcap.crl.dates', name, from, to: nextUpdate ?? from }] as const;
  return { list, dated, findings: [...read.findings, passed('dcap.crl.signature', name)] };
}

function unsigned(read: CheckedCrl, name: string, issuer: string, expected: string | string[]): CheckedCrl {
  const finding = failed('dcap.crl.signature', {
    subject: name,
    params: { crl: name, issuer },
    expected,
    compare: { relation: 'signed-by', type: 'key' },
    source: SOURCE,
    ...(typeof expected === 'string' ? {} : { causedBy: ['dcap.pck.root'] as const }),
  });
  const dates = unchecked(['dcap.crl.dates'], name, 'its signature does not stand', ['dcap.crl.signature']);
  return { list: undefined, dated: [], findings: [...read.findings, finding, ...dates] };
}

function absent(name: string): CheckedCrl {
  const causes = [{ id: 'collateral.item.missing', subject: name }] as const;
  const ids = ['dcap.crl.form', 'dcap.crl.signature', 'dcap.crl.dates'] as const;
  return { list: undefined, dated: [], findings: unchecked(ids, name, 'there is none', causes) };
}

function unsignedYet(name: string): FindingDraft[] {
  return unchecked(['dcap.crl.signature', 'dcap.crl.dates'], name, 'the list could not be read', ['dcap.crl.form']);
}

function form(name: string, what: string): FindingDraft {
  return failed('dcap.crl.form', {
    subject: name,
    params: { crl: name, what },
    compare: { relation: 'well-formed', type: 'bytes' },
    source: SOURCE,
  });
}
